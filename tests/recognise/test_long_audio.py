import numpy as np

from ditar.recognise.long_audio import split_long
from tests.evaluate.sounds import hiss, quiet


def test_long_waveforms_are_cut_where_it_is_quiet():
    sound = np.concatenate([hiss(27.0), quiet(0.5), hiss(10.0), hiss(30.0)])
    pieces = split_long(sound)
    assert np.array_equal(np.concatenate(pieces), sound) and max(map(len, pieces)) <= 30 * 16_000
    assert 27.0 < len(pieces[0]) / 16_000 < 27.5
    assert len(split_long(quiet(30.0))) == 1 and [len(piece) for piece in split_long(quiet(0))] == [0]
