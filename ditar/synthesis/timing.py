"""When each word and each sound is spoken, exactly, from the places of the frames of a model that reads monotonically
(`model.reading`).

Times are in samples of the audio that they belong to, so that trimming and joining move them without rounding. A sound
lasts from its first frame to its last, a word from its first sound to its last one; silence is nobody's. Spans are in
order, none is empty, and none overlaps the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ditar.text.said_words import SaidWord
from ditar.text.vocabulary import is_letter, with_marks
from ditar.units import HOP_SAMPLES, samples_to_seconds

LEAST_SAMPLES = 24  # 1 ms: what trimming leaves of a span that is shorter is nothing that anybody hears


@dataclass(frozen=True, slots=True)
class Span:
    """Text from the sample `start` to before `end`, at 24 kHz."""

    text: str
    start: int
    end: int

    @property
    def start_s(self) -> float:
        """In seconds."""
        return samples_to_seconds(self.start)

    @property
    def end_s(self) -> float:
        """In seconds."""
        return samples_to_seconds(self.end)


@dataclass(frozen=True)
class Timing:
    """words: as they are written, with their marks; symbols: sounds in the IPA, with their stress and length."""

    words: tuple[Span, ...] = ()
    symbols: tuple[Span, ...] = ()

    def shifted(self, samples: int) -> "Timing":
        """Later by so many samples."""
        return self._moved(lambda sample: sample + samples)

    def at(self, speed: float) -> "Timing":
        """In the same audio made `speed` times as fast."""
        return self if speed == 1.0 else self._moved(lambda sample: round(sample / speed))

    def _moved(self, place: Callable[[int], int]) -> "Timing":
        """With every start and end at its new place."""
        return Timing(*(tuple(Span(s.text, place(s.start), place(s.end)) for s in some) for some in vars(self).values()))

    def cut(self, start: int, stop: int) -> "Timing":
        """In the audio from the sample `start` to before `stop` only, as times of that; what lies outside goes."""
        kept = []
        for some in vars(self).values():
            inside = (Span(s.text, max(s.start, start) - start, min(s.end, stop) - start) for s in some)
            kept.append(tuple(s for s in inside if s.end - s.start >= LEAST_SAMPLES))
        return Timing(*kept)

    def until(self, end: int) -> "Timing":
        """What is over by that sample."""
        return Timing(*(tuple(s for s in some if s.end <= end) for some in vars(self).values()))

    def since(self, before: "Timing") -> "Timing":
        """What is not in an earlier one, of which this is the continuation."""
        return Timing(self.words[len(before.words) :], self.symbols[len(before.symbols) :])

    def plain(self) -> dict[str, list[list[Any]]]:
        """For JSON: `from_plain` is the inverse."""
        return {name: [[s.text, s.start, s.end] for s in some] for name, some in vars(self).items()}

    @classmethod
    def from_plain(cls, found: Any) -> "Timing":
        """KeyError, TypeError, ValueError: `plain` did not make it."""
        words, symbols = (
            tuple(Span(str(text), int(start), int(end)) for text, start, end in found[name])
            for name in ("words", "symbols")
        )
        return cls(words, symbols)


def spoken_timing(
    symbols: Sequence[str], words: Sequence[SaidWord], places: Sequence[int], final: bool = True
) -> Timing:
    """Of audio whose frames speak the symbols at `places` (those before the first are none of the text). final False:
    more frames follow, and only what is over already is given."""
    frames: dict[int, tuple[int, int]] = {}  # the first frame at a place, and the one after the last
    for frame, place in enumerate(places):
        frames[place] = (frames.get(place, (frame,))[0], frame + 1)
    until = len(symbols) if final or not len(places) else places[-1]
    sounds = {place: span for place, span in frames.items() if 0 <= place < until and is_letter(symbols[place])}
    said = []
    for word in words:
        inside = [sounds[place] for place in range(word.first, word.end) if place in sounds]
        if inside and word.end <= until:
            said.append(_span(word.text, inside[0][0], inside[-1][1]))
    shown = {place: "".join(symbols[slice(*with_marks(symbols, place))]) for place in sorted(sounds)}
    return Timing(tuple(said), tuple(_span(text, *sounds[place]) for place, text in shown.items()))


def joined(parts: Sequence[tuple[Timing | None, int]]) -> Timing | None:
    """Of audio that is joined from parts: the timing of each, and the sample where it begins; None if one has none."""
    if any(timing is None for timing, _ in parts):
        return None
    moved = [timing.shifted(start) for timing, start in parts]
    return Timing(tuple(s for one in moved for s in one.words), tuple(s for one in moved for s in one.symbols))


def _span(text: str, first: int, end: int) -> Span:
    return Span(text, first * HOP_SAMPLES, end * HOP_SAMPLES)


