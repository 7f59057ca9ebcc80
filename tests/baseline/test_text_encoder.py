import pytest
import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.baseline.text_encoder import T5TextEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny T5 with random weights and a tokeniser of a few words, as `save_pretrained` writes them."""
    pytest.importorskip("transformers")
    import_torchaudio()
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    path = tmp_path_factory.mktemp("t5")
    words = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", "slow", "fast", "piano", "drums"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    named = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(path)
    torch.manual_seed(0)
    shape = T5Config(vocab_size=7, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    T5EncoderModel(shape).save_pretrained(path)
    return path


def test_texts_become_what_the_model_attends_to(folder):
    encoder = T5TextEncoder(folder, width=16)
    found = encoder(["slow piano", "fast"])
    assert found.text.shape == (2, 3, 16) and found.text.dtype == torch.float32
    assert found.counts.tolist() == [3, 2] and found.keep is None
    alone = encoder(["fast"])
    assert torch.allclose(found.text[1, :2], alone.text[0], atol=1e-5)
    assert not torch.allclose(alone.text, encoder(["drums"]).text)
    assert not any(p.requires_grad for p in encoder.model.parameters()) and not encoder.model.training


def test_another_width_is_quoted(folder):
    with pytest.raises(ValueError, match="gives 16 channels and the model reads 768"):
        T5TextEncoder(folder, width=768)


def test_a_folder_without_an_encoder_is_named(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match="no T5 encoder at .*give a name on the hub or a folder"):
        T5TextEncoder(tmp_path)
