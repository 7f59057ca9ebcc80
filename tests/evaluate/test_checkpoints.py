"""On tiny random checkpoints that are made here; a bias makes some of them say what is known."""

import json

import numpy as np
import pytest
import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.evaluate.checkpoints import CheckpointEmbedder, CheckpointRecogniser, split_long
from ditar.evaluate.inputs import EvaluationError
from tests.evaluate.sounds import buzz, hiss, quiet

import_torchaudio()  # transformers imports it too
transformers = pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")

TINY = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "conv_dim": (8, 8),
    "conv_stride": (20, 16), "conv_kernel": (20, 16), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
LETTERS = ["<pad>", "<unk>", "|", "C", "A", "T"]


@pytest.fixture(scope="module")
def ctc(tmp_path_factory):
    """A CTC checkpoint that hears "C" in whatever sounds."""
    folder = tmp_path_factory.mktemp("checkpoints") / "ctc"
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


def test_ctc_by_folder(ctc, tmp_path):
    from ditar.audio.write import write_audio

    recogniser = CheckpointRecogniser(str(ctc))
    assert recogniser.transcribe([buzz(0.5), quiet(0.5), quiet(0), hiss(0.3)]) == ["C", "", "", "C"]
    assert recogniser.transcribe([hiss(31.0)]) == ["C C"]  # two windows
    write_audio(tmp_path / "a.wav", buzz(0.5), 24_000)
    assert recogniser.recognise({"u2": tmp_path / "a.wav", "u1": tmp_path / "a.wav"}, False) == {"u2": "C", "u1": "C"}
    assert recogniser.spelling is None
    name = recogniser.name
    assert name.startswith("ctc sha256 ") and f"transformers {transformers.__version__}" in name
    assert CheckpointRecogniser(str(ctc)).name == name


def test_whisper_by_folder(tmp_path):
    from tokenizers.pre_tokenizers import ByteLevel

    pieces = ["<|endoftext|>", *sorted(ByteLevel.alphabet()), "<|startoftranscript|>", "<|notimestamps|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = transformers.WhisperTokenizer(vocab=vocabulary, merges=[], normalizer_file=None)
    extractor = transformers.WhisperFeatureExtractor(feature_size=8)
    transformers.WhisperProcessor(extractor, tokenizer).save_pretrained(tmp_path / "whisper")
    (tmp_path / "whisper" / "normalizer.json").write_text('{"colour": "color"}')  # as OpenAI's checkpoints have it
    start = vocabulary["<|startoftranscript|>"]
    config = transformers.WhisperConfig(
        vocab_size=len(pieces), num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        max_target_positions=12, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=start, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.WhisperForConditionalGeneration(config)
    model.generation_config.is_multilingual = False
    model.generation_config.no_timestamps_token_id = vocabulary["<|notimestamps|>"]
    model.generation_config.max_length = 10
    model.save_pretrained(tmp_path / "whisper")
    recogniser = CheckpointRecogniser(str(tmp_path / "whisper"))
    sounds = [buzz(0.5), hiss(0.4), buzz(0.7, 200.0)]
    together = recogniser.transcribe([sounds[0], quiet(0.3), *sounds[1:]])
    alone = [recogniser.transcribe([sound])[0] for sound in sounds]
    assert together == [alone[0], "", *alone[1:]] and any(alone)
    assert recogniser.spelling == {"colour": "color"}


@pytest.fixture(scope="module")
def xvector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "wavlm"
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        tdnn_dim=(16, 16, 16, 16, 32), xvector_output_dim=12, num_buckets=8, max_bucket_distance=16, **TINY
    )
    transformers.WavLMForXVector(config).save_pretrained(folder)
    return folder


def test_speaker_embeddings_by_folder(xvector):
    embedder = CheckpointEmbedder(str(xvector))
    first, second = embedder.embed(buzz(1.5)), embedder.embed(hiss(1.5))
    assert first.shape == (12,) and np.linalg.norm(first) == pytest.approx(1, rel=1e-5)
    assert first @ embedder.embed(buzz(1.5)) == pytest.approx(1, rel=1e-5) and first @ second < 0.9999
    assert not embedder.embed(quiet(1.0)).any() and not embedder.embed(quiet(0)).any()
    assert np.linalg.norm(embedder.embed(buzz(0.05))) == pytest.approx(1, rel=1e-5)  # too short for the head alone
    assert embedder.name.startswith("wavlm sha256 ")


def test_the_wrong_checkpoint_is_named(ctc, xvector, tmp_path):
    with pytest.raises(EvaluationError, match="is Wav2Vec2ForCTC: speaker similarity needs an x-vector head"):
        CheckpointEmbedder(str(ctc))
    with pytest.raises(EvaluationError, match="is WavLMForXVector: recognition needs Whisper or .* CTC head"):
        CheckpointRecogniser(str(xvector))
    with pytest.raises(EvaluationError, match="no checkpoint .*nothing' for AutoConfig.*give a folder"):
        CheckpointRecogniser(str(tmp_path / "nothing"))


def test_long_waveforms_are_cut_where_it_is_quiet():
    sound = np.concatenate([hiss(27.0), quiet(0.5), hiss(10.0), hiss(30.0)])
    pieces = split_long(sound)
    assert np.array_equal(np.concatenate(pieces), sound) and max(map(len, pieces)) <= 30 * 16_000
    assert 27.0 < len(pieces[0]) / 16_000 < 27.5
    assert len(split_long(quiet(30.0))) == 1 and [len(piece) for piece in split_long(quiet(0))] == [0]
