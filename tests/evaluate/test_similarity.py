import sys

import numpy as np
import pytest
import soundfile

from ditar.evaluate.inputs import EvaluationError, read_judged_audio
from ditar.evaluate.similarity import Embedder, embedder_name, likeness, list_references, list_speakers, read_speakers


def put(folder, *names):
    for name in names:
        soundfile.write(folder / f"{name}.wav", np.zeros(10), 16_000)


def test_references_by_their_three_rules(tmp_path):
    put(tmp_path, "clip")
    assert list_references(tmp_path, ["u1", "u2"]) == {u: tmp_path / "clip.wav" for u in ("u1", "u2")}
    put(tmp_path, "u1")
    with pytest.raises(EvaluationError, match="1 of 2 utterances.*'u2'.*utt2ref"):
        list_references(tmp_path, ["u1", "u2"])
    (tmp_path / "utt2ref").write_text("u1 clip\nu2 u1\n")
    assert list_references(tmp_path, ["u1", "u2"]) == {"u1": tmp_path / "clip.wav", "u2": tmp_path / "u1.wav"}
    (tmp_path / "utt2ref").write_text("u1\n")
    with pytest.raises(EvaluationError, match="utt2ref:1: expected .*, got 'u1'"):
        list_references(tmp_path, ["u1"])


def test_speakers_of_references(tmp_path):
    put(tmp_path, "u1", "u2")
    references = list_references(tmp_path, ["u1", "u2"])
    assert list_speakers(tmp_path, references) == {"u1": "u1", "u2": "u2"} and read_speakers(tmp_path) == {}
    (tmp_path / "utt2spk").write_text("u1 jo\nu2 jo\n")
    assert list_speakers(tmp_path, references) == read_speakers(tmp_path) == {"u1": "jo", "u2": "jo"}


def test_likeness_and_identification():
    east, north = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    outputs = {"a": east, "b": np.array([0.8, 0.6]), "c": 0 * east}
    references = {"a": east, "b": north, "c": north}
    found = likeness(outputs, references, {"a": "jo", "b": "al", "c": "al"})
    assert found["a"].identified and found["a"].similarity == 1.0
    assert not found["b"].identified and found["b"].nearest == "jo" and found["b"].similarity == pytest.approx(0.6)
    assert not found["c"].identified  # silence is like nobody
    same = likeness(outputs, references, {"a": "jo", "b": "jo", "c": "jo"})
    assert same["b"].identified and not same["c"].identified
    # Two speakers' references are one clip: nobody could tell which of them is meant.
    copies = likeness({**outputs, "c": north}, references, {"a": "jo", "b": "al", "c": "bo"})
    assert copies["c"].identified and copies["c"].nearest == "bo"


def test_voices_are_told_apart(speak):
    pytest.importorskip("resemblyzer", reason="resemblyzer is not installed (pip install '.[eval]')")
    embedder = Embedder()
    first, second = "We walked along the river until it got dark.", "Her grandfather used to repair clocks."
    embed = lambda text, voice: embedder.embed(read_judged_audio(speak(text, voice), 16_000))  # noqa: E731
    outputs = {voice: embed(first, voice) for voice in ("rms", "slt")}
    references = {voice: embed(second, voice) for voice in ("rms", "slt")}
    found = likeness(outputs, references, {"rms": "rms", "slt": "slt"})
    assert all(x.identified and x.similarity > 0.7 for x in found.values()), found
    assert outputs["rms"] @ references["slt"] < 0.7
    assert not embedder.embed(np.zeros(16_000, dtype=np.float32)).any()
    assert embedder_name().startswith("Resemblyzer ")


@pytest.mark.parametrize(
    "missing, remedy",
    [
        ("pkg_resources", "--no-deps webrtcvad-wheels"),
        ("webrtcvad", "--no-deps webrtcvad-wheels"),
        ("scipy.ndimage.morphology", "scipy<2"),
        ("librosa", r"pip install '\.\[eval\]'"),
        ("resemblyzer", r"pip install '\.\[eval\]'.*--no-deps resemblyzer"),
    ],
)
def test_each_broken_installation_has_its_remedy(monkeypatch, missing, remedy):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "resemblyzer":
                raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    for name in [name for name in sys.modules if name.split(".")[0] == "resemblyzer"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(EvaluationError, match=remedy):
        Embedder()
