"""Degradations of what the VAE's encoder hears: they keep length and place, and do what their names say."""

import numpy as np
import pytest

from ditar.data import degrade as module
from ditar.data.degrade import DEGRADATIONS, degrade, dither, narrow, noise, poor_recording, room, telephone
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


def test_rooms_and_noises_are_as_loud_as_asked(speech):
    def below_db(made):
        return 10 * np.log10(np.mean(speech**2) / np.mean((made - speech) ** 2))

    for seed in range(5):
        assert 8 <= below_db(noise(speech, np.random.default_rng(seed), (8.0, 12.0))) <= 12
    click = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    click[100] = 1.0
    tail = room(click, np.random.default_rng(0), (0.5, 0.5), (-3.0, -3.0)) - click
    assert 10 * np.log10(np.sum(tail**2)) == pytest.approx(3.0, abs=0.01)
    sounding = np.flatnonzero(np.abs(tail) > 1e-5)
    assert 0.003 <= (sounding[0] - 100) / SAMPLE_RATE_HZ < 0.004 and (sounding[-1] - 100) / SAMPLE_RATE_HZ <= 0.5
    early, late = energy_between(tail, 0.05, 0.15), energy_between(tail, 0.25, 0.35)
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.2 / 0.5, abs=1.5)


def energy_between(waveform: np.ndarray, start_s: float, end_s: float) -> float:
    return float(np.sum(waveform[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)] ** 2))


def test_poor_recordings_have_the_level_of_references_and_differ(speech):
    made = [poor_recording(speech, np.random.default_rng(seed)) for seed in range(12)]
    for one in made:
        assert one.shape == speech.shape and one.dtype == np.float32 and np.abs(one).max() <= 0.99
        assert 20 * np.log10(np.sqrt(np.mean(one**2))) == pytest.approx(-23, abs=3)
    assert np.array_equal(made[3], poor_recording(speech, np.random.default_rng(3)))
    likeness = [np.corrcoef(speech, one)[0, 1] for one in made]
    assert min(likeness) < 0.8 and max(likeness) > 0.95  # from hardly usable to nearly clean
    assert np.isfinite(poor_recording(np.zeros(4_000, dtype=np.float32), np.random.default_rng(0))).all()


def test_poor_recordings_have_an_echo_a_noise_or_both_and_a_third_a_channel(speech, monkeypatch):
    done = []
    for name in ("room", "noise", "narrow", "telephone", "mp3", "opus"):
        monkeypatch.setattr(module, name, lambda waveform, *_, name=name: done[-1].append(name) or waveform)
    for seed in range(1_000):
        done.append([])
        poor_recording(speech[:2_000], np.random.default_rng(seed))
    first = [[name for name in one if name in ("room", "noise")] for one in done]
    assert {tuple(one) for one in first} == {("room",), ("noise",), ("room", "noise")}
    assert np.mean([one == ["room", "noise"] for one in first]) == pytest.approx(0.35, abs=0.05)
    assert np.mean(["room" in one for one in first]) == pytest.approx(0.7, abs=0.05)
    rest = [one[len(before) :] for one, before in zip(done, first)]
    assert {len(one) for one in rest} == {0, 1} and np.mean([len(one) for one in rest]) == pytest.approx(1 / 3, abs=0.05)
    assert {name for one in rest for name in one} == {"narrow", "telephone", "mp3", "opus"}
