"""A tiny random CTC checkpoint that hears "C" in whatever sounds."""

import json

import torch

from ditar.audio.torchaudio_shim import import_torchaudio

TINY = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "conv_dim": (8, 8),
    "conv_stride": (20, 16), "conv_kernel": (20, 16), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
LETTERS = ["<pad>", "<unk>", "|", "C", "A", "T"]


def make_ctc(folder):
    """Written into a new folder, which is returned."""
    import_torchaudio()  # transformers imports it too
    import transformers

    folder.mkdir()
    vocabulary = folder.parent / "letters.json"
    vocabulary.write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}))
    tokenizer = transformers.Wav2Vec2CTCTokenizer(
        str(vocabulary), pad_token="<pad>", unk_token="<unk>", word_delimiter_token="|", bos_token=None, eos_token=None
    )
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False)
    transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    model = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(vocab_size=len(LETTERS), pad_token_id=0, **TINY))
    model.lm_head.weight.data *= 0.0
    model.lm_head.bias.data = torch.tensor([0.0, 0.0, 0.0, 5.0, 0.0, 0.0])
    model.save_pretrained(folder)
    return folder
