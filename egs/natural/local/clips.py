"""Finishing a teacher's utterance: silent ends shortened, and a WAV file written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ditar.storage.atomic_write import atomic_write

FRAME_S = 0.01
BELOW_LOUDEST_DB = 40.0  # frames softer than this at the ends are silence
LEAD_S, TAIL_S = 0.1, 0.2  # of it are kept; the teacher leaves .2 to .65 s before and up to .6 s after the speech
FULL_SCALE = 32767 / 32768
Times = list[tuple[float, float] | None]


def trim(waveform: np.ndarray, rate_hz: int, times: Times) -> tuple[np.ndarray, Times]:
    """(S,) -> (S',) with 0.1 s of silence before the speech and 0.2 s after it, and the times adjusted.

    No symbol is lost: one in a part that is cut keeps the rest of its time, at least an instant.
    """
    size = round(FRAME_S * rate_hz)
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    heard = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-BELOW_LOUDEST_DB / 10))
    if not len(heard):
        return waveform, times
    start = max(0, heard[0] * size - round(LEAD_S * rate_hz))
    stop = min(len(waveform), (heard[-1] + 1) * size + round(TAIL_S * rate_hz))
    offset_s, length_s = start / rate_hz, (stop - start) / rate_hz
    moved = [tuple(round(min(max(t - offset_s, 0.0), length_s), 4) for t in time) if time else None for time in times]
    return waveform[start:stop], moved


def write_clip(path: Path, waveform: np.ndarray, rate_hz: int) -> None:
    """A WAV file (or, by its ending, FLAC) of 16 bits without dither, written atomically. Samples beyond full scale are
    scaled down, not clipped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > FULL_SCALE:
        waveform = waveform * (FULL_SCALE / peak)
    with atomic_write(path) as partial:
        soundfile.write(partial, waveform, rate_hz, subtype="PCM_16", format=path.suffix[1:].upper())
