"""The baseline's pipeline on tiny random models: the rules of ContinuousPipeline, disk, and what it refuses."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from ditar.baseline.lm import TokenLM
from ditar.cli import main
from ditar.storage.weights import ModelError
from ditar.synthesis import pretrained, token_pipeline
from ditar.synthesis.length import lengths
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.token_pipeline import TokenPipeline
from ditar.synthesis.voice import VoiceError, blend_voices
from ditar.text import Phonemiser, TextError
from ditar.vae.codec_audio import decode_after
from tests.tiny import clip, tiny_pipeline

pytest.importorskip("vector_quantize_pytorch")
from tests.tiny_tokens import tiny_codec, tiny_token_pipeline  # noqa: E402

TEXT, CLIP_TEXT = "Good morning.", "Hello there."


@pytest.fixture(scope="module")
def pipeline():
    return tiny_token_pipeline(end=False)


@pytest.fixture(scope="module")
def speech(pipeline):
    return pipeline(TEXT, clip(), CLIP_TEXT, seed=1, max_retries=0)


def test_output_is_whole_frames_of_finite_samples(speech):
    assert speech.audio.dtype == np.float32 and speech.sample_rate == 24_000
    assert len(speech.audio) == speech.patches * 600 and np.isfinite(speech.audio).all()


def test_no_end_stops_at_the_cap_and_says_so(speech):
    assert not speech.stopped and speech.attempts == 1 and "did not end by itself" in speech.warnings[0]
    assert 1.0 < len(speech.audio) / 24_000 < 8.0


def test_retries_use_other_seeds_and_the_most_likely_tokens_need_none(pipeline, speech):
    retried = pipeline(TEXT, clip(), CLIP_TEXT, seed=1, max_retries=1)
    assert retried.attempts == 2 and retried.seed != 1 and speech.seed == 1 and len(retried.failures) == 1
    assert not np.array_equal(retried.audio, speech.audio)
    for greedy in ({"temperature": 0.0}, {"top_k": 1}):
        made = [pipeline(TEXT, clip(), CLIP_TEXT, seed=s, **greedy) for s in (1, 2)]
        assert made[0].attempts == 1 and np.array_equal(made[0].audio, made[1].audio)


def test_an_end_too_early_is_put_off_and_one_that_is_early_is_reported():
    ends = tiny_token_pipeline(end=True)
    text = "A long sentence of very many words indeed."
    short = ends(text, clip(), CLIP_TEXT, seed=1)
    assert short.stopped and short.attempts == 3 and "ended after" in short.warnings[0]
    voice = ends.create_voice(clip(), CLIP_TEXT)
    expected = float(short.warnings[0].split("about ")[1].split(" s")[0])
    assert short.patches == int(0.3 * expected * 40) + 1 and voice.latents.shape[1] == 3


def test_the_prompt_is_the_reference_before_what_is_to_be_said(pipeline, monkeypatch):
    """Its words with a full stop, then a blank and the text; its codes, and no end behind them."""
    asked, generate = [], token_pipeline.generate_tokens
    monkeypatch.setattr(token_pipeline, "generate_tokens", lambda *at, **how: asked.append(how) or generate(*at, **how))
    before = []
    monkeypatch.setattr(token_pipeline, "decode_after", lambda *at: before.append(at[1]) or decode_after(*at))
    voice = pipeline.create_voice(clip(), "Hello there")
    speech = pipeline(TEXT, voice=voice, seed=1, max_retries=0)
    symbols, seconds_per_symbol = pipeline.token_lm.config.symbols, pipeline.token_lm.config.seconds_per_symbol
    read = "".join(symbols[i] for i in asked[0]["condition"].text[0])
    phonemise = Phonemiser("en-us")
    assert read == "".join([*phonemise("Hello there."), " ", *phonemise(TEXT)])
    assert asked[0]["condition"].counts.tolist() == [len(read)]
    assert torch.equal(asked[0]["known"], voice.latents.T[None].long())
    assert torch.equal(before[0][None], asked[0]["known"])  # the decoder goes on from there, too
    most = int(lengths(len(phonemise(TEXT)), voice, seconds_per_symbol).most * 40) + 1
    assert asked[0]["max_frames"] == speech.patches == most  # it never says the end


def test_same_seed_same_samples_and_options_change_them(pipeline, speech):
    def speak(**options):
        return pipeline(TEXT, clip(), CLIP_TEXT, max_retries=0, **options).audio

    assert np.array_equal(speak(seed=1), speech.audio)
    assert np.array_equal(speak(generator=torch.Generator().manual_seed(1)), speech.audio)
    others = [{"seed": 2}, {"guidance_scale": 4.0}, {"temperature": 0.3}, {"top_k": 2}, {"top_p": 0.2}]
    for options in others:
        assert not np.array_equal(speak(**{"seed": 1, **options}), speech.audio), options


def test_a_voice_is_its_codes_and_belongs_to_its_codec(pipeline, speech):
    voice = pipeline.create_voice(clip(), CLIP_TEXT)
    codes = pipeline.codec.encode(torch.from_numpy(np.pad(clip(), (0, 6000)))[None])
    assert voice.latents.shape[1] == 3 and voice.latents.max() < 16 and len(voice.latents) <= codes.shape[2]
    assert np.array_equal(pipeline(TEXT, voice=voice, seed=1, max_retries=0).audio, speech.audio)
    request = SpeechRequest(TEXT, voice, seed=1, temperature=0.9, guidance_scale=1.5)
    (batched,) = pipeline.batch([request], max_retries=0)
    assert np.array_equal(batched.audio, speech.audio)
    with pytest.raises(VoiceError, match="was made with the VAE xyz and this model has speech_vae-40hz-3x16-"):
        pipeline(TEXT, voice=replace(voice, vae="xyz"))
    with pytest.raises(VoiceError, match="voice 'both' is a blend, which models of tokens do not speak; name one voice"):
        pipeline(TEXT, voice=blend_voices([(voice, 1.0), (voice, 1.0)], "both"))
    with pytest.raises(ValueError, match="not both"):
        pipeline(TEXT, clip(), CLIP_TEXT, voice=voice)


def test_the_reference_is_not_in_the_output(pipeline):
    voice = pipeline.create_voice(clip(2.0), CLIP_TEXT)
    made = pipeline(TEXT, voice=voice, seed=3, max_retries=0)
    codes = voice.latents.T.long()
    alone = decode_after(pipeline.codec, codes[:, :-1], codes[:, -1:], torch.device("cpu"))
    assert len(alone) == 600 and not np.allclose(made.audio[:600], alone)


def test_the_shipped_voice_speaks(pipeline):
    made = pipeline(TEXT, seed=1, max_retries=0)
    assert len(made.audio) and made.seed == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_inference_steps": 4}, "num_inference_steps 4 is for models with diffusion"),
        ({"guidance_steps": (0.0, 0.5)}, "guidance_steps [(]0.0, 0.5[)] is for models with diffusion"),
        ({"guidance_rise": 4.0}, "guidance_rise 4.0 is for models with diffusion"),
        ({"solver": "dpm++"}, "solver 'dpm[+][+]' is for models with diffusion"),
        ({"temperature": -0.1}, "temperature must be a number from 0 to 100, got -0.1"),
        ({"guidance_scale": 0.5}, "guidance_scale must be a number from 1 to 100, got 0.5"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
        ({"seed": 1, "generator": torch.Generator()}, "not both"),
    ],
)
def test_options_are_refused_by_name(pipeline, options, message):
    with pytest.raises(ValueError, match=message):
        pipeline(TEXT, clip(), CLIP_TEXT, **options)


def test_a_batch_is_read_before_it_is_spoken_and_the_shipped_voice_once(pipeline, monkeypatch):
    spoken, made = [], []
    generate, create = token_pipeline.generate_tokens, pipeline.create_voice
    monkeypatch.setattr(token_pipeline, "generate_tokens", lambda *a, **o: spoken.append(a) or generate(*a, **o))
    monkeypatch.setattr(pipeline, "create_voice", lambda *a: made.append(a) or create(*a))
    with pytest.raises(TextError, match="U\\+265C"):
        pipeline.batch([SpeechRequest(TEXT, seed=1), SpeechRequest("\u265c", seed=1)], max_retries=0)
    with pytest.raises(ValueError, match="stop_threshold 0.5 is for models with a stop head"):
        pipeline.batch([SpeechRequest(TEXT, seed=1), SpeechRequest(TEXT, stop_threshold=0.5)])
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1 to 1000, got 0"):
        pipeline.batch([SpeechRequest(TEXT, seed=1)], batch_size=0)
    assert not spoken
    made.clear()
    assert len(pipeline.batch([SpeechRequest(TEXT, seed=s) for s in (1, 2)], max_retries=0)) == 2
    assert len(spoken) == 2 and len(made) == 1


def test_what_diffusion_takes_by_default_is_no_error(pipeline, speech):
    defaults = {"num_inference_steps": 10, "solver": "ddim", "time_grid": "uniform"}
    assert np.array_equal(pipeline(TEXT, clip(), CLIP_TEXT, seed=1, max_retries=0, **defaults).audio, speech.audio)
    with pytest.raises(TypeError, match="no option 'stepps'"):
        pipeline(TEXT, clip(), CLIP_TEXT, stepps=3)


def test_texts_and_clips_are_checked(pipeline):
    with pytest.raises(TextError, match="prompt_text is missing"):
        pipeline(TEXT, clip())
    with pytest.raises(ValueError, match="that of a clip, and none is given"):
        pipeline(TEXT, prompt_text=CLIP_TEXT)
    slow = tiny_token_pipeline(codec=pipeline.codec, seconds_per_symbol=5.0)
    with pytest.raises(TextError, match="30 s is the limit"):
        slow.batch([SpeechRequest(TEXT, slow.create_voice(clip(), CLIP_TEXT))])
    short = tiny_token_pipeline(codec=pipeline.codec, trained_seconds=1.0)
    long = short(TEXT, clip(), CLIP_TEXT, seed=1, max_retries=0)
    assert any("trained on up to 1 s together" in warning for warning in long.warnings)


def test_models_that_do_not_fit_quote_both():
    codec = tiny_codec()
    model = tiny_token_pipeline(codec=codec).token_lm
    with pytest.raises(ValueError, match="the model speaks speech_vae-.* and this codec is speech_vae-"):
        TokenPipeline(tiny_codec(seed=1), model)
    other = TokenLM(replace(model.config, text="category", categories=("a",), symbols=(), guidance_scale=1.0))
    with pytest.raises(ModelError, match="text of this model is 'category'"):
        TokenPipeline(codec, other)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "saved"
    tiny_token_pipeline().save_pretrained(out)
    return out


def test_disk_and_back(folder):
    plain = tiny_token_pipeline()
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "TokenPipeline" and not list(folder.rglob("*.bin"))
    again = pretrained.load_pipeline(folder)
    assert isinstance(again, TokenPipeline)
    again.set_progress_bar_config(disable=True)
    made = [p(TEXT, clip(), CLIP_TEXT, seed=5, max_retries=0).audio for p in (plain, again)]
    assert np.array_equal(*made)
    half = folder.parent / "half"
    plain.save_pretrained(half, torch.float16)
    TokenPipeline.from_pretrained(half)  # the codec has its fingerprint still
    sizes = [sum(p.stat().st_size for p in f.rglob("token_lm/*.safetensors")) for f in (half, folder)]
    assert sizes[0] < 0.6 * sizes[1]


def test_each_loader_names_the_other_kind(folder, tmp_path):
    with pytest.raises(ModelError, match="is of 'TokenPipeline', not of 'DiTARPipeline'"):
        ContinuousPipeline.from_pretrained(folder)
    tiny_pipeline().save_pretrained(tmp_path / "ditar")
    assert isinstance(pretrained.load_pipeline(tmp_path / "ditar"), ContinuousPipeline)
    with pytest.raises(ModelError, match="is of 'DiTARPipeline', not of 'TokenPipeline'"):
        TokenPipeline.from_pretrained(tmp_path / "ditar")
    (tmp_path / "ditar/model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(ModelError, match="'FluxPipeline', not of DiTARPipeline or TokenPipeline"):
        pretrained.load_pipeline(tmp_path / "ditar")


@pytest.fixture
def reference(tmp_path):
    from ditar.audio.write import write_audio

    write_audio(tmp_path / "reference.wav", clip(1.5), 24_000)
    return tmp_path / "reference.wav"


def test_the_command_speaks_with_a_baseline(folder, reference, tmp_path, capsys):
    out = tmp_path / "out.wav"
    words = ["--text", TEXT, "--prompt-audio", str(reference), "--prompt-text", CLIP_TEXT, "--output", str(out)]
    common = ["synthesize", "--model", str(folder), *words]
    assert main([*common, "--top-k", "4", "--temperature", "1.2"]) == 0
    assert out.is_file() and "s of speech" in capsys.readouterr().out
    out.unlink()
    assert main([*common, "--steps", "4"]) == 1
    assert "--steps is for models with diffusion" in capsys.readouterr().err and not out.exists()
    # A checkpoint of another codec.
    strange = tmp_path / "strange"
    shutil.copytree(folder, strange)
    shutil.rmtree(strange / "codec")
    tiny_codec(seed=1).save_pretrained(strange / "codec")
    assert main(["synthesize", "--model", str(strange), *words]) == 1
    assert capsys.readouterr().err.count("speech_vae-40hz-3x16-") == 2 and not out.exists()
    tiny_pipeline().save_pretrained(tmp_path / "ditar")
    assert main(["synthesize", "--model", str(tmp_path / "ditar"), *words, "--top-k", "4"]) == 1
    assert "--top-k is for models that draw tokens" in capsys.readouterr().err and not out.exists()
    with pytest.raises(ValueError, match="top_k is not an option of DiTARPipeline"):  # said of a model of the hub
        pretrained.require_options(tiny_pipeline(), ["top_k"])
