"""`ditar export`: the folder it writes, and what it refuses."""

import numpy as np
import pytest

from ditar.audio.read import read_audio
from ditar.audio.write import write_audio
from ditar.cli import main
from ditar.synthesis.voice_file import save_voice
from ditar.synthesis.voice_names import SHIPPED
from tests.tiny import clip, tiny_pipeline

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from ditar.onnx import Speaker  # noqa: E402  # needs onnxruntime

GRAPHS = ("patches", "lm", "locdit", "reference", "vocoder")


def test_a_model_is_exported_and_again(tmp_path, capsys):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    save_voice(tiny_pipeline().create_voice(clip(), "Hello there.", name="ann"), tmp_path / "v.safetensors")
    out = tmp_path / "onnx"
    for more in ([], ["--quantise", "int8", "--voice", str(tmp_path / "v.safetensors")]):
        assert main(["export", str(tmp_path / "model"), str(out), "--format", "onnx", *more]) == 0
        assert f"{out}: " in capsys.readouterr().out
    names = {path.name for path in out.iterdir()}
    assert names == {"model.json", "tables.npz", "voices", *(f"{g}.onnx" for g in GRAPHS)}
    voices = {path.stem for path in (out / "voices").iterdir()}
    assert voices == {"reference", "ann", "eric", "heart", "michael"}


def test_a_voice_of_a_clip_is_learnt_or_it_is_said_why_not(tmp_path, monkeypatch, capsys):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    voices = tmp_path / "data/ditar/voices"
    voices.mkdir(parents=True)
    for name, samples in (("ann", read_audio(SHIPPED / "heart.flac")[:48_000]), ("noise", clip(1.0))):
        write_audio(voices / f"{name}.wav", samples, 24_000)
        (voices / f"{name}.txt").write_text("Hello there.", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    given = ["export", str(tmp_path / "model"), str(tmp_path / "onnx"), "--format=onnx", "--voice=ann", "--voice=noise"]
    assert main(given) == 0
    said = capsys.readouterr().err
    assert "learning the voice 'ann' from its clip" in said and "the voice 'noise' is heard and not learnt" in said
    speaker = Speaker(tmp_path / "onnx")
    assert speaker.voice("ann").speaker is not None and speaker.voice("noise").speaker is None


def test_what_a_model_was_fine_tuned_on_is_exported(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    (tmp_path / "model/voices").mkdir()
    voice = tiny_pipeline().create_voice(clip(), "Hello there.", name="ann")
    save_voice(voice, tmp_path / "model/voices/ann.safetensors")
    (tmp_path / "model/voices/default").write_text("ann\n")
    again = ["--voice", str(tmp_path / "model/voices/ann.safetensors")]  # as it comes anyway
    for more in ([], again):
        assert main(["export", str(tmp_path / "model"), str(tmp_path / "onnx"), "--format", "onnx", *more]) == 0
    (tmp_path / "model/voices/ann.safetensors").rename(tmp_path / "model/voices/heart.safetensors")
    (tmp_path / "model/voices/default").write_text("heart\n")
    assert main(["export", str(tmp_path / "model"), str(tmp_path / "other"), "--format", "onnx"]) == 0
    assert np.array_equal(Speaker(tmp_path / "other").voice("heart").latents, voice.latents)  # not the one that ships
    speaker = Speaker(tmp_path / "onnx")
    assert np.array_equal(speaker.voice().latents, speaker.voice("ann").latents)


def test_what_cannot_be_exported_is_named(tmp_path, capsys):
    assert main(["export", str(tmp_path / "no"), str(tmp_path / "a"), "--format", "onnx"]) == 1
    assert "does not exist" in capsys.readouterr().err
    tiny_pipeline().save_pretrained(tmp_path / "model")
    assert main(["export", str(tmp_path / "model"), str(tmp_path / "x/y"), "--format", "onnx"]) == 1
    assert "mkdir -p" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "model"), str(tmp_path / "model"), "--format", "onnx"]) == 1
    assert "holds something else" in capsys.readouterr().err
