"""References as people give them: cut anywhere, with an unknown or wrong transcript (ours).

The first of several utterances in an example plays the part of a reference at synthesis. If its transcript is unknown,
the text begins with one symbol for that; words that follow this symbol need not be the clip's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from ditar.data.align import Times
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT, is_letter
from ditar.units import seconds_to_frames

LEAST_SECONDS = 1.0  # that remain of a reference


@dataclass(frozen=True)
class ExamplePart:
    """An utterance of an example. `times`: [start_s, end_s] or None for each symbol; None if the corpus has none.
    `transcribed`: the symbols are known to be what is said. `ends_open`: it was cut off in the middle of speech.
    `poor`: its values are of a poor recording, which nobody should learn to make."""

    symbols: list[str]
    times: Times | None
    values: torch.Tensor  # (T, C), latents or codes
    transcribed: bool = True
    ends_open: bool = False
    poor: bool = False


class ReferenceOptions(Protocol):
    """Shares of the examples with a reference."""

    reference_cut: float
    transcript_unknown: float
    transcript_wrong: float
    reference_poor: float


def shift(times: Times | None, seconds: float) -> Times | None:
    """Times shifted by `seconds`."""
    return None if times is None else [None if t is None else [t[0] + seconds, t[1] + seconds] for t in times]


def as_reference(
    piece: ExamplePart,
    others: Sequence[Sequence[str]],
    options: ReferenceOptions,
    rate_hz: float,
    random: np.random.Generator,
) -> ExamplePart:
    """The piece as a reference. `others`: symbols of other utterances, from which a wrong transcript is drawn."""
    fate = random.random()
    if fate < options.transcript_unknown:
        piece = replace(piece, symbols=[UNKNOWN_TRANSCRIPT], times=[None], transcribed=False)
    elif fate < options.transcript_unknown + options.transcript_wrong:
        wrong = list(others[int(random.integers(len(others)))])
        piece = replace(piece, symbols=[UNKNOWN_TRANSCRIPT, *wrong], times=[None] * (1 + len(wrong)), transcribed=False)
    if random.random() < options.reference_cut:
        return cut_anywhere(piece, rate_hz, random)
    return piece


def cut_anywhere(piece: ExamplePart, rate_hz: float, random: np.random.Generator) -> ExamplePart:
    """A random part of at least a second, with the symbols whose middle lies in it. Returns the piece unchanged if it
    is shorter, if the times of its symbols are unknown, or if no symbol would be left."""
    frames, least = len(piece.values), seconds_to_frames(LEAST_SECONDS, rate_hz)
    if frames <= least or (piece.transcribed and not piece.times):
        return piece
    length = int(random.integers(least, frames + 1))
    start = int(random.integers(frames - length + 1))
    values, open_end = piece.values[start : start + length], start + length < frames
    if not piece.transcribed:
        return replace(piece, values=values, ends_open=open_end)
    low, high = start / rate_hz, (start + length) / rate_hz
    kept = [i for i, t in enumerate(piece.times) if t is not None and low <= (t[0] + t[1]) / 2 < high]
    if not any(is_letter(piece.symbols[i]) for i in kept):
        return piece
    inside = slice(kept[0], kept[-1] + 1)
    times = shift(piece.times[inside], -low)
    return replace(piece, symbols=piece.symbols[inside], times=times, values=values, ends_open=open_end)
