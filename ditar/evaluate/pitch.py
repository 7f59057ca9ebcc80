"""The pitch of judged speech."""

import numpy as np

from ditar.audio.pitch import track_pitch

PITCH_RATE_HZ = 16_000
PITCH_HOP_SAMPLES = 160  # 10 ms
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0


def track_f0(waveform: np.ndarray) -> np.ndarray:
    """(S,) at 16 kHz -> (S // 160,) F0 in Hz, 0 where unvoiced; see `track_pitch`."""
    return track_pitch(waveform, PITCH_RATE_HZ, PITCH_HOP_SAMPLES, LOWEST_HZ, HIGHEST_HZ)
