import numpy as np
import pytest

from ditar.evaluate.parallel import CEPSTRA, Parallel, compare_parallel, mel_cepstra
from tests.evaluate.sounds import RATE_HZ, buzz, hiss, quiet

for package in ("librosa", "parselmouth"):
    pytest.importorskip(package, reason=f"{package} is not installed (pip install '.[eval]')")


def test_nothing_lies_between_a_sound_and_itself():
    sound = np.concatenate([buzz(0.5, 120.0), hiss(0.3), buzz(0.4, 180.0)])
    assert compare_parallel(sound, sound) == Parallel(0.0, 0.0, 0.0)
    later = np.concatenate([quiet(0.32), sound, quiet(0.2)])  # 32 hops
    assert compare_parallel(later, sound).mcd_db < 0.5


def test_level_and_tempo_cost_little_and_noise_more_the_more_there_is():
    sound = np.concatenate([buzz(0.5, 120.0), hiss(0.3), buzz(0.4, 180.0)])
    slow = np.concatenate([buzz(0.8, 120.0), hiss(0.5, seed=1), buzz(0.6, 180.0)])
    assert compare_parallel(0.3 * sound, sound).mcd_db < 0.05
    stretched = compare_parallel(slow, sound)
    noisy = [compare_parallel(sound + hiss(1.2, level, seed=2), sound).mcd_db for level in (0.001, 0.01, 0.1)]
    assert stretched.mcd_db < noisy[1] and stretched.voicing_error < 0.1
    assert 0 < noisy[0] < noisy[1] < noisy[2]


def test_the_scale_is_decibels_of_the_spectrum():
    """A noise whose spectrum is tilted by a half cosine over the mel axis has the distortion that follows from it."""
    noise = hiss(4.0)
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    mel = np.log10(1 + hertz / 700) / np.log10(1 + RATE_HZ / 2 / 700)  # 0 to 1
    tilt_db = 6 * np.cos(np.pi * mel)
    tilted = np.fft.irfft(np.fft.rfft(noise) * 10 ** (tilt_db / 20)).astype(np.float32)
    assert mel_cepstra(noise).shape == (400, CEPSTRA)
    change = (mel_cepstra(tilted) - mel_cepstra(noise)).mean(axis=0)  # (13,)
    assert change[0] == pytest.approx(6 * np.log(10) / 20, rel=0.05) and np.abs(change[1:]).max() < 0.05
    assert compare_parallel(tilted, noise).mcd_db == pytest.approx(6 / np.sqrt(2), rel=0.1)  # rms of the cosine


def test_the_same_melody_in_another_register_is_the_same():
    rise = np.linspace(100, 150, RATE_HZ)
    same = compare_parallel(buzz(1.0, 1.5 * rise), buzz(1.0, rise))
    flat = compare_parallel(buzz(1.0, 125.0), buzz(1.0, rise))
    assert same.f0_error_semitones < 0.7 < flat.f0_error_semitones


def test_silence_is_not_compared():
    assert compare_parallel(quiet(1.0), buzz(1.0)) == Parallel() == compare_parallel(buzz(1.0), quiet(0))
