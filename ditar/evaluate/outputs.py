"""What goes wrong with an output whatever its words: silent, truncated, too long, too short; duration, active level.

Word error alone hides these, so every score reports their rates too. Silent: less than 0.1 s of frames within 30 dB of
the loudest and above -60 dBFS. Truncated: the last 20 ms are within 15 dB of the active level, so a sound was cut off.
Too long, too short: outside what the original's duration or the text's length allows. Whether an output ended by the
stop head is known only to the program that made it (`inputs.read_stopped`); whether the end of its text was spoken and
whether words were repeated, only a recogniser can tell (`words.WordErrors`).
"""

from dataclasses import dataclass

import numpy as np

FRAME_S = 0.01
SILENCE_DB = -60.0  # dBFS; anything below is not speech
ACTIVE_RANGE_DB = 30.0  # frames within this of the loudest are active speech
MIN_ACTIVE_S = 0.1  # an output with less active speech is silent: no word is shorter
TAIL_S = 0.02
TAIL_BELOW_DB = 15.0  # a tail within this of the active level is cut-off speech; final sounds fade further
# English is read at 0.04 to 0.12 s a character, pauses included; outside these bounds something went wrong.
SLOWEST_S_PER_CHARACTER = 0.15
FASTEST_S_PER_CHARACTER = 0.03
ALLOWED_EXTRA_S = 1.0  # silence around short sentences
SLOWER_THAN_ORIGINAL = 1.75  # a known original sets the bound instead


@dataclass(frozen=True)
class OutputFacts:
    """Facts about one output. `active_db` is the RMS level of its active frames in dBFS, None if it is silent."""

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
    """Facts about a waveform (S,) in [-1, 1]. Its length is judged by the original's duration, else by `text`, if
    any."""
    duration_s = len(waveform) / rate_hz
    waveform = _centred(waveform)
    levels, active = active_frames(waveform, rate_hz)
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


def _length_bounds(text: str | None, original_s: float | None) -> tuple[float, float]:
    """Longest and shortest plausible duration in seconds."""
    if original_s:
        return original_s * SLOWER_THAN_ORIGINAL + ALLOWED_EXTRA_S, original_s / SLOWER_THAN_ORIGINAL - ALLOWED_EXTRA_S
    if text:
        return len(text) * SLOWEST_S_PER_CHARACTER + ALLOWED_EXTRA_S, len(text) * FASTEST_S_PER_CHARACTER
    return np.inf, 0.0


def active_frames(waveform: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """(S,) -> levels (frames,) of 10 ms in dBFS, and which of them are active speech, (frames,) bool."""
    levels = _frame_levels_db(_centred(waveform), rate_hz)
    return levels, levels > max(SILENCE_DB, levels.max(initial=-np.inf) - ACTIVE_RANGE_DB)


def _centred(waveform: np.ndarray) -> np.ndarray:
    """Without a constant offset, which would make every frame active."""
    return waveform - waveform.mean() if len(waveform) else waveform


def _frame_levels_db(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """(S,) -> (frames,): RMS level of 10 ms frames in dBFS; samples after the last whole frame are left out."""
    frame = max(1, round(FRAME_S * rate_hz))
    frames = len(waveform) // frame
    power = np.square(waveform[: frames * frame].astype(np.float64)).reshape(frames, frame).mean(1)
    return 10 * np.log10(power + 1e-12)


def _level_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform.astype(np.float64))) + 1e-12)) if len(waveform) else -120.0
