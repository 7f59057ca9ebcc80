"""The pitch that a vocoder is taught: Praat's autocorrelation (Boersma 1993), through parselmouth."""

import numpy as np

from ditar.extras import load_extra
from ditar.units import SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 50.0, 600.0
HUM_HZ = 70.0


def pitch_of_frames(waveform: np.ndarray, hop: int) -> np.ndarray:
    """(S,) at 24 kHz -> (S // hop,) float32 in Hz, 0 where unvoiced; frame i is centred on its own samples."""
    parselmouth = load_extra("parselmouth", "recipes", ValueError)
    pitch_hz = np.zeros(len(waveform) // hop, dtype=np.float32)
    if not waveform.any():
        return pitch_hz
    # Mains hum is as periodic as a voice, and louder in pauses; a low voice is recognised by its harmonics.
    spectrum = np.fft.rfft(waveform.astype(np.float64))
    spectrum[np.fft.rfftfreq(len(waveform), 1.0 / SAMPLE_RATE_HZ) < HUM_HZ] = 0.0
    sound = parselmouth.Sound(np.fft.irfft(spectrum, len(waveform)), float(SAMPLE_RATE_HZ))
    found = sound.to_pitch_ac(time_step=hop / SAMPLE_RATE_HZ, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ)
    for time, value in zip(found.xs(), found.selected_array["frequency"]):
        frame = round(time * SAMPLE_RATE_HZ / hop - 0.5)
        if 0 <= frame < len(pitch_hz):
            pitch_hz[frame] = value
    return pitch_hz
