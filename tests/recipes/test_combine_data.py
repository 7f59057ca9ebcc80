"""recipes/combine_data.py and subset_data.py: data directories as one, and a part of one, with all that is known."""

import numpy as np
import pytest
import soundfile

from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from tests.egs.corpora import run

PROGRAM = "recipes/combine_data.py"


@pytest.fixture
def folders(tmp_path):
    """A teacher with times of its symbols, and someone real with phones and a narrow band."""
    soundfile.write(tmp_path / "a.wav", np.zeros(2400, dtype=np.float32), 24_000)
    teacher = Utterance("t-1", "t", tmp_path / "a.wav", "Hi.", 0.1, symbol_times=(["h", "a"], [[0.0, 0.05], None]))
    real = Utterance("b-1", "b", tmp_path / "a.wav", "Hi.", 0.1, [("hh", 0.0, 0.05)], 8000.0)
    write_data_dir(tmp_path / "teacher", [teacher])
    write_data_dir(tmp_path / "real", [real])
    return tmp_path, teacher, real


def test_what_some_know_is_kept(folders):
    folder, teacher, real = folders
    said = run(PROGRAM, "--data", folder / "teacher", folder / "real", "--out", folder / "all")
    assert "2 utterances, 2 speakers" in said
    assert read_data_dir(folder / "all") == [real, teacher]
    run("recipes/subset_data.py", "--data", folder / "all", "--out", folder / "part", "--speakers", "b")
    assert read_data_dir(folder / "part") == [real]
    run(PROGRAM, "--data", folder / "teacher", "--out", folder / "all")  # nothing is left of the other
    assert read_data_dir(folder / "all") == [teacher]
    assert not (folder / "all/phones").exists() and not (folder / "all/utt2bandwidth").exists()


def test_what_is_not_there(folders):
    folder, teacher, _ = folders
    given = ["--data", folder / "teacher", folder / "none", "--out", folder / "all"]
    assert "none is not a folder" in run(PROGRAM, *given, code=1)
    run(PROGRAM, *given, "--skip-missing")
    assert read_data_dir(folder / "all") == [teacher]
    said = run(PROGRAM, "--data", folder / "none", "--out", folder / "a", "--skip-missing", code=1)
    assert "none of" in said and not (folder / "a").exists()


def test_what_cannot_be_one_directory(folders):
    folder = folders[0]
    twice = ["--data", folder / "teacher", folder / "teacher", "--out", folder / "all"]
    assert "utterance 't-1' is in" in run(PROGRAM, *twice, code=1)
    assert "--out is one of --data" in run(PROGRAM, "--data", folder / "real", "--out", folder / "real", code=1)
