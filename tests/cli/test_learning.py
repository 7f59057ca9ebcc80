"""Voices of clips on the command line: learnt where they can be, once, and otherwise heard."""

import shutil

import numpy as np
import pytest
import soundfile

from ditar.audio.read import read_audio
from ditar.cli import main
from ditar.synthesis.voice_names import SHIPPED
from tests.tiny import clip, tiny_pipeline

LEARNING = "ditar: learning the voice 'ann' from its clip, once (--no-adapt: only hear it)\n"
SAID = "Good morning to you."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("clips")
    tiny_pipeline().save_pretrained(home / "model")
    tiny_pipeline(distilled_guidance=4.0).save_pretrained(home / "student")
    tiny_pipeline(alignment="monotonic").save_pretrained(home / "reading")
    soundfile.write(home / "ann.wav", read_audio(SHIPPED / "heart.flac")[:48_000], 24_000)
    soundfile.write(home / "noise.wav", clip(1.0), 24_000)
    return home


@pytest.fixture
def spoken(folder, tmp_path, capsys, monkeypatch):
    """spoken(*options) -> the samples, and the lines about learning."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "out.wav"

    def spoken(*options, model="model"):
        fixed = [f"--model={folder / model}", "--device=cpu", "--steps=1", "--temperature=0", "--max-retries=0"]
        assert main(["synthesize", "--text=Good.", f"--output={out}", *fixed, *map(str, options)]) == 0
        told = [line for line in capsys.readouterr().err.splitlines(True) if "learn" in line]
        return out.read_bytes(), "".join(told)

    return spoken


def test_a_clip_with_its_words_is_learnt_from_once(folder, spoken, tmp_path, monkeypatch):
    clip_options = f"--prompt-audio={folder / 'ann.wav'}", "--prompt-text=Hello there."
    first, told = spoken(*clip_options)
    assert told == LEARNING
    assert spoken(*clip_options) == spoken(*clip_options, "--adapt") == (first, "")
    heard, told = spoken(*clip_options, "--no-adapt")
    assert heard != first and told == ""
    voices = tmp_path / "data/ditar/voices"  # the same clip by its name
    voices.mkdir(parents=True)
    shutil.copy(folder / "ann.wav", voices)
    (voices / "ann.txt").write_text("Hello there.", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert spoken("--voice=ann") == (first, "")
    blend, told = spoken("--voice=ann:0.7+eric:0.3")
    assert told == "" and blend not in (first, heard)
    assert spoken("--voice=ann:0.7+eric:0.3", "--no-adapt")[0] != blend


def test_what_cannot_be_learnt_from_is_heard(folder, spoken):
    clip_option, words = f"--prompt-audio={folder / 'ann.wav'}", "--prompt-text=Hello there."
    assert spoken()[1] == ""  # the voice that ships, which needs nothing
    (told,) = spoken(clip_option)[1].splitlines()
    assert "'ann' is not known: more words may go wrong, and the voice is not learnt from it; give its" in told
    told = spoken(clip_option, words, model="student")[1]
    assert "the voice 'ann' is heard and not learnt, and will be less alike: the model is distilled" in told
    assert spoken(clip_option, words, "--no-adapt", model="student")[1] == ""
    noise = f"--prompt-audio={folder / 'noise.wav'}"
    told = spoken(noise, words)[1]
    assert "'noise' is heard and not learnt, and will be less alike: its recording sounds like noise" in told
    told = spoken(noise, words, "--adapt")[1]
    assert "what was learnt of the voice 'noise' holds more than the voice, and words may go wrong: its recor" in told


def test_noise_is_taken_out_on_request(folder, spoken, tmp_path):
    pytest.importorskip("pyrnnoise")
    voice = read_audio(SHIPPED / "heart.flac")[:48_000]
    noisy = voice + 0.01 * np.random.default_rng(0).standard_normal(len(voice))
    soundfile.write(tmp_path / "loud.wav", noisy, 24_000)
    clip_options = f"--prompt-audio={tmp_path / 'loud.wav'}", "--prompt-text=Hello there."
    heard, told = spoken(*clip_options)
    assert "is heard and not learnt, and will be less alike: its recording is not quiet enough" in told
    clean, told = spoken(*clip_options, "--denoise")
    assert heard != clean and "is heard and not learnt" in told  # what RNNoise leaves is no better to learn from


def test_a_clip_in_which_its_words_are_not_found_is_heard(speak, spoken, monkeypatch):
    monkeypatch.setattr("ditar.synthesis.reference.unfit_to_learn", lambda *_: "")
    clip_option = f"--prompt-audio={speak(SAID)}"
    other = "--prompt-text=Bananas are yellow, apples are red."
    heard, told = spoken(clip_option, other, "--no-adapt", model="reading")
    assert told == ""
    again, told = spoken(clip_option, other, model="reading")
    assert again == heard and "is not found in its clip" in told
    assert "is heard and not learnt, and will be less alike: the voice" in told
    right = clip_option, f"--prompt-text={SAID}"
    learnt, told = spoken(*right, model="reading")
    assert "from its clip, once" in told and learnt != spoken(*right, "--no-adapt", model="reading")[0]
    # What was learnt on request although it is doubted is not taken without being asked.
    monkeypatch.setattr("ditar.synthesis.adapt.unlikely", lambda *_: "hurried")
    doubted = clip_option, "--prompt-text=Good morning to you!"
    assert "(hurried), which was learnt" in spoken(*doubted, "--adapt", model="reading")[1]
    told = spoken(*doubted, model="reading")[1]
    assert "is heard and not learnt" in told and "(hurried); give exactly what is said in it" in told
    assert "once" not in told
    assert "(hurried), which was learnt" in spoken(*doubted, "--adapt", model="reading")[1]


def test_a_voice_that_is_kept_in_a_file_is_learnt(folder, spoken, tmp_path, capsys):
    path, more = tmp_path / "ann.safetensors", [f"--model={folder / 'model'}", "--device=cpu"]
    create = ["voice", "create", str(path), f"--prompt-audio={folder / 'ann.wav'}", "--prompt-text=Hello there.", *more]
    assert main(create) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("voice 'ann' of 1.93 s, learnt from its clip\n") and LEARNING in captured.err
    said = spoken(f"--prompt-audio={folder / 'ann.wav'}", "--prompt-text=Hello there.")
    assert said == spoken(f"--voice={path}") and said[1] == ""
    assert main([*create, "--force", "--no-adapt"]) == 0
    assert capsys.readouterr().out.endswith("voice 'ann' of 1.93 s, heard only\n")
    assert spoken(f"--voice={path}")[0] != said[0]


def test_a_clip_that_is_exported_is_learnt_or_a_warning_says_why_not(folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("ann", "noise"):
        shutil.copy(folder / f"{name}.wav", tmp_path)
        (tmp_path / f"{name}.txt").write_text("Hello there.", encoding="utf-8")

    def told(model, *names):
        voices = [f"--voice={tmp_path / name}.wav" for name in names]
        assert main(["export", str(folder / model), str(tmp_path / model), "--format=onnx", *voices]) == 0
        return [line for line in capsys.readouterr().err.splitlines() if "learn" in line]

    learning, warning = told("model", "ann", "noise")
    assert learning == LEARNING.strip().replace("--no-adapt", "ditar voice create --no-adapt")
    assert "warning: the voice 'noise' is heard and not learnt, and will be less alike: its recording sounds like noise" in warning
    (warning,) = told("student", "ann")
    assert "warning: the voice 'ann' is heard and not learnt, and will be less alike: the model is dist" in warning


def test_a_server_says_which_voices_are_heard_only(folder, tmp_path, capsys):
    """No request waits for learning, so that whoever runs it does that before."""
    from ditar.cli.serve import _tell_of_voices

    for name in ("ann", "bob", "eve", "joe"):
        shutil.copy(folder / "ann.wav", tmp_path / f"{name}.wav")
        (tmp_path / f"{name}.txt").write_text("" if name == "joe" else "Hello there.", encoding="utf-8")
    _tell_of_voices(tiny_pipeline(), tmp_path)
    assert capsys.readouterr().err.startswith("ditar: the voices of clips (ann, bob, eve) are heard and not learnt; ")
    _tell_of_voices(tiny_pipeline(distilled_guidance=4.0), tmp_path)
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    _tell_of_voices(tiny_pipeline(), tmp_path)
    assert capsys.readouterr().err == ""
    (tmp_path / "ann.txt").write_bytes(b"Caf\xe9.")  # said when the voice is asked for
    (tmp_path / "eve.txt").write_text("Hello there.", encoding="utf-8")
    _tell_of_voices(tiny_pipeline(), tmp_path)
    assert capsys.readouterr().err.startswith("ditar: the voices of clips (eve) are")
    (tmp_path / "file").touch()
    _tell_of_voices(tiny_pipeline(), tmp_path / "file")
    assert "warning: the folder of voices" in capsys.readouterr().err
