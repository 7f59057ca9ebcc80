"""Sample rates and bandwidth: conversion by soxr, and a linear-phase low-pass without delay."""

import functools

import numpy as np
import soxr

from ditar.audio.errors import AudioError

STOP_DB = 80.0  # attenuation above the edge by `low_pass`
MAX_RATE_HZ = 768_000


def resample(waveform: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """(S,) at `from_hz` -> (about S * to_hz / from_hz,) at `to_hz`, float32. Any pair of rates.

    soxr rather than torchaudio's sinc: its cost does not explode when the two rates have no common factor.
    """
    for rate_hz in (from_hz, to_hz):
        if not 0 < rate_hz <= MAX_RATE_HZ:
            raise AudioError(f"cannot resample from {from_hz} Hz to {to_hz} Hz: rates go from 1 to {MAX_RATE_HZ} Hz")
    waveform = np.asarray(waveform, dtype=np.float32)
    if from_hz == to_hz or waveform.size == 0:
        return waveform
    return soxr.resample(waveform, from_hz, to_hz, quality="VHQ").astype(np.float32, copy=False)


def low_pass(waveform: np.ndarray, edge_hz: float, rate_hz: int) -> np.ndarray:
    """(S,) -> (S,): everything above `edge_hz` attenuated by 80 dB; unchanged if the edge is at Nyquist or above.

    Kaiser-windowed sinc with a transition band of 5 % of the edge below it, applied with zero delay.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if edge_hz <= 0:
        raise AudioError(f"the edge of a low-pass must be above 0 Hz, got {edge_hz}")
    if edge_hz >= rate_hz / 2 or waveform.size == 0:
        return waveform
    taps = _low_pass_taps(float(edge_hz), rate_hz)
    half = len(taps) // 2
    size = 1 << (len(waveform) + len(taps) - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(taps, size), size)
    return filtered[half : half + len(waveform)].astype(np.float32)


@functools.lru_cache(maxsize=8)
def _low_pass_taps(edge_hz: float, rate_hz: int) -> np.ndarray:
    transition_hz = 0.05 * edge_hz
    # Not scipy.signal's kaiserord and firwin: importing it takes 0.9 s of CPU, more than five seconds of speech.
    # Kaiser's formulas for length and shape from the stop-band attenuation (Oppenheim and Schafer, section 7.5.3).
    beta = 0.1102 * (STOP_DB - 8.7)
    length = int(np.ceil((STOP_DB - 7.95) / (2.285 * 2 * np.pi * transition_hz / rate_hz))) | 1
    time = np.arange(length) - length // 2
    cutoff = 2 * (edge_hz - transition_hz / 2) / rate_hz
    taps = cutoff * np.sinc(cutoff * time) * np.kaiser(length, beta)
    return taps / taps.sum()
