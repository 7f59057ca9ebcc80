"""Controls inside a text: pauses `[pause:0.5]`, pronunciations `[word](/ipa/)`, and SSML, which is rewritten as these.

    text -> ssml.as_inline -> passages, the text from one pause, or change of the rate, to the next, with pronunciations
      as private characters
      -> cut, the pieces that are spoken

Synthesis, the dry run and the server read every text this way.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ditar.text.errors import TextError
from ditar.text.markup import without_markup
from ditar.text.normalise import has_something_to_say
from ditar.text.pronunciation import is_english, pronounced, with_genitive, without_private
from ditar.text.sentences import PARAGRAPH_PAUSE_SECONDS, PAUSE_SECONDS, Piece, pause_after, split_text
from ditar.text.ssml import AT_RATE, PROSODY, as_inline

MAX_PAUSE_SECONDS = 60.0
# `[pause:0.5]`; also `[pause=0.5]`, and `[pause 0.5]`, unless what follows the space is no length.
PAUSE = re.compile(
    r"\[\s?pause\s?(?:(?:[:=]|(?<=\s)(?=[\d.]{1,9}\s?m?s?\s?\]))(?P<length>[^\[\]\n]{0,30}))?\]", re.I
)
_CONTROL = re.compile(f"{PAUSE.pattern}|{AT_RATE.pattern}", re.I)
_BLANK_LINE = re.compile(r"^[^\S\n]{0,99}\n[^\S\n]{0,99}\n")
_BLANK_LINE_AT_END = re.compile(r"\n[^\S\n]{0,99}\n\s{0,99}$")
_LENGTH = re.compile(r"\s*\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(s|ms|)\s*", re.I)
_PRONOUNCED = re.compile(r"\[(?P<word>[^\[\]\n]{1,400})\]\(/(?P<ipa>[^/\n]{0,400})/\)(?P<genitive>['’]s\b)?")
_MARKS = re.compile(r"\s{0,99}[.,;:!?…]{1,9}(?=\s|$)")


@dataclass(frozen=True)
class Passage:
    """Text up to a pause, or to where its rate changes. pause_seconds: the silence after it; None: by its last mark, as
    after any sentence. asked: the text gave that pause a length, so that it stays even at the end of the text.
    lead_seconds: silence that was asked for before the first passage; None: none was. rate: how fast it is spoken,
    2 being twice as fast."""

    text: str
    pause_seconds: float | None = None
    asked: bool = False
    lead_seconds: float | None = None
    rate: float = 1.0


def passages(text: str, language: str = "en-us") -> list[Passage]:
    """A text from pause to pause, at least one passage; pronunciations are encoded (`text.pronunciation`).

    Pauses in succession add up; `[pause]` without a length is that of a sentence. TextError quotes a control that
    cannot be read, and a text of nothing but pauses.
    """
    if "[" not in text and "<" not in text:
        return [Passage(without_private(text))]  # by far the most texts
    inline = as_inline(without_private(text), language)
    encoded = _PRONOUNCED.sub(lambda match: _pronounced(match, language), inline)
    found: list[Passage] = []
    lead, waiting, start = None, [], 0  # waiting: what says nothing, and stays with what follows
    rate, changed = 1.0, False  # changed: since what was said last
    for control in _CONTROL.finditer(encoded):
        chunk, start = _after_pause(encoded[start : control.start()], start), control.end()
        if changed and _says(chunk):
            found, changed = _at_paragraph(found, "".join([*waiting, chunk])), False
        if control["rate"] is not None:
            waiting.append(chunk)
            if _says(chunk):
                found.append(Passage("".join(waiting), pause_after(chunk.strip()), rate=rate))
                waiting = []
            if (marks := _MARKS.match(encoded, start)) and found and not found[-1].asked:  # `</prosody>. Then`
                said = found[-1].text + marks[0].strip()
                found[-1], start = replace(found[-1], text=said, pause_seconds=pause_after(said)), marks.end()
            rate, changed = float(control["rate"]), True
            continue
        waiting.append(chunk)
        seconds = None if control["length"] is None else _seconds(control[0], control["length"])
        if _says(chunk):
            length = PAUSE_SECONDS["."] if seconds is None else seconds
            found.append(Passage("".join(waiting), length, seconds is not None, rate=rate))
            waiting = []
        elif seconds is not None and found:
            before = found[-1].pause_seconds if found[-1].asked else 0.0
            found[-1] = replace(found[-1], pause_seconds=check_pause(before + seconds), asked=True)
        elif found and not found[-1].asked:
            found[-1] = replace(found[-1], pause_seconds=max(found[-1].pause_seconds, PAUSE_SECONDS["."]))
        elif seconds is not None:
            lead = check_pause((lead or 0.0) + seconds)
    rest = "".join([*waiting, _after_pause(encoded[start:], start)])
    if changed and _says(rest):
        found = _at_paragraph(found, rest)
    if not found:
        if start and not _says(rest):
            raise TextError(f"the text {text[:60]!r} has nothing to say but pauses; give at least one word")
        return [Passage(rest, lead_seconds=lead, rate=rate)]
    if _says(rest):
        found.append(Passage(rest, rate=rate))
    else:  # marks, such as </prosody>, belong to what was said
        found[-1] = replace(found[-1], text=found[-1].text + rest)
        if not found[-1].asked:
            found[-1] = replace(found[-1], pause_seconds=None)
    found[0] = replace(found[0], lead_seconds=lead)
    return found


def only_pause(text: str, language: str = "en-us") -> float | None:
    """Seconds of silence that a text asks for which says nothing; None: it says something, or asks for none. TextError:
    see `passages`."""
    inline = as_inline(without_private(text), language)
    lengths = [control["length"] for control in PAUSE.finditer(inline)]
    if not lengths or _says(_CONTROL.sub(" ", inline)):
        return None
    given = [_seconds(f"[pause:{length}]", length) for length in lengths if length is not None]
    return check_pause(sum(given)) if given else PAUSE_SECONDS["."]


def cut(found: Iterable[Passage], fits: Callable[[str], bool] = lambda _: True, whole: bool = False) -> list[Piece]:
    """The pieces of passages, each of which `fits` (`sentences.split_text`), with the silence after each. `whole`: a
    passage that fits is one piece, however many sentences it has."""
    pieces: list[Piece] = []
    for passage in found:
        text = passage.text.strip()
        some = [Piece(text, 0.0)] if whole and fits(text) else split_text(text, fits)
        some = [replace(piece, rate=passage.rate) for piece in some] if passage.rate != 1.0 else some
        if some and passage.pause_seconds is not None:
            some[-1] = replace(some[-1], pause_seconds=passage.pause_seconds, asked=passage.asked)
        if some and passage.lead_seconds is not None:
            some[0] = replace(some[0], lead_seconds=passage.lead_seconds)
        pieces += some
    return pieces


def plain_text(text: str, language: str = "en-us") -> str:
    """The words of a text as they are written, without pauses, rates, pronunciations: what a listener should hear."""
    text = as_inline(PROSODY.sub("", text), language)
    if "[" not in text:
        return text
    text = _PRONOUNCED.sub(lambda match: match["word"] + (match["genitive"] or ""), text)
    return re.sub(r"(?<=\S) {2,}", " ", PAUSE.sub(" ", text)).strip() if PAUSE.search(text) else text


def _at_paragraph(found: list[Passage], following: str) -> list[Passage]:
    """The passages, the last with the silence of a paragraph if one ends there, and the rate changes there."""
    if not found or found[-1].asked or not (_BLANK_LINE.search(following) or _BLANK_LINE_AT_END.search(found[-1].text)):
        return found
    return [*found[:-1], replace(found[-1], pause_seconds=PARAGRAPH_PAUSE_SECONDS)]


def _pronounced(match: re.Match, language: str) -> str:
    where = f"[{match['word']}](/{match['ipa']}/)"
    run = pronounced(match["word"], match["ipa"], language, where)
    if not match["genitive"]:
        return run
    return with_genitive(run) if is_english(language) else run + match["genitive"]


def _seconds(pause: str, length: str) -> float:
    found = _LENGTH.fullmatch(length)
    if found is None:
        raise TextError(
            f"{pause}: {length.strip()!r} is no length of a pause; give seconds from 0 to {MAX_PAUSE_SECONDS:g}, such "
            "as [pause:0.5], or [pause:500ms]"
        )
    return check_pause(float(found[1]) / (1000 if found[2].lower() == "ms" else 1))


def check_pause(seconds: float) -> float:
    """Seconds of silence that a text may ask for in one place. TextError: they are too many."""
    if seconds > MAX_PAUSE_SECONDS:
        raise TextError(f"a pause of {seconds:g} s is too long; at most {MAX_PAUSE_SECONDS:g} s are allowed")
    return seconds


def _after_pause(text: str, start: int) -> str:
    """Without marks that stand alone at the start, `. Then`: they belong before the pause."""
    found = _MARKS.match(text) if start else None
    return text[found.end() :] if found else text


def _says(text: str) -> bool:
    return has_something_to_say(without_markup(text)[0])
