"""Where the sound of an utterance is by its times, and the times after a cut."""

from pathlib import Path

from ditar.data.kaldi import Utterance
from ditar.data.times import shift_times, sound_seconds

PHONES = [("pau", 0.0, 0.3), ("ae", 0.3, 0.5), ("t", 0.5, 0.62), ("sil", 0.62, 1.0)]
SPOKEN = (["ˈ", "æ", " ", "t", "."], [[0.3, 0.5], [0.31, 0.5], None, [0.5, 0.62], [0.62, 1.0]])


def row(**times):
    return Utterance("s1-01", "s1", Path("s1-01.wav"), "at", **times)


def test_silences_and_marks_are_no_sounds():
    assert sound_seconds(row(phones=PHONES)) == (0.3, 0.62)
    assert sound_seconds(row(symbol_times=SPOKEN)) == (0.31, 0.62)
    assert sound_seconds(row(symbol_times=SPOKEN, phones=PHONES)) == (0.31, 0.62)  # who spoke knows best
    assert sound_seconds(row()) is None and sound_seconds(row(phones=PHONES[:1])) is None


def test_times_move_and_are_clipped():
    made = shift_times(row(phones=PHONES, symbol_times=SPOKEN), 0.25, 0.5)
    assert made.phones == [("pau", 0.0, 0.05), ("ae", 0.05, 0.25), ("t", 0.25, 0.37), ("sil", 0.37, 0.5)]
    assert made.symbol_times == (SPOKEN[0], [[0.05, 0.25], [0.06, 0.25], None, [0.25, 0.37], [0.37, 0.5]])
    assert shift_times(row(), 0.25, 0.5) == row()
