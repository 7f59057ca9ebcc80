"""Which symbol each frame speaks, from the times of symbols: for alignment helpers and monotonic reading."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ditar.data.align import Times
from ditar.data.epoch_plan import FrameGrid
from ditar.data.examples import Example
from ditar.data.references import shift
from ditar.nn.alignment import NO_TARGET
from ditar.text.vocabulary import is_letter, is_pause, with_marks
from ditar.units import seconds_to_frames

LEAST_PAUSE_S = 0.08  # a shorter gap at a space belongs to the sounds around it


def helper_targets(
    examples: Sequence[Example], ids: Mapping[str, int], grid: FrameGrid
) -> tuple[torch.Tensor, torch.Tensor]:
    """For alignment helpers, (B, T) and (B, N, L): the id of the symbol spoken in each frame, the number of `ids` for
    silence, NO_TARGET if unknown; and which symbols a unit speaks, bool."""
    unit, rows = grid.unit_frames, len(examples)
    longest = max((len(e.values) for e in examples), default=0)
    # numpy, since thousands of single writes into a tensor would take as long as the LM
    frame_symbols = np.full((rows, longest), NO_TARGET)
    spoken = np.zeros((rows, longest // unit, max((len(e.symbols) for e in examples), default=0)), dtype=bool)
    for row, example in enumerate(examples):
        frames = len(example.values)
        frame_symbols[row, :frames] = len(ids)
        for place, (symbol, time) in enumerate(zip(example.symbols, example.times)):
            if time is None or time[1] <= 0:
                continue
            first = max(0, seconds_to_frames(time[0], grid.rate_hz))
            last = min(frames, max(first + 1, seconds_to_frames(time[1], grid.rate_hz)))
            if first < frames and is_letter(symbol):
                frame_symbols[row, first:last] = ids[symbol]
                spoken[row, first // unit : (last - 1) // unit + 1, place] = True
        for first, last in example.unaligned:
            frame_symbols[row, first : min(last, frames)] = NO_TARGET
    return torch.from_numpy(frame_symbols), torch.from_numpy(spoken)


def alignment(examples: Sequence[Example], rate_hz: float) -> torch.Tensor:
    """For monotonic reading, (B, T): the place of the symbol that each frame speaks; NO_TARGET in references, in
    padding, and where the times of a symbol are unknown. The last frame of a reference is at the space after it, where
    synthesis begins."""
    places = np.full((len(examples), max((len(e.values) for e in examples), default=0)), NO_TARGET)
    for row, example in enumerate(examples):
        first, begin = example.reference
        frames = len(example.values) - begin
        times = shift(example.times[first:], -begin / rate_hz)
        found = frame_places(example.symbols[first:], times, frames, rate_hz)
        places[row, begin : begin + frames] = np.where(found == NO_TARGET, NO_TARGET, found + first)
        if begin and found[0] != NO_TARGET:
            places[row, begin - 1] = first - 1
    return torch.from_numpy(places)


def frame_places(symbols: Sequence[str], times: Times, frames: int, rate_hz: float) -> np.ndarray:
    """(frames,) the place of each frame's symbol, as `ditar.model.reading` defines it: -1 before the first sound, never
    falling, at least one frame for each sound. All NO_TARGET if a sound has no time, or if there are more sounds than
    frames."""
    sounds = [place for place, symbol in enumerate(symbols) if is_letter(symbol)]
    if not sounds or len(sounds) > frames or any(times[place] is None for place in sounds):
        return np.full(frames, NO_TARGET)
    starts, ends = _spans(symbols, times, sounds)
    pauses = [_pause(symbols, place, following) for place, following in zip(sounds, [*sounds[1:], len(symbols)])]
    for index, pause in enumerate(pauses[:-1]):  # meet where no pause is between
        if starts[index + 1] - ends[index] < LEAST_PAUSE_S or pause is None:
            middle = (ends[index] + starts[index + 1]) / 2 if pause is not None else starts[index + 1]
            ends[index] = starts[index + 1] = middle
    first = np.rint(np.array(starts) * rate_hz).astype(int)
    at = np.arange(len(first))
    first = np.maximum.accumulate(first - at) + at  # a frame each, later if need be ...
    first = np.maximum(np.minimum(first, frames - len(first) + at), 0)  # ... but within the utterance
    places = np.full(frames, -1)
    for index, (place, begin) in enumerate(zip(sounds, first.tolist())):
        places[begin:] = place
        end = max(begin + 1, round(ends[index] * rate_hz))
        if pauses[index] is not None and (index == len(sounds) - 1 or starts[index + 1] > ends[index]):
            places[end:] = pauses[index]
    return places


def _spans(symbols: Sequence[str], times: Times, sounds: Sequence[int]) -> tuple[list[float], list[float]]:
    """Start and end of each sound, with its marks, in seconds; sounds that share a span (a diphthong of an aligner)
    divide it."""
    starts, ends = [times[place][0] for place in sounds], [times[place][1] for place in sounds]
    for index, place in enumerate(sounds):
        first, end = with_marks(symbols, place)
        starts[index] = min(times[mark][0] for mark in range(first, place + 1) if times[mark] is not None)
        ends[index] = max(times[mark][1] for mark in range(place, end) if times[mark] is not None)
    index = 0
    while index < len(sounds):
        last = index
        while last + 1 < len(sounds) and times[sounds[last + 1]] == times[sounds[index]]:
            last += 1
        edges = np.linspace(starts[index], ends[last], last - index + 2).tolist()
        starts[index : last + 1], ends[index : last + 1] = edges[:-1], edges[1:]
        index = last + 1
    return starts, ends


def _pause(symbols: Sequence[str], sound: int, following: int) -> int | None:
    """The last place between two sounds at which a speaker may pause."""
    return next((place for place in range(following - 1, sound, -1) if is_pause(symbols[place])), None)
