"""The pitch that a vocoder is taught: Praat's autocorrelation (Boersma 1993), through parselmouth."""

import numpy as np

from ditar.extras import load
from ditar.units import SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 50.0, 600.0


def pitch_of_frames(waveform: np.ndarray, hop: int) -> np.ndarray:
    """(S,) at 24 kHz -> (S // hop,) float32 in Hz, 0 where unvoiced; frame i is centred on its own samples."""
    parselmouth = load("parselmouth", "recipes", ValueError)
    pitch_hz = np.zeros(len(waveform) // hop, dtype=np.float32)
    if not waveform.any():
        return pitch_hz
    sound = parselmouth.Sound(waveform.astype(np.float64), float(SAMPLE_RATE_HZ))
    found = sound.to_pitch_ac(time_step=hop / SAMPLE_RATE_HZ, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ)
    for time, value in zip(found.xs(), found.selected_array["frequency"]):
        frame = round(time * SAMPLE_RATE_HZ / hop - 0.5)
        if 0 <= frame < len(pitch_hz):
            pitch_hz[frame] = value
    return pitch_hz
