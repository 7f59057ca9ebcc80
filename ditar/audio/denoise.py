"""Noise taken out of recordings by RNNoise (Valin, arXiv 1709.08243), where pyrnnoise, of the extra `denoise`, is
installed."""

from importlib.util import find_spec

import numpy as np

from ditar.audio.errors import AudioError
from ditar.audio.faults import is_noisy
from ditar.audio.resample import resample
from ditar.extras import missing

RATE_HZ = 48_000  # of RNNoise
DELAY = 960  # samples by which what it gives comes later
SETTLING = RATE_HZ  # samples that it hears before: what is at the start, since it cuts into what it hears first
LEAST_LEFT = 0.1  # of the peak: where less is left there is no voice, see `faults`
PEAK = 0.5  # of what it gets: it computes with whole numbers of 16 bits


def is_installed() -> bool:
    """Whether RNNoise is there."""
    return find_spec("pyrnnoise") is not None


def denoised(waveform: np.ndarray, rate_hz: int, name: str) -> np.ndarray | None:
    """A recording (S,) without its noise, at its rate and as long; None: it has none that matters, see `is_noisy`, or
    nothing else. AudioError: RNNoise is not installed."""
    if not is_noisy(waveform, rate_hz):
        return None
    if not is_installed():
        raise AudioError(f"{name} is noisy, and {missing('pyrnnoise, which takes noise out,', 'denoise')}")
    from pyrnnoise import rnnoise

    high = resample(np.asarray(waveform, dtype=np.float32), rate_hz, RATE_HZ)
    gain = PEAK / max(float(np.abs(high).max()), 1e-9)
    end = np.zeros(DELAY + rnnoise.FRAME_SIZE, dtype=np.float32)
    heard = gain * np.concatenate((high[:SETTLING], high, end))
    state, frames = rnnoise.create(), []
    try:
        for start in range(0, len(heard) - rnnoise.FRAME_SIZE + 1, rnnoise.FRAME_SIZE):
            frame, _ = rnnoise.process_mono_frame(state, heard[start : start + rnnoise.FRAME_SIZE])
            frames.append(frame)
    finally:
        rnnoise.destroy(state)
    begin = min(SETTLING, len(high)) + DELAY
    clean = np.concatenate(frames)[begin : begin + len(high)].astype(np.float32) / (32_767 * gain)
    low = resample(clean, RATE_HZ, rate_hz)[: len(waveform)]
    if np.abs(low).max() < LEAST_LEFT * np.abs(waveform).max():
        return None
    return np.pad(low, (0, len(waveform) - len(low)))
