import numpy as np
import pytest

from ditar.evaluate.pitch import PITCH_HOP_SAMPLES, track_f0
from tests.evaluate.sounds import RATE_HZ, buzz, hiss, quiet

pytest.importorskip("parselmouth", reason="parselmouth is not installed (pip install '.[eval]')")


@pytest.mark.parametrize("f0_hz", [75.0, 120.0, 233.0, 410.0])
def test_pitch_of_a_steady_sound(f0_hz):
    found = track_f0(buzz(1.0, f0_hz))
    assert len(found) == RATE_HZ // PITCH_HOP_SAMPLES
    assert np.all(np.abs(found[5:-5] / f0_hz - 1) < 0.01)


def test_pitch_follows_a_glide_and_finds_no_octaves():
    f0_hz = np.linspace(100, 200, 2 * RATE_HZ)
    found = track_f0(buzz(2.0, f0_hz))
    truth = f0_hz[np.arange(len(found)) * PITCH_HOP_SAMPLES + PITCH_HOP_SAMPLES // 2]
    assert np.all(np.abs(found[5:-5] / truth[5:-5] - 1) < 0.02)


def test_noise_and_silence_are_unvoiced():
    assert not track_f0(quiet(0.5)).any() and len(track_f0(quiet(0))) == 0
    assert np.mean(track_f0(hiss(1.0)) > 0) < 0.1
    mixed = track_f0(np.concatenate([buzz(0.5, 150.0), hiss(0.5, 0.05), quiet(0.5)]))
    assert np.mean(mixed[5:45] > 0) == 1 and np.mean(mixed[55:] > 0) < 0.1
