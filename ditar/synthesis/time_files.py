"""Times of words and sounds as files: JSON, subtitles (SubRip, WebVTT), and TextGrid, Praat's."""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from ditar.storage.atomic_write import write_lines
from ditar.synthesis.timing import Span, Timing
from ditar.units import round_half_up

TIME_FORMATS = ("json", "srt", "vtt", "TextGrid")
# A subtitle has two lines at most and is not up for longer than can be read again; another one begins after a pause,
# and after a sentence if there is any.
LINE_CHARACTERS, LINES, MOST_SECONDS = 42, 2, 7.0
PAUSE_SECONDS, SENTENCE_PAUSE_SECONDS = 0.6, 0.1
_ENDS = re.compile(r"[.!?…。！？।۔][\"'”’»›)\]]*$")
_DECIMALS = 5  # of seconds: a sample is 0.00004


def time_format(name: str) -> str:
    """One of TIME_FORMATS, of a file by its ending, or by its own name, `srt` or `.srt`. ValueError."""
    ending = name.rpartition(".")[2].lower()
    for known in TIME_FORMATS:
        if ending == known.lower():
            return known
    endings = ", ".join(f".{known}" for known in TIME_FORMATS)
    raise ValueError(f"times are written as {endings}, got {name!r}; give one of these endings")


def plain_spans(spans: Sequence[Span]) -> list[dict[str, str | float]]:
    """For JSON, in seconds."""
    return [{"text": s.text, "start": round(s.start_s, _DECIMALS), "end": round(s.end_s, _DECIMALS)} for s in spans]


def write_times(path: str | Path, timing: Timing, seconds: float) -> None:
    """Write the times of audio of that length, in the format of the file's ending. WriteError."""
    kind = time_format(str(path))
    make = {"json": _json, "srt": _srt, "vtt": _vtt, "TextGrid": _text_grid}[kind]
    write_lines(path, make(timing, seconds))


def _json(timing: Timing, seconds: float) -> Iterator[str]:
    """A line for each word, and for each sound."""
    yield f'{{"seconds": {round(seconds, _DECIMALS)},'
    for name, spans in vars(timing).items():
        rows = [json.dumps(span, ensure_ascii=False) for span in plain_spans(spans)]
        yield f' "{name}": ['
        yield ",\n".join(f"  {row}" for row in rows)
        yield " ]," if name == "words" else " ]}"


def _srt(timing: Timing, _: float) -> Iterator[str]:
    for number, cue in enumerate(_cues(timing.words), 1):
        yield str(number)
        yield f"{_clock(cue[0].start_s, ',')} --> {_clock(cue[-1].end_s, ',')}"
        yield from _lines(cue)
        yield ""


def _vtt(timing: Timing, _: float) -> Iterator[str]:
    """Cues whose words have times, too: players highlight them."""
    yield "WEBVTT"
    for cue in _cues(timing.words):
        yield ""
        yield f"{_clock(cue[0].start_s)} --> {_clock(cue[-1].end_s)}"
        words = (span.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for span in cue)
        yield " ".join(f"<{_clock(s.start_s)}>{word}" if s is not cue[0] else word for s, word in zip(cue, words))


def _text_grid(timing: Timing, seconds: float) -> Iterator[str]:
    end = f"{seconds:.{_DECIMALS}f}"
    yield from ('File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}")
    yield from ("tiers? <exists>", "size = 2", "item []:")
    for tier, (name, spans) in enumerate(vars(timing).items(), 1):
        intervals = list(_intervals(spans, seconds))
        yield from (f"    item [{tier}]:", '        class = "IntervalTier"', f'        name = "{name}"')
        yield from ("        xmin = 0", f"        xmax = {end}", f"        intervals: size = {len(intervals)}")
        for number, (start_s, end_s, text) in enumerate(intervals, 1):
            yield f"        intervals [{number}]:"
            yield f"            xmin = {start_s:.{_DECIMALS}f}"
            yield f"            xmax = {end_s:.{_DECIMALS}f}"
            quoted = text.replace('"', '""')
            yield f'            text = "{quoted}"'


def _intervals(spans: Sequence[Span], seconds: float) -> Iterator[tuple[float, float, str]]:
    """From the start to the end, with empty text in between, as Praat wants it."""
    at = 0.0
    for span in spans:
        if span.start_s > at:
            yield at, span.start_s, ""
        yield span.start_s, span.end_s, span.text
        at = span.end_s
    if seconds > at or not spans:
        yield at, seconds, ""


def _cues(words: Sequence[Span]) -> Iterator[list[Span]]:
    cue: list[Span] = []
    for word in words:
        if cue and _breaks(cue, word):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _breaks(cue: list[Span], word: Span) -> bool:
    pause = word.start_s - cue[-1].end_s
    over = pause >= PAUSE_SECONDS or (pause >= SENTENCE_PAUSE_SECONDS and _ENDS.search(cue[-1].text))
    return bool(over) or word.end_s - cue[0].start_s > MOST_SECONDS or len(_lines([*cue, word])) > LINES


def _lines(cue: Sequence[Span]) -> list[str]:
    text = " ".join(span.text for span in cue)
    return textwrap.wrap(text, LINE_CHARACTERS, break_long_words=False, break_on_hyphens=False)


def _clock(seconds: float, point: str = ".") -> str:
    """Hours, minutes, seconds and milliseconds."""
    ms = round_half_up(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"
