"""Times of an utterance: where its first sound begins and its last one ends, and all times after a cut."""

from dataclasses import replace

from ditar.data.align import SILENCES
from ditar.data.kaldi import Utterance
from ditar.text.vocabulary import is_letter


def sound_seconds(row: Utterance) -> tuple[float, float] | None:
    """(start_s, end_s) of what is said, by `symbol_times` or `phones`; None if there are none, or no sound in them."""
    spans: list[list[float]] = []
    if row.symbol_times is not None:
        symbols, times = row.symbol_times
        spans = [span for symbol, span in zip(symbols, times, strict=True) if span is not None and is_letter(symbol)]
    elif row.phones is not None:
        spans = [[start, end] for name, start, end in row.phones if name.lower() not in SILENCES]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def shift_times(row: Utterance, cut_s: float, seconds: float) -> Utterance:
    """The utterance after cutting `cut_s` at its start and keeping `seconds`: times beyond either end are clipped."""

    def moved(time_s: float) -> float:
        return round(min(max(time_s - cut_s, 0.0), seconds), 4)

    phones, spoken = row.phones, row.symbol_times
    if phones is not None:
        phones = [(name, moved(start), moved(end)) for name, start, end in phones]
    if spoken is not None:
        spoken = (spoken[0], [None if span is None else [moved(span[0]), moved(span[1])] for span in spoken[1]])
    return replace(row, phones=phones, symbol_times=spoken)
