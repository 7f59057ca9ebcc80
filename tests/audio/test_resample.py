"""Rates and bandwidth: a tone keeps its pitch, place and level; what must go is gone."""

import numpy as np
import pytest

from ditar.audio import AudioError
from ditar.audio.resample import low_pass, resample


def tone(frequency_hz, rate_hz, seconds=0.5):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(np.float32)


@pytest.mark.parametrize("from_hz, to_hz", [(16_000, 24_000), (48_000, 24_000), (44_101, 24_000), (24_000, 16_000)])
def test_a_tone_stays_the_same_tone(from_hz, to_hz):
    made, expected = resample(tone(1000, from_hz), from_hz, to_hz), tone(1000, to_hz)
    assert abs(len(made) - len(expected)) <= 1
    middle = slice(len(expected) // 4, len(expected) // 2)
    np.testing.assert_allclose(made[middle], expected[middle], atol=2e-4)


def test_nothing_folds_back():
    assert np.abs(resample(tone(11_000, 48_000), 48_000, 16_000)[1000:-1000]).max() < 1e-4


def test_same_rate_is_the_same_samples():
    waveform = tone(500, 24_000)
    assert np.array_equal(resample(waveform, 24_000, 24_000), waveform)


@pytest.mark.parametrize("rates", [(0, 24_000), (24_000, -1), (10**9, 24_000)])
def test_impossible_rates_are_named(rates):
    with pytest.raises(AudioError, match="rates go from"):
        resample(np.zeros(10, np.float32), *rates)


def test_low_pass_keeps_below_and_removes_above():
    low, high = tone(3000, 24_000), tone(8500, 24_000)
    made = low_pass(low + high, 8000, 24_000)
    middle = slice(2000, -2000)
    assert len(made) == len(low)
    np.testing.assert_allclose(made[middle], low[middle], atol=1e-3)  # zero delay: the same samples
    assert np.abs(low_pass(high, 8000, 24_000)[middle]).max() < 2e-4  # -74 dB


def test_low_pass_at_nyquist_is_the_identity():
    waveform = tone(3000, 24_000)
    assert low_pass(waveform, 12_000, 24_000) is waveform


def test_low_pass_refuses_a_nonsense_edge():
    with pytest.raises(AudioError, match="above 0 Hz"):
        low_pass(np.zeros(10, np.float32), 0, 24_000)
