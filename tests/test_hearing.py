"""Word errors during training: of both packages, or none."""

import sys

import numpy as np
import pytest

from ditar.hearing import make_word_error


@pytest.mark.parametrize("package", ["pocketsphinx", "jiwer"])
def test_without_one_of_its_packages_training_goes_on_unheard(package, monkeypatch, capsys):
    """Not an error behind hours of training, where the first sample is made."""
    monkeypatch.setattr("ditar.hearing.find_spec", lambda name: None if name == package else sys)
    assert make_word_error() is None
    assert "comes with the extra 'eval'" in capsys.readouterr().err


def test_silence_is_no_word():
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    assert make_word_error()([np.zeros(24_000, np.float32)] * 2, ["One two.", "Three."]) == 1.0
