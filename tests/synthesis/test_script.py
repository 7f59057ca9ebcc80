"""A script: each turn in its voice, one file, from the command line, Python and a resumed run alike."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ditar.cli import main
from ditar.synthesis.long_text import speak_text
from ditar.synthesis.script import script_to_speak
from ditar.synthesis.voice import VoiceError, voice_key
from ditar.synthesis.voice_file import save_voice
from ditar.text import TextError
from ditar.text.lexicon import Lexicon
from ditar.text.pieces import gaps
from ditar.text.script import read_script
from tests.speaker import CONFIG, VOICE, Speaker
from tests.tiny import clip, tiny_pipeline

SCRIPT = "[anna] Hello there.\n[bob] Data here. And here.\n[pause:1]\n[anna] Hello there.\n"
ANNA, BOB = replace(VOICE, text="anna"), replace(VOICE, text="bob", symbols=())
FAST = {"num_inference_steps": 1, "max_retries": 0}


def pieces_of(text, voices=None, **options):
    voices = {"anna": ANNA, "bob": BOB} if voices is None else voices
    turns = [turn.pronounced(Lexicon(options), language="en-us") for turn in read_script(text)]
    return script_to_speak(turns, voices, CONFIG, "en-us", "play.txt")


def test_pieces_have_their_speaker_s_voice_and_turns_their_pause():
    pieces, warnings = pieces_of(SCRIPT, data="dɑːtə")
    assert [(piece.text, piece.voice) for piece in pieces] == [
        ("Hello there.", ANNA), ("[Data](/dɑːtə/) here.", BOB), ("And here.", BOB), ("Hello there.", ANNA),
    ]  # fmt: skip
    assert gaps(pieces) == [0, 12_000, 10_800, 24_000, 0] and not warnings


def test_what_cannot_be_spoken_is_named_by_line():
    with pytest.raises(VoiceError, match="no voice is given for 'bob', 'eve'; there are voices for 'anna'"):
        pieces_of("[bob] Hi.\n[anna] Hi.\n[eve] Hi.", {"anna": ANNA})
    for text, message in (("\U0001f600", "play.txt:2: .*GRINNING"), ("[pause:x] Hi", "play.txt:2: .*'x' is no length")):
        with pytest.raises(TextError, match=message):
            pieces_of(f"[anna] Hi.\n[bob] {text}")


def test_an_interrupted_script_goes_on_with_what_is_missing(tmp_path):
    pieces, _ = pieces_of(SCRIPT)

    def speak(speaker, pieces, path):
        options = {"seed": 3, "settings": {}, "request_options": {}, "batch_options": {}, "batch_size": 1}
        return speak_text(speaker, pieces, path, **options)

    whole = speak(Speaker(), pieces, tmp_path / "whole.wav")
    assert sum("'tone' is not known" in line for line in whole.warnings) == 1  # of bob's clip, once
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=2), pieces, tmp_path / "cut.wav")
    swapped, _ = pieces_of(SCRIPT, {"anna": BOB, "bob": ANNA})
    assert speak(Speaker(), swapped, tmp_path / "other.wav").resumed == 0
    rest = Speaker()
    assert speak(rest, pieces, tmp_path / "cut.wav").resumed == 2
    assert [(request.text, request.voice) for request in rest.said] == [("And here.", BOB), ("Hello there.", ANNA)]
    assert (tmp_path / "cut.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("script")
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(home / "model")
    voices = home / "data" / "ditar" / "voices"
    voices.mkdir(parents=True)
    save_voice(pipeline.create_voice(clip(), "Hello there."), voices / "anna.safetensors")
    soundfile.write(home / "bob.wav", clip(0.8), 24_000)
    (home / "bob.txt").write_text("Hello.", encoding="utf-8")
    (home / "play.txt").write_text(SCRIPT, encoding="utf-8")
    return home


def synthesize(folder, *more):
    options = [f"--model={folder / 'model'}", "--device=cpu", "--steps=1", "--max-retries=0", "--temperature=0"]
    return main(["synthesize", *options, *map(str, more)])


def test_the_command_line_and_python_speak_a_script_alike(folder, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    bob = f"--script-voice=bob={folder / 'bob.wav'}"
    command = [f"--script={folder / 'play.txt'}", bob]
    assert synthesize(folder, *command, f"--output={folder / 'play.wav'}") == 0
    spoken, _ = soundfile.read(folder / "play.wav", dtype="float32")
    pipeline = tiny_pipeline().from_pretrained(folder / "model")
    voices = {"anna": pipeline.create_voice(clip(), "Hello there."), "bob": pipeline.create_voice(
        str(folder / "bob.wav"), "Hello.")}  # fmt: skip
    made = pipeline(SCRIPT, voices=voices, seed=0, temperature=0.0, **FAST)
    assert voice_key(voices["anna"]) != voice_key(voices["bob"])
    np.testing.assert_allclose(spoken, made.audio, atol=2e-4)
    swapped = pipeline(SCRIPT, voices={"anna": voices["bob"], "bob": voices["anna"]}, seed=0, temperature=0.0, **FAST)
    assert swapped.audio.shape != made.audio.shape or not np.allclose(swapped.audio, made.audio, atol=1e-2)
    assert synthesize(folder, *command, "--stream", f"--output={folder / 'stream.wav'}") == 1  # it never ends by itself
    assert "'And here.': the speech did not end" in capsys.readouterr().err
    for wrong, message in (({"anna": 1, "bob": 2}, "'anna' must be a Voice.*got int"), ([1], "must be a mapping")):
        with pytest.raises(ValueError, match=message):
            pipeline(SCRIPT, voices=wrong)
    with pytest.raises(ValueError, match="give the voices of a script's speakers, or one voice"):
        pipeline(SCRIPT, voices=voices, voice=voices["anna"])


def test_what_the_command_line_refuses(folder, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    script = f"--script={folder / 'play.txt'}"
    out = f"--output={folder / 'no.wav'}"
    for arguments, message in (
        ([script, out], "the speaker 'bob': voice 'bob' is not a file, and no voice has this name;"),
        ([script, out], "or give --script-voice bob=VOICE"),
        ([script, out, "--script-voice=eve=anna"], "has no such speaker; it has anna, bob"),
        ([script, out, "--script-voice=bob"], "--script-voice 'bob' must be NAME=VOICE"),
        ([script, out, "--script-voice=bob=anna", "--script-voice=bob=heart"], "gives 'bob' two voices"),
        ([script, out, "--voice=anna"], "a script's speakers have voices of their own"),
        (["--text=Hi.", out, "--script-voice=bob=anna"], "--script-voice is for the speakers of --script"),
        ([script, f"--output-dir={folder}"], "--output-dir takes the lines of --text-file"),
        ([f"--script={folder / 'none.txt'}", out], "none.txt does not exist"),
        ([script, f"--output={folder / 'bob.wav'}", f"--script-voice=bob={folder / 'bob.wav'}"], "would overwrite"),
    ):
        assert synthesize(folder, *arguments) == 1
        assert message in capsys.readouterr().err
    (folder / "bad.txt").write_text("[anna] Hi.\n[anna] [pause:x]\n", encoding="utf-8")
    assert synthesize(folder, f"--script={folder / 'bad.txt'}", out) == 1
    assert "bad.txt:2: [pause:x]: 'x' is no length" in capsys.readouterr().err
    assert not (folder / "no.wav").exists()
