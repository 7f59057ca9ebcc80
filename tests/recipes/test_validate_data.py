import sys

import numpy as np
import soundfile

from ditar.data.kaldi import Utterance, write_data_dir
from recipes import validate_data


def make(folder, utt):
    folder.mkdir(parents=True)
    soundfile.write(folder / "a.wav", np.zeros(2400, dtype=np.float32), 24_000)
    write_data_dir(folder, [Utterance(utt, "ann", folder / "a.wav", "Hi.", 0.1)])
    return folder


def validate(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["validate_data", *map(str, arguments)])
    return validate_data.main()


def test_says_what_there_is(tmp_path, monkeypatch, capsys):
    train, val = make(tmp_path / "train", "ann-1"), make(tmp_path / "val", "ann-2")
    assert validate(monkeypatch, train, val) == 0
    assert capsys.readouterr().out.count("1 utterances, 1 speakers, 0.00 h") == 2


def test_overlapping_splits_and_missing_audio(tmp_path, monkeypatch, capsys):
    train, val = make(tmp_path / "train", "ann-1"), make(tmp_path / "val", "ann-1")
    assert validate(monkeypatch, train, val) == 1
    assert "'ann-1' is in" in capsys.readouterr().err
    (val / "a.wav").unlink()
    assert validate(monkeypatch, val) == 1
    assert "a.wav does not exist" in capsys.readouterr().err
