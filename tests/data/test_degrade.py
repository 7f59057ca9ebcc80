"""Degradations of what the VAE's encoder hears: they keep length and place, and do what their names say."""

import numpy as np
import pytest

from ditar.data.degrade import DEGRADATIONS, degrade, dither, narrow, noise, telephone
from ditar.units import SAMPLE_RATE_HZ


@pytest.fixture
def speech() -> np.ndarray:
    """A second of harmonics and noise with a moving level: as wide as speech."""
    time = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tones = sum(np.sin(2 * np.pi * 150 * k * time + k) / k for k in range(1, 70))
    waveform = (tones + 0.3 * np.random.default_rng(0).standard_normal(len(time))) * (1.2 + np.sin(2 * np.pi * 3 * time))
    return (0.05 * waveform).astype(np.float32)


def energy(waveform: np.ndarray, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    frequencies = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE_HZ)
    return spectrum[(frequencies >= low_hz) & (frequencies < high_hz)].sum()


@pytest.mark.parametrize("kind", DEGRADATIONS, ids=lambda kind: kind.__name__)
def test_length_and_place_stay(kind, speech):
    made = kind(speech, np.random.default_rng(1))
    assert made.shape == speech.shape
    shifts = range(-50, 51)
    match = [np.dot(speech[100:-100], made[100 + shift : len(made) - 100 + shift]) for shift in shifts]
    assert shifts[int(np.argmax(match))] == 0
    assert not np.array_equal(made, speech)
    assert np.array_equal(made, kind(speech, np.random.default_rng(1)))


def test_bands_are_empty_where_they_should_be(speech):
    made = telephone(speech, np.random.default_rng(0))
    assert energy(made, 4_200, 12_000) < 1e-4 * energy(speech, 4_200, 12_000)
    for seed in range(4):
        assert energy(narrow(speech, np.random.default_rng(seed)), 11_100, 12_000) < 1e-3 * energy(speech, 11_100, 12_000)


def test_levels_of_what_is_added(speech):
    def below_db(made):
        return 10 * np.log10(np.mean(speech**2) / np.mean((made - speech) ** 2))

    assert all(25 <= below_db(noise(speech, np.random.default_rng(seed))) <= 45 for seed in range(5))
    assert np.abs(dither(speech, np.random.default_rng(0)) - speech).max() < 8 / 32_768


def test_silence_stays_finite_and_what_is_made_is_a_waveform(speech):
    for seed in range(20):
        assert np.isfinite(degrade(np.zeros(4_000, dtype=np.float32), np.random.default_rng(seed))).all()
        made = degrade(20 * speech, np.random.default_rng(seed))
        assert made.dtype == np.float32 and np.abs(made).max() <= 1.0
