"""Fundamental frequency by Praat (Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound"), through parselmouth."""

import numpy as np

from ditar.evaluate.inputs import import_for_evaluation

PITCH_RATE_HZ = 16_000
PITCH_HOP_SAMPLES = 160  # 10 ms; frame i is centred on its own samples, as ditar.audio.spectra.log_mel's are
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0


def track_f0(waveform: np.ndarray) -> np.ndarray:
    """(S,) at 16 kHz -> (S // 160,) F0 in Hz, 0 where unvoiced, and at the ends, where Praat's window of three periods of
    the lowest pitch does not fit."""
    hop_s = PITCH_HOP_SAMPLES / PITCH_RATE_HZ
    f0 = np.zeros(len(waveform) // PITCH_HOP_SAMPLES)
    if len(waveform) < 3 * PITCH_RATE_HZ / LOWEST_HZ + PITCH_HOP_SAMPLES:
        return f0
    sound = import_for_evaluation("parselmouth").Sound(waveform.astype(np.float64), PITCH_RATE_HZ)
    pitch = sound.to_pitch_ac(hop_s, LOWEST_HZ, pitch_ceiling=HIGHEST_HZ)
    first = round(pitch.x1 / hop_s - 0.5)  # Praat centres its frames on the sound: at most half a hop from ours
    found = pitch.selected_array["frequency"][: len(f0) - first]
    f0[first : first + len(found)] = found
    return f0
