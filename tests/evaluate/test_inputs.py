import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ditar import evaluate
from ditar.evaluate.inputs import (
    Ending,
    EvaluationError,
    import_for_evaluation,
    list_audio,
    match_ids,
    read_judged_audio,
    read_sentences,
    read_stopped,
    read_text,
)
from ditar.extras import missing


def put(path, seconds=0.1, rate_hz=16_000):
    soundfile.write(path, np.zeros(int(seconds * rate_hz)), rate_hz)


def test_audio_by_id_from_a_folder(tmp_path):
    put(tmp_path / "b.wav")
    put(tmp_path / "a.flac")
    (tmp_path / "notes.txt").write_text("not audio")
    assert list(list_audio(tmp_path).items()) == [("a", tmp_path / "a.flac"), ("b", tmp_path / "b.wav")]


def test_audio_by_id_from_wav_scp(tmp_path):
    (tmp_path / "deep").mkdir()
    put(tmp_path / "deep" / "x.wav")
    (tmp_path / "wav.scp").write_text(f"utt-1 deep/x.wav\nutt-2 {tmp_path}/deep/x.wav\n")
    audio = list_audio(tmp_path)
    assert sorted(audio) == ["utt-1", "utt-2"] and all(path.is_file() for path in audio.values())


@pytest.mark.parametrize(
    "line, message", [("utt-1 sox x.wav |", "pipes"), ("utt-1", r"scp:1: expected.*'utt-1'"), ("u1 no.wav", "'no.wav'")]
)
def test_wav_scp_mistakes(tmp_path, line, message):
    (tmp_path / "wav.scp").write_text(line + "\n")
    with pytest.raises(EvaluationError, match=message):
        list_audio(tmp_path)


def test_folder_mistakes(tmp_path):
    with pytest.raises(EvaluationError, match="nowhere.*not a folder"):
        list_audio(tmp_path / "nowhere")
    with pytest.raises(EvaluationError, match="no .wav or .flac"):
        list_audio(tmp_path)
    put(tmp_path / "twice.wav")
    put(tmp_path / "twice.flac")
    with pytest.raises(EvaluationError, match="more than one file.*'twice'; keep one"):
        list_audio(tmp_path)


def test_text(tmp_path):
    file = tmp_path / "text"
    file.write_text("u1 Hello  there.\nu2\tTabbed text\n")
    assert read_text(file) == {"u1": "Hello  there.", "u2": "Tabbed text"}
    assert read_sentences(file) == ["Hello  there.", "Tabbed text"]
    plain = tmp_path / "decoys.txt"
    plain.write_text("One sentence.\nAnother one.\n")
    assert read_sentences(plain) == ["One sentence.", "Another one."]
    for path in (file, plain):  # as editors on Windows write them
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(read_text(file)) == ["u1", "u2"] and read_text(file)["u2"] == "Tabbed text"
    assert read_sentences(plain) == ["One sentence.", "Another one."]


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "empty"),
        ("u1 a\nu1 b\n", "text:2: 'u1' comes twice"),
        ("u1\n", "text:1: expected .*, got 'u1'"),
        ("u1 a\n\nu2 b\n", "text:2: expected"),
    ],
)
def test_text_mistakes(tmp_path, content, message):
    file = tmp_path / "text"
    file.write_text(content)
    with pytest.raises(EvaluationError, match=message):
        read_text(file)
    with pytest.raises(EvaluationError, match="does not exist"):
        read_text(tmp_path / "lost")
    (tmp_path / "decoys.txt").write_text("\n")
    with pytest.raises(EvaluationError, match="sentences.*decoys.txt' is empty"):
        read_sentences(tmp_path / "decoys.txt")
    with pytest.raises(EvaluationError, match="sentences.*lost.txt' does not exist"):
        read_sentences(tmp_path / "lost.txt")


def test_how_outputs_ended(tmp_path):
    assert read_stopped(tmp_path, ["u1", "u2"]) is None
    (tmp_path / "stopped").write_text("u1 1 1\nu2 0 3\nu3 1 2\n")
    assert read_stopped(tmp_path, ["u1", "u2"]) == {"u1": Ending(True, 1), "u2": Ending(False, 3)}
    with pytest.raises(EvaluationError, match="stopped' lacks 'u4'.*remove the table"):
        read_stopped(tmp_path, ["u1", "u4"])
    (tmp_path / "stopped").write_text("u1 yes\n")
    with pytest.raises(EvaluationError, match="expected `u1 1 attempts`.*got 'yes'"):
        read_stopped(tmp_path, ["u1"])


def test_ids_must_match(tmp_path):
    match_ids({"a": tmp_path}, {"a": "x"}, "wavs", "text")
    with pytest.raises(EvaluationError, match="1 of 2 files in 'wavs' have no line in 'text': 'b'"):
        match_ids({"a": tmp_path, "b": tmp_path}, {"a": "x"}, "wavs", "text")
    texts = {f"u{i}": "x" for i in range(9)}
    with pytest.raises(EvaluationError, match="8 of 9 lines.*'u1'.*'u5' and 3 more; synthesise"):
        match_ids({"u0": tmp_path}, texts, "wavs", "text")


def test_waveforms(tmp_path):
    put(tmp_path / "a.wav", 0.5, 24_000)
    assert read_judged_audio(tmp_path / "a.wav", 16_000).shape == (8_000,)
    put(tmp_path / "empty.wav", 0)
    assert read_judged_audio(tmp_path / "empty.wav", 16_000).shape == (0,)
    (tmp_path / "text.wav").write_text("not audio")
    with pytest.raises(EvaluationError, match=r"text\.wav"):
        read_judged_audio(tmp_path / "text.wav", 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 16_000, subtype="FLOAT")
    with pytest.raises(EvaluationError, match=r"nan\.wav"):
        read_judged_audio(tmp_path / "nan.wav", 16_000)


def test_a_missing_package_names_the_extra():
    with pytest.raises(EvaluationError, match=r"no_such_recogniser.*clone.*pip install '\.\[eval\]'"):
        import_for_evaluation("no_such_recogniser")


def test_one_wording_of_the_installation():
    """The package is on no index: `pip install ditar[eval]` installs somebody else's or nothing."""
    package = Path(evaluate.__file__).parents[1]
    said = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"ditar\[(baseline|recipes|eval)|pip install[^\n]*\.\[", path.read_text(encoding="utf-8"))
    }
    assert said == {"evaluate/__init__.py"}  # its docstring; ditar/extras.py puts the line together
    assert missing("x", "eval") == (
        "x is not installed; it comes with the extra 'eval'; in a clone of this project: pip install '.[eval]'"
    )
