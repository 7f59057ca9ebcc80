"""Layouts of a folder of recordings."""

import pytest
import soundfile

from ditar.data.errors import DataError
from ditar.finetune.recordings import read_recordings, unread
from tests.finetune.voice import babble, write_voice


def write_sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, babble(0.1), 24_000)


def read(folder):
    return [(row.utt, row.speaker, row.path.name, row.text) for row in read_recordings(folder, "en-us")]


def test_files_with_and_without_texts(tmp_path):
    write_sound(tmp_path / "b 1.wav")
    write_sound(tmp_path / "a.flac")
    (tmp_path / "a.txt").write_text("Good\n morning.\n")
    (tmp_path / "notes.txt").write_text("for nobody")
    assert read(tmp_path) == [("a", "voice", "a.flac", "Good morning."), ("b_1", "voice", "b 1.wav", "")]


def test_lj_speechs_table(tmp_path):
    write_sound(tmp_path / "wavs/LJ001-0001.wav")
    (tmp_path / "metadata.csv").write_text("LJ001-0001|In 1923|In nineteen twenty-three\n", encoding="utf-8")
    assert read(tmp_path) == [("LJ001-0001", "voice", "LJ001-0001.wav", "In nineteen twenty-three")]
    (tmp_path / "metadata.csv").write_text("LJ001-0001|In 1923|In 1923\nLJ001-0002|Gone|Gone\n", encoding="utf-8")
    with pytest.raises(DataError, match="metadata.csv:2: neither .* has audio of 'LJ001-0002'.*remove the line"):
        read(tmp_path)
    (tmp_path / "metadata.csv").write_text("LJ001-0001\n", encoding="utf-8")
    with pytest.raises(DataError, match="metadata.csv:1: expected 'name|text', got 'LJ001-0001'"):
        read(tmp_path)


def test_what_cannot_be_read_is_told_at_once_or_left_out(tmp_path):
    for name in ("a", "b", "c"):
        write_sound(tmp_path / f"{name}.wav")
    (tmp_path / "a.txt").write_text("Good morning.")
    for name in ("b", "c"):
        (tmp_path / f"{name}.txt").write_bytes(b"Caf\xe9.")
    with pytest.raises(DataError, match=r"(?s)2 of 3 recordings cannot be read:.*b.txt is not UTF-8.*c.txt is not UTF-8"):
        read(tmp_path)
    left_out = []
    assert [row.utt for row in read_recordings(tmp_path, "en-us", left_out)] == ["a"] and len(left_out) == 2
    (tmp_path / "a.wav").unlink()
    with pytest.raises(DataError, match="2 of 2 recordings cannot be read"):
        read_recordings(tmp_path, "en-us", [])
    table = tmp_path / "lj"
    write_sound(table / "wavs/1.wav")
    (table / "metadata.csv").write_text("1|Good morning.\n2|Gone\n3\n")
    left_out = []
    assert [row.utt for row in read_recordings(table, "en-us", left_out)] == ["1"] and len(left_out) == 2


def test_what_a_folder_holds_besides_is_told(tmp_path):
    write_sound(tmp_path / "a.wav")
    assert unread(tmp_path) == []
    (tmp_path / "phone.wma").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    write_sound(tmp_path / "day 2/b.wav")
    folders, formats, texts = unread(tmp_path)
    assert folders.endswith("put all recordings into one folder: day 2")
    assert "ffmpeg -i NAME.m4a NAME.wav: phone.wma" in formats and texts.endswith("of the same name: notes.txt")
    (tmp_path / "metadata.csv").touch()
    assert unread(tmp_path) == []


def test_a_kaldi_directory_and_one_without_text(tmp_path):
    folder = write_voice(tmp_path / "ann", ["Good morning.", "It rains."])
    assert [one[:2] + one[3:] for one in read(folder)] == [
        ("ann-0", "ann", "Good morning."),
        ("ann-1", "ann", "It rains."),
    ]
    assert read_recordings(folder, "en-us")[0].symbol_times is not None
    (folder / "text").unlink()
    assert [one[3] for one in read(folder)] == ["", ""]


def test_a_table_with_a_folder_of_audio(tmp_path):
    write_sound(tmp_path / "audio/ann/ann-1.wav")
    (tmp_path / "utterances.tsv").write_text("utt\tspeaker\ttext\nann-1\tann\tGood morning.\n")
    assert read(tmp_path) == [("ann-1", "ann", "ann-1.wav", "Good morning.")]


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="'.*nowhere' is not a folder"):
        read(tmp_path / "nowhere")
    write_sound(tmp_path / "one/ann/a.wav")
    with pytest.raises(DataError, match="holds no recordings .*; it holds the folders ann: give one of them"):
        read(tmp_path / "one")
    write_sound(tmp_path / "one/ann/a.flac")
    with pytest.raises(DataError, match="has 'a' more than once"):
        read(tmp_path / "one/ann")


def test_languages_that_are_noted(tmp_path):
    folder = write_voice(tmp_path / "ann", ["Good morning."])
    (folder / "language").write_text("de\n")
    with pytest.raises(DataError, match="says 'de' and --language 'en-us'; give --language de"):
        read(folder)
    (folder / "language").write_text("en-us\nde\n")
    with pytest.raises(DataError, match="names 2 languages, en-us, de; fine-tune on one at a time"):
        read(folder)
