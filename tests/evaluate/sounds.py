"""Sounds whose pitch and spectrum are known, for tests that need no synthesiser."""

import numpy as np

RATE_HZ = 16_000


def buzz(seconds, f0_hz=120.0, level=0.1):
    """Twenty harmonics that fall by 6 dB an octave. f0_hz: a number, or one for each sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0_hz, round(seconds * RATE_HZ))) / RATE_HZ
    sound = sum(np.sin(k * phase) / k for k in range(1, 21))
    return (level * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def hiss(seconds, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def quiet(seconds):
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)
