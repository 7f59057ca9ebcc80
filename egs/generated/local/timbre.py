"""Another vocal tract, speaker and microphone for a synthesised voice, without a vocoder: only magnitudes change.

The spectral envelope of every frame (its low quefrencies) is moved along the frequency axis by a piecewise linear map,
so that formants move apart or together as they do between people, and multiplied by a smooth curve, as by throats,
rooms and microphones. Detail finer than the envelope, pitch and noise, stays in place, and phases are kept.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from scipy.signal import istft, stft

WINDOW_S = 0.04
ENVELOPE_S = 0.0022  # quefrencies below: formants; a pitch period is longer (4 ms at 250 Hz)
GREATEST_DB = 18.0
ARTICULATED_HZ = 7000.0  # below what a model at 16 kHz has
WARP_HZ = (600.0, 1500.0, 2500.0, 3800.0)  # about the first four formants
COLOUR_HZ = (100.0, 250.0, 600.0, 1200.0, 2400.0, 4000.0, 6000.0, 9000.0)


@dataclass(frozen=True)
class Timbre:
    """`warp`: factor by which the envelope moves at each of WARP_HZ; `colour`: dB at each of COLOUR_HZ."""

    warp: tuple[float, ...]
    colour: tuple[float, ...]


def draw(rng: random.Random) -> Timbre:
    """Formants move by up to 14 %, each its own way; the curve swings by about 4 dB and tilts by up to 6 dB."""
    warp = tuple(round(rng.uniform(0.88, 1.14), 3) for _ in WARP_HZ)
    tilt = rng.uniform(-6.0, 6.0)
    places = [i / (len(COLOUR_HZ) - 1) - 0.5 for i in range(len(COLOUR_HZ))]
    return Timbre(warp, tuple(round(tilt * place + rng.gauss(0.0, 4.0), 2) for place in places))


def reshape(waveform: np.ndarray, rate_hz: int, timbre: Timbre) -> np.ndarray:
    """(S,) -> (S,) float32."""
    frequency_hz, _, spectrum, envelope = _analyse(waveform, rate_hz)
    # What is heard at f comes from f / factor, so that formants move up if factors are above 1.
    factors = np.interp(frequency_hz, WARP_HZ, timbre.warp)
    position = np.interp(frequency_hz / factors, frequency_hz, np.arange(len(frequency_hz)))
    below = np.minimum(position.astype(int), len(frequency_hz) - 2)
    share = (position - below)[:, None]
    moved = envelope[below] * (1 - share) + envelope[below + 1] * share
    colour = np.interp(np.log(frequency_hz + 1.0), np.log(COLOUR_HZ), timbre.colour) * np.log(10) / 20
    greatest = GREATEST_DB * np.log(10) / 20
    gain = np.clip(moved - envelope, -greatest, greatest) + colour[:, None]
    return _synthesise(spectrum * np.exp(gain), rate_hz, len(waveform))


def blend(
    waveform: np.ndarray, other: np.ndarray, rate_hz: int, share: float, times: np.ndarray, other_times: np.ndarray
) -> np.ndarray:
    """(S,) -> (S,) float32: moved towards another speaker's envelope by `share` (0: not at all, 1: all the way, below
    0: away from it), where `other` (S',) says the same: what is spoken at times[i] s, it speaks at other_times[i] s.

    Loudness, pitch, noise and pace are unchanged.
    """
    _, frames_s, spectrum, envelope = _analyse(waveform, rate_hz)
    _, other_s, _, theirs = _analyse(other, rate_hz)
    places = np.interp(np.interp(frames_s, times, other_times), other_s, np.arange(len(other_s)))
    difference = theirs[:, np.round(places).astype(int)] - envelope  # (F, T)
    difference -= difference.mean(axis=0)
    greatest = GREATEST_DB * np.log(10) / 20
    return _synthesise(spectrum * np.exp(np.clip(share * difference, -greatest, greatest)), rate_hz, len(waveform))


def articulate(waveform: np.ndarray, model: np.ndarray, rate_hz: int, share: float) -> np.ndarray:
    """(S,) -> (S,) float32: moved towards the movements of another speaker's envelope by `share`, where `model` (S',)
    says the same at the same times. The mean envelope of speech is unchanged, and so are most of the speaker's
    identity, loudness, pitch and noise; nothing changes above ARTICULATED_HZ.
    """
    frequency_hz, _, spectrum, envelope = _analyse(waveform, rate_hz)
    theirs = _analyse(model, rate_hz)[3]
    count = min(envelope.shape[1], theirs.shape[1])
    difference = np.zeros_like(envelope)
    difference[:, :count] = theirs[:, :count] - envelope[:, :count]
    level = envelope.mean(axis=0)
    spoken = level > np.percentile(level, 30)
    difference -= difference[:, spoken].mean(axis=1, keepdims=True)
    heard = frequency_hz < ARTICULATED_HZ
    difference[~heard] = 0.0
    difference[heard] -= difference[heard].mean(axis=0)
    greatest = GREATEST_DB * np.log(10) / 20
    return _synthesise(spectrum * np.exp(np.clip(share * difference, -greatest, greatest)), rate_hz, len(waveform))


def _analyse(waveform: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies (F,), times (T,), complex spectrum (F, T) and its log envelope (F, T), smooth along frequency."""
    size = _window(rate_hz)
    frequency_hz, frames_s, spectrum = stft(waveform, rate_hz, nperseg=size, noverlap=size * 3 // 4)
    quefrency = np.fft.irfft(np.log(np.abs(spectrum) + 1e-5), axis=0)
    kept = round(ENVELOPE_S * rate_hz)
    quefrency[kept : size - kept + 1] = 0.0
    return frequency_hz, frames_s, spectrum, np.fft.rfft(quefrency, axis=0).real


def _synthesise(spectrum: np.ndarray, rate_hz: int, samples: int) -> np.ndarray:
    size = _window(rate_hz)
    _, made = istft(spectrum, rate_hz, nperseg=size, noverlap=size * 3 // 4)
    return np.pad(made[:samples], (0, max(0, samples - len(made)))).astype(np.float32)


def _window(rate_hz: int) -> int:
    return 2 * round(WINDOW_S * rate_hz / 2)
