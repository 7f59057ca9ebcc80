"""Data directories that are written here are valid and read back the same."""

import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ditar.data.errors import DataError
from ditar.data.kaldi import OPTIONAL, Utterance, keep_phones, read_data_dir, write_data_dir
from ditar.data.tables import read_json_lines, read_table
from ditar.data.validate import validate_data_dir


@pytest.fixture
def utterances(tmp_path):
    rows = []
    for speaker in ("bob", "ann"):
        for number in (2, 1):
            path = tmp_path / f"{speaker}{number}.wav"
            soundfile.write(path, np.zeros(2400, dtype=np.float32), 24_000)
            phones = [("hh", 0.0, 0.05), ("ay", 0.05, 0.1)] if speaker == "ann" else None
            band, spoken = (8000.0, None) if number == 1 else (None, (["h", "i"], [[0.0, 0.05], None]))
            rows.append(Utterance(f"{speaker}-{number}", speaker, path, f"hi {number}", 0.1, phones, band, spoken))
    return rows


@pytest.fixture
def folder(tmp_path, utterances):
    write_data_dir(tmp_path / "data", utterances)
    return tmp_path / "data"


def test_round_trip_sorted(folder, utterances):
    assert validate_data_dir(folder, audio=True) == []
    assert read_data_dir(folder) == sorted(utterances, key=lambda u: u.utt)
    assert (folder / "spk2utt").read_text() == "ann ann-1 ann-2\nbob bob-1 bob-2\n"
    assert [p.name for p in folder.iterdir() if "partial" in p.name] == []


def test_tables_of_an_earlier_run_do_not_stay(folder, utterances):
    """Phones of other words would be taken for those of these."""
    bare = [replace(u, duration_s=None, phones=None, bandwidth_hz=None, symbol_times=None) for u in utterances]
    write_data_dir(folder, [replace(u, bandwidth_hz=8000.0, symbol_times=(["a"], [[0.0, 0.1]])) for u in utterances])
    assert all((folder / name).is_file() for name in OPTIONAL)
    write_data_dir(folder, bare)
    assert not any((folder / name).exists() for name in OPTIONAL)
    assert read_data_dir(folder) == sorted(bare, key=lambda u: u.utt)


def test_phones_stay_with_the_same_recording_and_text(folder, utterances):
    bare = [replace(u, phones=None, symbol_times=None) for u in utterances]
    had = next(u for u in utterances if u.phones)
    os.utime(folder / "phones", (2e9, 2e9))
    kept = {u.utt: u.phones for u in keep_phones(bare, folder)}
    assert kept == {u.utt: u.phones for u in utterances}
    had = next(u for u in bare if u.utt == had.utt)
    for changed in (replace(had, text="Other words."), replace(had, path=bare[0].path)):
        assert keep_phones([changed], folder)[0].phones is None
    os.utime(folder / "phones", (1.0, 1.0))  # the recording is newer
    assert keep_phones([had], folder)[0].phones is None
    assert keep_phones(bare, folder / "none") == bare


@pytest.mark.parametrize(
    "line", ["half", "{}", '{"utt": "a"}', '{"utt": "a", "phones": 3}', '{"utt": [], "phones": []}']
)
def test_phones_that_are_damaged_are_named(folder, utterances, line):
    (folder / "phones").write_text(f"{line}\n")
    with pytest.raises(DataError, match=r"/phones.*(remove the file|make the file again)"):
        keep_phones(utterances, folder)


def test_an_invalid_directory_is_not_read(folder):
    (folder / "utt2spk").unlink()
    with pytest.raises(DataError, match="not a valid data directory.*\n.*utt2spk does not exist"):
        read_data_dir(folder)


def test_segments_are_refused_with_a_remedy(folder):
    (folder / "segments").write_text("".join(f"{u} {u} 0 0.05\n" for u in ("ann-1", "ann-2", "bob-1", "bob-2")))
    with pytest.raises(DataError, match="segments: .*one file per utterance; .*extract_wav_segments"):
        read_data_dir(folder)


def test_write_refuses_what_cannot_be_valid(tmp_path, utterances):
    first = utterances[0]
    for bad in (
        [],
        [first, first],
        [replace(first, speaker="eve")],
        [replace(first, text="a\nb")],
        [replace(first, text=" ")],
    ):
        with pytest.raises(DataError):
            write_data_dir(tmp_path / "bad", bad)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb\n", ":2: expected '<key> <value>', got 'b'"),
        (b"a 1\nb 2\na 3\n", ":3: 'a' comes twice"),
        (b"a 1\nb \xff\n", ":2: not UTF-8"),
    ],
)
def test_broken_tables_name_the_line(tmp_path, content, message):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "text")


def test_tables_keep_what_is_in_a_line(tmp_path):
    (tmp_path / "text").write_text("a  one\u2028two \r\nb\tthree four\n", newline="")
    assert read_table(tmp_path / "text") == {"a": "one\u2028two", "b": "three four"}
    (tmp_path / "symbols").write_text('{"utt": "a"}\n{"utt": \n')
    with pytest.raises(DataError, match="symbols:2: not a JSON object"):
        read_json_lines(tmp_path / "symbols")
