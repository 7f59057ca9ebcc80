"""On tiny random checkpoints that are made here; a bias makes some of them say what is known."""

import pytest
import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.recognise import RecogniserError
from ditar.recognise.checkpoint import CheckpointRecogniser
from tests.evaluate.sounds import buzz, hiss, quiet
from tests.recognise.tiny_ctc import TINY, make_ctc

import_torchaudio()  # transformers imports it too
transformers = pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")


@pytest.fixture(scope="module")
def ctc(tmp_path_factory):
    return make_ctc(tmp_path_factory.mktemp("checkpoints") / "ctc")


def test_ctc_by_folder(ctc, tmp_path):
    from ditar.audio.write import write_audio

    recogniser = CheckpointRecogniser(str(ctc))
    assert recogniser.transcribe_batch([buzz(0.5), quiet(0.5), quiet(0), hiss(0.3)]) == ["C", "", "", "C"]
    assert recogniser.transcribe(hiss(31.0)) == "C C"  # two windows
    write_audio(tmp_path / "a.wav", buzz(0.5), 24_000)
    audio = {"u2": tmp_path / "a.wav", "u1": tmp_path / "a.wav"}
    assert recogniser.recognise(audio, progress=False) == {"u2": "C", "u1": "C"}
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
    together = recogniser.transcribe_batch([sounds[0], quiet(0.3), *sounds[1:]])
    alone = [recogniser.transcribe(sound) for sound in sounds]
    assert together == [alone[0], "", *alone[1:]] and any(alone)
    assert recogniser.spelling == {"colour": "color"}


def test_the_wrong_checkpoint_is_named(tmp_path):
    transformers.WavLMConfig(architectures=["WavLMForXVector"], **TINY).save_pretrained(tmp_path / "wavlm")
    with pytest.raises(RecogniserError, match="is WavLMForXVector: recognition needs Whisper or .* CTC head"):
        CheckpointRecogniser(str(tmp_path / "wavlm"))
    with pytest.raises(RecogniserError, match="no checkpoint .*nothing' for AutoConfig.*give a folder"):
        CheckpointRecogniser(str(tmp_path / "nothing"))
