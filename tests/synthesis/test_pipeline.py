"""The pipeline on tiny random models: shapes, seams, seeds, limits, disk, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import ditar
from ditar.audio import AudioError
from ditar.audio.trim import fade
from ditar.cli import main
from ditar.config.sampling import SOLVERS, SamplingOptions
from ditar.model.ditar import DiTAR
from ditar.storage.weights import ModelError
from ditar.synthesis import loading
from ditar.synthesis.model_folder import SHIPPED_MODEL
from ditar.synthesis.pipeline import ContinuousPipeline, SpeechRequest
from ditar.synthesis.voice import Voice
from ditar.synthesis.voice_file import save_voice
from ditar.text import DEFAULT_SYMBOLS, Phonemiser, TextError, Vocabulary
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT
from ditar.vae.fingerprint import vae_fingerprint
from tests.tiny import clip, tiny_pipeline, tiny_vae

TEXT, CLIP_TEXT = "Good morning.", "Hello there."
FAST = {"num_inference_steps": 2, "seed": 1}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def speech(pipeline):
    return pipeline(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0)


def test_output_is_whole_patches_of_finite_samples(speech):
    assert speech.audio.dtype == np.float32 and speech.sample_rate == 24_000
    assert len(speech.audio) == speech.patches * 4 * 600
    assert np.isfinite(speech.audio).all()


def test_no_stop_ends_at_the_cap_and_says_so(speech):
    assert not speech.stopped and speech.attempts == 1
    assert "did not end by itself" in speech.warnings[0]
    assert 1.0 < len(speech.audio) / 24_000 < 8.0


def test_retries_are_bounded_and_use_other_seeds(pipeline, speech):
    retried = pipeline(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=1)
    assert retried.attempts == 2 and retried.seed != FAST["seed"] and speech.seed == FAST["seed"]
    assert not np.array_equal(retried.audio, speech.audio)
    # At temperature 0 another seed cannot change anything.
    assert pipeline(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=2, temperature=0.0).attempts == 1


def test_a_stop_at_once_is_reported_as_too_short():
    short = tiny_pipeline(stop_bias=20.0)("A long sentence of very many words indeed.", clip(), CLIP_TEXT, **FAST)
    assert short.stopped and short.attempts == 3 and len(short.failures) == 2
    assert 8 < short.patches < 14  # a stop before 0.3 of what is expected is not believed, one before 0.5 reported
    assert "ended after 0.9 s where about 2.8 s" in short.warnings[0] and "after 3 attempts" in short.warnings[0]


def test_same_seed_same_samples_and_another_seed_others(pipeline, speech):
    again = pipeline(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0)
    other = pipeline(TEXT, clip(), CLIP_TEXT, num_inference_steps=2, seed=2, max_retries=0)
    assert np.array_equal(again.audio, speech.audio) and not np.array_equal(other.audio, speech.audio)
    generator = torch.Generator().manual_seed(1)
    drawn = pipeline(TEXT, clip(), CLIP_TEXT, num_inference_steps=2, generator=generator, max_retries=0)
    assert np.array_equal(drawn.audio, speech.audio) and drawn.seed is None


def test_temperature_zero_ignores_the_seed(pipeline):
    made = [pipeline(TEXT, clip(), CLIP_TEXT, num_inference_steps=2, seed=s, temperature=0.0).audio for s in (1, 2)]
    assert np.array_equal(*made)


@pytest.mark.parametrize(
    "choice", [{"time_grid": "cosine"}, {"time_grid": "sway"}, *({"solver": s} for s in SOLVERS if s != "ddim")]
)
def test_solvers_and_grids_speak(pipeline, choice):
    options = {"num_inference_steps": 4, "seed": 1, "max_retries": 0}
    plain, made, again = (pipeline(TEXT, clip(), CLIP_TEXT, **options, **c).audio for c in ({}, choice, choice))
    assert np.isfinite(made).all() and np.array_equal(made, again)
    if choice == {"solver": "diffusers-ddim"}:  # the same mathematics as ours
        np.testing.assert_allclose(made, plain, atol=1e-3 * abs(plain).max())
    else:
        assert abs(made - plain).max() > 1e-3 * abs(plain).max()


SAVED = {"num_inference_steps": 3, "solver": "dpm-solver++", "time_grid": "uniform"}


def test_the_saved_scheduler_decides_what_a_call_does_not_name(pipeline, tmp_path):
    saved = ContinuousPipeline(pipeline.vae, pipeline.ditar, SamplingOptions(**SAVED))
    saved.save_pretrained(tmp_path)
    saved = ContinuousPipeline.from_pretrained(tmp_path)
    saved.set_progress_bar_config(disable=True)
    common, named = {"seed": 1, "max_retries": 0}, {"num_inference_steps": 2, "solver": "ddim"}

    def same(mine, theirs):
        request = SpeechRequest(TEXT, saved.create_voice(clip(), CLIP_TEXT), seed=1)
        asked, wanted = (saved, mine), (pipeline, theirs)
        speech, other = (p(TEXT, clip(), CLIP_TEXT, **common, **options).audio for p, options in (asked, wanted))
        batch, other_batch = (p.batch([request], max_retries=0, **options)[0].audio for p, options in (asked, wanted))
        return np.allclose(speech, other, atol=1e-5) and np.allclose(batch, other_batch, atol=1e-5)

    assert same({}, SAVED) and same(named, named)
    assert not same({}, named)


def test_the_seam_is_the_middle_of_one_decoding(pipeline, monkeypatch):
    """The output equals decoding the whole reference and the speech at once, cut at the seam: no click, no leak."""
    seen = {"decoded": []}
    decode, encode, further = pipeline.vae.decode, pipeline.vae.encode, pipeline.vae.decoder.further_features

    def spy_further(latents, *state):
        seen["decoded"].append(latents)
        return further(latents, *state)

    def spy_encode(waveform):
        seen["waveform"] = waveform
        return encode(waveform)

    monkeypatch.setattr(pipeline.vae.decoder, "further_features", spy_further)
    monkeypatch.setattr(pipeline.vae, "encode", spy_encode)
    speech = pipeline(TEXT, clip(1.33), CLIP_TEXT, **FAST, max_retries=0)
    frames = (seen["waveform"].shape[1] - 6000) // 600
    assert frames % 4 == 0
    reference = encode(seen["waveform"]).mean[:, :frames]
    generated = torch.cat(seen["decoded"], dim=1)[:, -4 * speech.patches :]
    whole = decode(torch.cat((reference, generated), dim=1))[0, frames * 600 :]
    assert not speech.stopped and speech.audio[-1] == 0  # cut at the cap, and faded
    np.testing.assert_allclose(speech.audio, fade(whole.detach().numpy(), 24_000, start=False), atol=1e-4)


def test_the_reference_ends_on_a_patch_boundary_with_speech_at_the_seam(pipeline, monkeypatch):
    seen = {}
    encode = pipeline.vae.encode
    monkeypatch.setattr(pipeline.vae, "encode", lambda w: seen.setdefault("w", w) is None or encode(w))
    pipeline(TEXT, np.concatenate([clip(1.03), np.zeros(9000, np.float32)]), CLIP_TEXT, **FAST, max_retries=0)
    waveform = seen["w"][0, :-6000]  # without the silence that only the encoder sees
    assert len(waveform) % 2400 == 0
    assert waveform[-2400:].abs().max() > 0.01 and waveform[:200].abs().max() == 0


def test_the_reference_is_low_passed_to_what_the_vae_knows(pipeline, monkeypatch):
    seen = {}
    encode = pipeline.vae.encode
    monkeypatch.setattr(pipeline.vae, "encode", lambda w: seen.setdefault("w", w) is None or encode(w))
    pipeline(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0)
    spectrum = torch.fft.rfft(seen["w"][0]).abs()
    edge = round(8000 / 12_000 * len(spectrum))
    assert spectrum[edge + 10 :].max() < 1e-2 * spectrum[: edge // 2].max()


def test_components_and_disk(pipeline, tmp_path, speech):
    assert set(pipeline.components) == {"vae", "ditar"}
    pipeline.save_pretrained(tmp_path / "model")
    index = json.loads((tmp_path / "model" / "model_index.json").read_text())
    assert index["_class_name"] == "DiTARPipeline" and {"vae", "ditar", "scheduler"} <= set(index)
    assert not list(tmp_path.rglob("*.bin"))
    loaded = ContinuousPipeline.from_pretrained(tmp_path / "model", device="cpu")
    loaded.set_progress_bar_config(disable=True)
    made = loaded(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0)
    np.testing.assert_allclose(made.audio, speech.audio, atol=1e-6)


def test_half_precision_on_disk_is_half_the_size_and_loads_as_float32(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path / "half", dtype=torch.float16)
    assert pipeline.vae.dtype == torch.float32  # the one in memory is untouched
    loaded = ContinuousPipeline.from_pretrained(tmp_path / "half")
    assert {p.dtype for m in (loaded.vae, loaded.ditar) for p in m.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded.vae.latent_std, pipeline.vae.latent_std, rtol=0, atol=0)


def test_from_python_it_is_a_pipeline_of_diffusers(pipeline, tmp_path, speech):
    """Whose scheduler may be replaced; it reads and writes the same files and speaks the same."""
    from diffusers import DiffusionPipeline

    pipeline.save_pretrained(tmp_path / "ours")
    theirs = ditar.DiTARPipeline.from_pretrained(tmp_path / "ours", device="cpu")
    assert isinstance(theirs, DiffusionPipeline) and set(theirs.components) == {"vae", "ditar", "scheduler"}
    assert "scheduler" in theirs.config and theirs.device == torch.device("cpu")
    theirs.set_progress_bar_config(disable=True)
    made = theirs(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0)
    np.testing.assert_allclose(made.audio, speech.audio, atol=1e-6)
    theirs.scheduler = ditar.DiTARScheduler(**SAVED)
    assert theirs.sampling == SamplingOptions(**SAVED)
    theirs.save_pretrained(tmp_path / "again")
    assert ContinuousPipeline.from_pretrained(tmp_path / "again").sampling == theirs.sampling
    assert ditar.DiTARScheduler.from_pretrained(tmp_path / "again/scheduler").sampling == theirs.sampling
    index = [json.loads((tmp_path / name / "model_index.json").read_text()) for name in ("ours", "again")]
    assert index[0] == index[1] and index[0]["scheduler"] == ["ditar.diffusion.scheduler", "DiTARScheduler"]


def test_it_moves_like_any_diffusers_pipeline():
    moved = tiny_pipeline().to("cpu", torch.bfloat16)
    assert moved.device == torch.device("cpu") and moved.dtype == torch.bfloat16
    assert moved.to(torch.float32).dtype == torch.float32 and moved.vae.dtype == torch.float32


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"text": ""}, TextError, "at least one word"),
        ({"text": "\U0001f600\U0001f680"}, TextError, "nothing to say.*GRINNING FACE"),
        ({"temperature": 1.5}, ValueError, r"\[0, 1\]"),
        ({"guidance_scale": 0.5}, ValueError, r"in \[1, 100\], got 0.5"),
        ({"num_inference_steps": 0}, ValueError, r"in \[1, 1000\], got 0"),
        ({"num_inference_steps": 10**9}, ValueError, r"in \[1, 1000\], got 10{9}"),
        ({"solver": "euler"}, ValueError, "'ddim', 'diffusers-ddim', 'dpm-solver.*got 'euler'"),
        ({"time_grid": "karras"}, ValueError, "'uniform', 'cosine', 'sway', got 'karras'"),
        ({"solver": "unipc", "temperature": 0.5}, ValueError, "'unipc' has no temperature below 1, got 0.5"),
        ({"language": "klingon"}, TextError, "klingon"),
        ({"prompt_audio": None}, ValueError, "give both or neither"),
        ({"prompt_audio": np.zeros(24_000, np.float32)}, AudioError, "silent"),
        ({"prompt_audio": clip(0.1)}, AudioError, "0.10 s"),
        ({"prompt_audio": clip(90)}, AudioError, "limit is 30 s"),
        ({"prompt_audio": np.full(24_000, np.nan, np.float32)}, AudioError, "NaN"),
        ({"prompt_audio": np.zeros((99, 24_000), np.float32)}, AudioError, r"shape \(S,\)"),
        ({"generator": torch.Generator()}, ValueError, "not both"),
        ({"prompt_audio": Voice("ann", torch.zeros(8, 8), ("a",), "a", 0.2, "", "")}, ValueError, "give it as voice="),
    ],
)
def test_bad_input_is_refused_with_a_reason(pipeline, arguments, error, message):
    good = {"text": TEXT, "prompt_audio": clip(), "prompt_text": CLIP_TEXT, **FAST}
    with pytest.raises(error, match=message):
        pipeline(**(good | arguments))


def test_models_that_cannot_be_used_are_named(pipeline, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="does not exist; give a folder"):
        ContinuousPipeline.from_pretrained(tmp_path / "missing")
    (tmp_path / "exp").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="'exp/run' does not exist"):
        ContinuousPipeline.from_pretrained("exp/run")
    with pytest.raises(ModelError, match="model_index.json cannot be read"):
        ContinuousPipeline.from_pretrained("exp")
    (tmp_path / "exp" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(ModelError, match="StableDiffusionPipeline"):
        ContinuousPipeline.from_pretrained("exp")


@pytest.mark.parametrize("file", ["vae/diffusion_pytorch_model.safetensors", "ditar/model.safetensors"])
def test_cut_off_weights_are_named(pipeline, tmp_path, file):
    pipeline.save_pretrained(tmp_path)
    data = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=f"{file}.* is not a whole safetensors file .*again"):
        ContinuousPipeline.from_pretrained(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ModelError, match="holds no|must hold"):
        ContinuousPipeline.from_pretrained(tmp_path)


def test_a_hub_name_that_cannot_be_fetched(monkeypatch):
    import huggingface_hub

    def offline(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ModelError, match="someone/ditar.* could not be fetched .*no route to host"):
        ContinuousPipeline.from_pretrained("someone/ditar")


def test_a_hub_name_is_fetched(pipeline, tmp_path, monkeypatch):
    import huggingface_hub

    pipeline.save_pretrained(tmp_path)
    asked = {}
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **options: asked.update(name=name, **options) or tmp_path
    )
    assert ContinuousPipeline.from_pretrained("someone/ditar", revision="v1").ditar.config == pipeline.ditar.config
    assert asked["name"] == "someone/ditar" and asked["revision"] == "v1"
    patterns = asked["allow_patterns"]
    assert {"ditar/*.safetensors", "voices/*"} <= set(patterns) and not any("*.bin" in p for p in patterns)


def test_a_fine_tuned_model_of_the_hub_has_its_voice_on_the_command_line(pipeline, tmp_path, monkeypatch):
    import huggingface_hub

    pipeline.save_pretrained(tmp_path)
    (tmp_path / "voices").mkdir()
    save_voice(pipeline.create_voice(clip(), CLIP_TEXT, name="ann"), tmp_path / "voices/ann.safetensors")
    (tmp_path / "voices/default").write_text("ann\n")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **options: tmp_path)
    said = ["--text=Good.", "--steps=1", "--temperature=0", "--device=cpu", "--max-retries=0", "--seed=1"]
    made = []
    for how in (["--model=someone/ann"], ["--model=someone/ann", "--voice=ann"], ["--model", str(tmp_path)]):
        assert main(["synthesize", *how, *said, f"--output={tmp_path}/out.wav"]) == 0
        made.append((tmp_path / "out.wav").read_bytes())
    assert made[0] == made[1] == made[2]
    assert main(["synthesize", "--model=someone/ann", "--voice=eric", *said, f"--output={tmp_path}/out.wav"]) == 0
    assert (tmp_path / "out.wav").read_bytes() != made[0]


def test_devices_and_dtypes_that_are_not_there(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'banana' cannot be used here"):
        ContinuousPipeline.from_pretrained(tmp_path, device="banana")
    with pytest.raises(ValueError, match="dtype must be auto"):
        ContinuousPipeline.from_pretrained(tmp_path, torch_dtype="int8")


def test_bfloat16_speaks(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    half = ContinuousPipeline.from_pretrained(tmp_path, torch_dtype="bfloat16")
    half.set_progress_bar_config(disable=True)
    assert np.isfinite(half(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0).audio).all()


@pytest.mark.parametrize("dtype", ["bfloat16", torch.bfloat16])
def test_bfloat16_warns_where_it_is_slow(dtype, monkeypatch, recwarn):
    for is_fast in (True, False):
        monkeypatch.setattr(loading, "multiplies_bfloat16", lambda device, is_fast=is_fast: is_fast)
        assert loading.choose_dtype(dtype, torch.device("cpu")) == torch.bfloat16
        assert len(recwarn) == (0 if is_fast else 1)
    assert "cpu has no instructions for bfloat16" in str(recwarn[0].message)


def test_parts_that_do_not_fit_are_refused(pipeline):
    with pytest.raises(ModelError, match="4 latent channels and DiTAR 8"):
        ContinuousPipeline(vae=tiny_vae(latent_channels=4), ditar=pipeline.ditar)


def test_a_language_that_the_model_never_heard_is_refused():
    english = tiny_pipeline(trained_symbols=(" ", *"ɡʊdmɔːɹnɪŋhəloʊðɛ"))
    english(TEXT.replace(".", "—"), clip(), CLIP_TEXT, **FAST, max_retries=0)
    with pytest.raises(TextError, match="never heard"):
        english("Grüße", clip(), CLIP_TEXT, language="de", **FAST)


@pytest.mark.parametrize("given", [{"text": "Guten Morgen.", "language": "de"}, {"text": "Hi."}])
def test_so_is_one_by_its_name(given):
    """Though it has heard all of its sounds; of the text, or of the transcript."""
    english = tiny_pipeline(trained_symbols=tuple(DEFAULT_SYMBOLS[1:]), trained_languages=("en-us",))
    with pytest.raises(TextError, match="was trained on en-us and never heard 'de'"):
        voice = english.create_voice(clip(), None if "language" in given else "Hallo.", language="de")
        english(voice=voice, **given, **FAST)


@pytest.mark.parametrize(("said", "why"), [("?!", r"has nothing to say: only '\?'"), ("你好", "no pronunciation")])
def test_what_cannot_be_said_in_a_reference_is_not_taken_for_the_text(said, why, pipeline):
    with pytest.raises(TextError, match=f"^what is said in the reference 'ann': .*{why}"):
        pipeline.create_voice(clip(), said, name="ann")


def test_the_model_that_ships_says_its_language():
    config = json.loads((SHIPPED_MODEL / "ditar/config.json").read_text(encoding="utf-8"))
    assert config["trained_languages"] == ["en-us"]


def test_longer_than_it_was_trained_on_is_said():
    warned = tiny_pipeline(stop_bias=20.0, trained_seconds=0.9)(TEXT, clip(), CLIP_TEXT, **FAST, max_retries=0).warnings
    assert "trained on up to 0.9 s" in warned[-1]


def test_an_emoji_in_a_sentence_is_left_out_and_told(pipeline, speech):
    made = pipeline("Good \U0001f600 morning.", clip(), CLIP_TEXT, **FAST, max_retries=0)
    assert np.array_equal(made.audio, speech.audio)
    assert any("1 character or sound left out" in w and "GRINNING FACE" in w for w in made.warnings)


def test_a_text_without_an_end_is_the_same_text(pipeline, speech):
    made = pipeline(TEXT.rstrip("."), clip(), CLIP_TEXT.rstrip("."), **FAST, max_retries=0)
    assert np.array_equal(made.audio, speech.audio)


@pytest.mark.parametrize("text", [TEXT, 'She said "no."'])
@pytest.mark.parametrize("seconds", [0.6, 3.0])
def test_what_stands_in_for_an_unknown_transcript_is_as_long_as_the_reference(pipeline, text, seconds):
    voices = pipeline.create_voice(clip(seconds)), pipeline.create_voice(clip(seconds), CLIP_TEXT)
    row, known = pipeline.prepare([SpeechRequest(text, voice) for voice in voices], SamplingOptions())
    symbols = Vocabulary(pipeline.ditar.config.symbols)
    wanted = symbols.encode(Phonemiser()(text))
    assert row.symbol_ids[-len(wanted) :].tolist() == known.symbol_ids[-len(wanted) :].tolist() == wanted
    stand_in = row.symbol_ids[: -len(wanted)].tolist()
    assert len(stand_in) == pytest.approx(voices[0].seconds / 0.02 + 1, abs=1)
    assert stand_in[-2:] == symbols.encode([".", " "]) and set(stand_in) <= {*wanted, *symbols.encode([" "])}


def test_a_model_that_learnt_unknown_transcripts_is_told_of_one():
    pipeline = tiny_pipeline(trained_symbols=tuple(DEFAULT_SYMBOLS[1:]))
    assert UNKNOWN_TRANSCRIPT in DEFAULT_SYMBOLS
    (row,) = pipeline.prepare([SpeechRequest(TEXT, pipeline.create_voice(clip()))], SamplingOptions())
    expected = Vocabulary(pipeline.ditar.config.symbols).encode([UNKNOWN_TRANSCRIPT, " ", *Phonemiser()(TEXT)])
    assert row.symbol_ids.tolist() == expected
    with pytest.raises(TextError):
        Phonemiser()(UNKNOWN_TRANSCRIPT)


def test_the_shipped_voice_is_read_in_its_own_language():
    german = tiny_pipeline(trained_symbols=tuple(DEFAULT_SYMBOLS[1:]))
    assert german.create_voice(language="de").symbols == german.create_voice().symbols


def test_a_ditar_knows_its_vae():
    pipeline = tiny_pipeline()
    mine = vae_fingerprint(pipeline.vae)
    with pytest.warns(UserWarning, match=f"does not say which VAE it was trained on .this one is {mine}"):
        ContinuousPipeline(pipeline.vae, pipeline.ditar)
    named = DiTAR(replace(pipeline.ditar.config, vae_fingerprint=mine))
    ContinuousPipeline(pipeline.vae, named)
    pipeline.vae.latent_std.mul_(2.0)
    with pytest.raises(ModelError, match=f"trained on the latents of the VAE {mine}, but this one is"):
        ContinuousPipeline(pipeline.vae, named)
