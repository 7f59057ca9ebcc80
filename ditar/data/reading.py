"""Which symbol each frame of an utterance speaks, from the times of its symbols: what monotonic reading is taught."""

from collections.abc import Sequence

import numpy as np

from ditar.data.align import Times
from ditar.nn.alignment import NO_TARGET
from ditar.text.vocabulary import is_letter, is_pause

LEAST_PAUSE_S = 0.08  # a shorter gap at a space belongs to the sounds around it
_STRESS = "ˈˌ"


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
    """Start and end of each sound in seconds. Stress belongs to the sound after it, length and diacritics to the one
    before; sounds that share a span (a diphthong of an aligner) divide it."""
    starts, ends = [times[place][0] for place in sounds], [times[place][1] for place in sounds]
    for index, place in enumerate(sounds):
        before, after = place - 1, place + 1
        while before >= 0 and symbols[before] in _STRESS and times[before] is not None:
            starts[index] = min(starts[index], times[before][0])
            before -= 1
        while after < len(symbols) and not (is_letter(symbols[after]) or is_pause(symbols[after])):
            if symbols[after] not in _STRESS and times[after] is not None:
                ends[index] = max(ends[index], times[after][1])
            after += 1
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
