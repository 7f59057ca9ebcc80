"""`ditar export`: the folder it writes, and what it refuses."""

import numpy as np
import pytest

from ditar.cli import main
from ditar.synthesis.voice_file import save_voice
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
