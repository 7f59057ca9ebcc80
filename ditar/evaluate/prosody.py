"""How it is spoken: pitch, energy, speaking rate. Descriptive figures: higher is neither better nor worse."""

from dataclasses import dataclass

import numpy as np

from ditar.evaluate.outputs import FRAME_S, MIN_ACTIVE_S, active_frames
from ditar.evaluate.pitch import PITCH_RATE_HZ, track_f0

METHOD = "ditar.evaluate.prosody 2"
FEWEST_VOICED = 10  # frames; a spread over fewer says nothing


@dataclass(frozen=True)
class Prosody:
    """Statistics of one output; None for those with too little (voiced) speech.

    f0_median_hz; f0_std_semitones around the median; f0_range_semitones from the 5th to the 95th percentile;
    voiced_share of the active frames; level_std_db of the levels of active frames; speech_s from the first to the last
    active frame, pauses included; words_per_s and characters_per_s (blanks not counted) of the text over it.
    """

    f0_median_hz: float | None = None
    f0_std_semitones: float | None = None
    f0_range_semitones: float | None = None
    voiced_share: float | None = None
    level_std_db: float | None = None
    speech_s: float | None = None
    words_per_s: float | None = None
    characters_per_s: float | None = None


def describe_prosody(waveform: np.ndarray, text: str | None = None) -> Prosody:
    """Prosody of (S,) at 16 kHz; the rates need `text`, best with numbers written out (`words.plain_words`)."""
    levels, active = active_frames(waveform, PITCH_RATE_HZ)
    if active.sum() * FRAME_S < MIN_ACTIVE_S:
        return Prosody()
    f0 = track_f0(waveform)[: len(active)]  # (frames,)
    voiced = f0[active & (f0 > 0)]
    semitones = 12 * np.log2(voiced / np.median(voiced)) if len(voiced) >= FEWEST_VOICED else None
    spoken = np.flatnonzero(active)
    speech_s = float((spoken[-1] - spoken[0] + 1) * FRAME_S)
    return Prosody(
        f0_median_hz=None if semitones is None else float(np.median(voiced)),
        f0_std_semitones=None if semitones is None else float(semitones.std()),
        f0_range_semitones=None if semitones is None else float(np.ptp(np.percentile(semitones, [5, 95]))),
        voiced_share=len(voiced) / len(spoken),
        level_std_db=float(levels[active].std()),
        speech_s=speech_s,
        words_per_s=len(text.split()) / speech_s if text else None,
        characters_per_s=len("".join(text.split())) / speech_s if text else None,
    )
