"""Fundamental frequency by Praat's autocorrelation (Boersma 1993, "Accurate short-term analysis of the fundamental
frequency and the harmonics-to-noise ratio of a sampled sound"), through parselmouth."""

import numpy as np

from ditar.extras import load_extra
from ditar.units import SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 50.0, 600.0  # that a vocoder is taught
HUM_HZ = 70.0


def track_pitch(waveform: np.ndarray, rate_hz: int, hop: int, lowest_hz: float, highest_hz: float) -> np.ndarray:
    """(S,) -> (S // hop,) in Hz, frame i centred on its own samples; 0 if unvoiced, and at the ends, where the window
    of three periods of `lowest_hz` does not fit."""
    parselmouth = load_extra("parselmouth", "recipes", ValueError)
    pitch_hz = np.zeros(len(waveform) // hop)
    if len(waveform) < 3 * rate_hz / lowest_hz + hop or not waveform.any():
        return pitch_hz
    hop_s = hop / rate_hz
    track = parselmouth.Sound(waveform.astype(np.float64), rate_hz).to_pitch_ac(
        hop_s, lowest_hz, pitch_ceiling=highest_hz
    )
    first = round(track.x1 / hop_s - 0.5)  # Praat's frames are centred in the sound, at most half a hop from ours
    found = track.selected_array["frequency"][: len(pitch_hz) - first]
    pitch_hz[first : first + len(found)] = found
    return pitch_hz


def pitch_of_frames(waveform: np.ndarray, hop: int) -> np.ndarray:
    """The pitch that a vocoder is taught: (S,) at 24 kHz -> (S // hop,) float32, as `track_pitch`."""
    # Mains hum is as periodic as a voice, and louder in pauses; a low voice is recognised by its harmonics.
    spectrum = np.fft.rfft(waveform.astype(np.float64))
    spectrum[np.fft.rfftfreq(len(waveform), 1.0 / SAMPLE_RATE_HZ) < HUM_HZ] = 0.0
    without_hum = np.fft.irfft(spectrum, len(waveform))
    return track_pitch(without_hum, SAMPLE_RATE_HZ, hop, LOWEST_HZ, HIGHEST_HZ).astype(np.float32)
