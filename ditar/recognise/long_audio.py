"""Waveforms longer than what a recogniser hears at once: cut into pieces, without losing anything."""

import numpy as np

from ditar.recognise import RECOGNISER_RATE_HZ

WINDOW_S = 30.0  # what Whisper hears at once; CTC models get the same pieces, which bounds their memory
CUT_WITHIN_S = 5.0  # a longer waveform is cut where these last seconds of a window are quietest


def split_long(waveform: np.ndarray) -> list[np.ndarray]:
    """(S,) at 16 kHz -> pieces of at most 30 s, cut where the last 5 s of each are quietest."""
    window, tail = int(WINDOW_S * RECOGNISER_RATE_HZ), int(CUT_WITHIN_S * RECOGNISER_RATE_HZ)
    frame = RECOGNISER_RATE_HZ // 10
    pieces = []
    while len(waveform) > window:
        end = waveform[window - tail : window]
        power = np.square(end[: len(end) // frame * frame]).reshape(-1, frame).mean(1)
        cut = window - tail + int(power.argmin()) * frame + frame // 2
        pieces.append(waveform[:cut])
        waveform = waveform[cut:]
    return [*pieces, waveform]
