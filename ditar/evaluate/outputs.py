"""What goes wrong with an output whatever its words: silent, truncated, too long, too short; duration, active level.

Word error alone hides these, so every score reports their rates beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FRAME_S = 0.01
SILENCE_DB = -60.0  # dBFS; below it nothing is speech
ACTIVE_RANGE_DB = 30.0  # frames within this of the loudest are active speech
MIN_ACTIVE_S = 0.1  # less active speech than this is a silent output: no word is shorter
TAIL_S = 0.02
TAIL_BELOW_DB = 15.0  # a tail within this of the active level is speech that was cut off; final sounds fade further
# English is read at 0.04 to 0.12 s a character, pauses included; outside these bounds something went wrong.
SLOWEST_S_PER_CHARACTER = 0.15
FASTEST_S_PER_CHARACTER = 0.03
ALLOWED_EXTRA_S = 1.0  # silence around short sentences
SLOWER_THAN_ORIGINAL = 1.75  # where the original is known, it sets the bound instead


@dataclass(frozen=True)
class OutputFacts:
    """Facts of one output. `active_db` is the RMS level of its active frames in dBFS, None where it is silent."""

    duration_s: float
    active_s: float
    active_db: float | None
    silent: bool
    truncated: bool
    too_long: bool
    too_short: bool


def inspect_output(
    waveform: np.ndarray, rate_hz: int, text: str | None = None, original_s: float | None = None
) -> OutputFacts:
    """Facts of a waveform (S,) in [-1, 1]. Lengths are judged by the original's duration, else by `text`, else not."""
    duration_s = len(waveform) / rate_hz
    levels = _frame_levels_db(waveform, rate_hz)  # (frames,)
    active = levels > max(SILENCE_DB, levels.max(initial=-np.inf) - ACTIVE_RANGE_DB)
    active_s = float(active.sum() * FRAME_S)
    silent = active_s < MIN_ACTIVE_S
    active_db = None if silent else float(10 * np.log10(np.mean(10 ** (levels[active] / 10))))
    tail_db = _level_db(waveform[-max(1, round(TAIL_S * rate_hz)) :])
    longest_s, shortest_s = _length_bounds(text, original_s)
    return OutputFacts(
        duration_s=duration_s,
        active_s=active_s,
        active_db=active_db,
        silent=silent,
        truncated=not silent and tail_db > active_db - TAIL_BELOW_DB,
        too_long=duration_s > longest_s,
        too_short=duration_s < shortest_s,
    )


def output_rates(facts: Sequence[OutputFacts]) -> dict[str, float | None]:
    """Shares of silent, truncated, too long and too short outputs; mean duration (s) and median active level (dBFS)."""
    levels = [f.active_db for f in facts if f.active_db is not None]
    rates = {f"{name}_rate": float(np.mean([getattr(f, name) for f in facts]))
             for name in ("silent", "truncated", "too_long", "too_short")}
    return {
        **rates,
        "mean_duration_s": float(np.mean([f.duration_s for f in facts])),
        "median_active_db": float(np.median(levels)) if levels else None,
    }


def _length_bounds(text: str | None, original_s: float | None) -> tuple[float, float]:
    """Longest and shortest plausible duration in seconds."""
    if original_s:
        return original_s * SLOWER_THAN_ORIGINAL + ALLOWED_EXTRA_S, original_s / SLOWER_THAN_ORIGINAL - ALLOWED_EXTRA_S
    if text:
        return len(text) * SLOWEST_S_PER_CHARACTER + ALLOWED_EXTRA_S, len(text) * FASTEST_S_PER_CHARACTER
    return np.inf, 0.0


def _frame_levels_db(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """(S,) -> (frames,): RMS level of 10 ms frames in dBFS; samples behind the last whole frame are left out."""
    frame = max(1, round(FRAME_S * rate_hz))
    frames = len(waveform) // frame
    power = np.square(waveform[: frames * frame].astype(np.float64)).reshape(frames, frame).mean(1)
    return 10 * np.log10(power + 1e-12)


def _level_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform.astype(np.float64))) + 1e-12)) if len(waveform) else -120.0
