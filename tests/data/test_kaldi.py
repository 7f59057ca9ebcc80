from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir, validate_data_dir, write_data_dir


@pytest.fixture
def utterances(tmp_path):
    rows = []
    for speaker in ("bob", "ann"):
        for number in (2, 1):
            path = tmp_path / f"{speaker}{number}.wav"
            soundfile.write(path, np.zeros(2400, dtype=np.float32), 24_000)
            phones = [("hh", 0.0, 0.05), ("ay", 0.05, 0.1)] if speaker == "ann" else None
            rows.append(Utterance(f"{speaker}-{number}", speaker, path, f"hi {number}", 0.1, phones))
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


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("text", "bob-2 hi 2\n", "bob-2 hi 2", "newline"),
        ("text", "bob-2 hi 2", "bob-2 hi </s>", "'</s>' must not"),
        ("text", "ann-1 hi 1\n", "", "lacks 1 utterances: ann-1"),
        ("text", "ann-1 hi 1", "ann-1", "expected '<key> <value>'"),
        ("wav.scp", "ann-1", "zoe-1", "LC_ALL=C"),
        ("utt2spk", "ann-1 ann", "ann-1 bob", "not the prefix"),
        ("spk2utt", "ann ann-1 ann-2", "ann ann-1", "other utterances"),
        ("utt2dur", "0.1000", "-1", "length in seconds"),
        ("utt2spk", "ann-2", "ann-1", "comes twice"),
        ("phones", "0.05, 0.1", "0.05, 0.01", "backwards"),
        ("phones", "ann-2", "ann-9", "ann-9"),
    ],
)
def test_what_is_wrong_is_named(folder, name, old, new, message):
    edit(folder / name, old, new)
    problems = validate_data_dir(folder)
    assert any(name in problem for problem in problems)
    with pytest.raises(DataError, match=message):
        read_data_dir(folder)


def test_missing_table_and_audio(folder):
    next(Path(line.split()[1]) for line in (folder / "wav.scp").read_text().splitlines()).unlink()
    assert "does not exist or is empty" in validate_data_dir(folder, audio=True)[0]
    assert validate_data_dir(folder) == []
    (folder / "utt2spk").unlink()
    assert "utt2spk does not exist" in validate_data_dir(folder)[0]


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
