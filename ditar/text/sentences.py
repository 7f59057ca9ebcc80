"""A long text into pieces that a model speaks one by one: sentences, cut further if they do not fit.

Each piece is a slice of the text; between two of them there is only white space, so that nothing can be lost. When it
is uncertain whether a sentence ends, it does not: two sentences in one piece do no harm, half a name does.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ditar.text import english_words, french_words
from ditar.text.english_units import DOTTED_SIGNS

PARAGRAPH_PAUSE_SECONDS = 0.8
# Silence after a piece, by the last mark in it that is not a quote or a bracket.
PAUSE_SECONDS = {
    ".": 0.45, "!": 0.45, "?": 0.45, "。": 0.45, "！": 0.45, "？": 0.45, "।": 0.45, "۔": 0.45, "…": 0.6,
    ":": 0.3, ";": 0.3, "；": 0.3, "：": 0.3, "—": 0.25, "–": 0.25, ",": 0.15, "，": 0.15, "、": 0.15, "،": 0.15,
}  # fmt: skip
_CLOSING = "\"'”’»›)]}*_」』）"
_OPENING = "\"'“‘«‹([{*_¿¡「『（"


def _dotted(written: Iterable[str]) -> set[str]:
    """Abbreviations that are written with a full stop, without it."""
    return {short.removesuffix(".") for short in written if short.endswith(".")}


# Abbreviations before a name; in capitals, since some are words.
_TITLES = {*english_words.TITLES, *english_words.FIRST_NAMES, *_dotted(french_words.TITLES)} - {"St"}
_TITLES |= _dotted(french_words.BEFORE_CAPITALS)
_TITLES |= set("Mr Mrs Ms Dr Cpt Mt Hr Hrn Frl Sr.a Sra Srta Mgr".split())
_BEFORE_NUMBERS = {*english_words.BEFORE_FIGURES, *map(str.lower, english_words.BOOKS), *map(str.lower, DOTTED_SIGNS)}
_BEFORE_NUMBERS |= _dotted(french_words.BEFORE_FIGURES) | set("nr s bd abb réf".split())
_NEVER_LAST = set("e.g i.e cf viz vs approx ca al z.b bzw d.h u.a".split())
# These may end a sentence: they do if they are followed by a word that begins sentences.
_MAYBE_LAST = {*english_words.IN_EITHER_CASE, *map(str.lower, english_words.WITH_STOP)}
_MAYBE_LAST |= set(
    """etc ltd jr sr st ph.d am pm jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri
    sat sun oz usw""".split()
)
# French ones stand before numbers as well; those that are words, too, only there.
_FRENCH = _dotted(map(str.lower, french_words.ANYWHERE))
_BEFORE_NUMBERS |= _FRENCH
_MAYBE_LAST |= _FRENCH - set("art ex fig vol".split())
_STARTERS = set(english_words.STARTERS.split()) | set(
    """der die das ein eine er sie es wir ihr ich und aber le la les il elle on je tu nous vous ils elles ce cette ces
    c'est un une et mais puis el los las""".split()
)
# Those that small letters begin sentences with, where there are no capitals; the others also go on.
_SMALL_STARTERS = set("i i'm i'll i've i'd he he's she she's it it's they we you there there's that's this".split())
# Units after a number, written with a full stop: a name or a number may follow, `5 ft. 3 in. tall`.
_UNITS = set("ft in yd yds mi lb lbs oz gal qt pt tsp tbsp sec secs min mins hr hrs wk wks mo mos yr yrs sq cu".split())

_TAGS = re.compile(r"(?:</?\w[^<>]{0,100}>\s*){0,9}")  # skipped where a sentence begins or ends
_TAGS_AT_END = re.compile(r"(?:\s*</?\w[^<>]{0,100}>)+$")
_UNFINISHED = re.compile(
    r"(?:</?[A-Za-z][^<>]{0,600}|\[\s?pause[^\[\]]{0,40}|\]\(/[^/\n]{0,400}"
    r"|<(?:phoneme|sub|say-as)\s[^<>]{0,600}(?<!/)>[^<]{0,400})$",
    re.I,
)
# French has a space before some marks, and some write `. . .`. A closing mark may be a note's number, `[1]`.
_SPACE = "[ \u00a0\u202f]"
_END_MARKS = re.compile(
    rf"(?P<marks>[.!?…]++(?:{_SPACE}[.!?…]++(?!\w))*+|[。！？।۔]+)"
    rf"(?P<closing>(?:[{re.escape(_CLOSING)}]|{_SPACE}[»›]|</\w{{1,20}}>|\[\^?\d{{1,3}}\]|【[^【】]{{0,40}}】)*)"
    r"(?P<space>\s*)"
)
# The rest of a text that is only marks, and what is none.
_ONLY_MARKS = re.compile(rf"[\s.!?…,;:—–{re.escape(_CLOSING + _OPENING)}-]*+")
_NUMERAL = re.compile(
    r"\d|M[MDCLXVI]{3,12}\b|[A-Z]\d|[B-Z]\.? \d|(?:[IVXL]{2,7}|[VX]|[ivxl]{2,7})\b(?![’'])|I(?=[.,;:)]|\Z)"
)
_VERSE = re.compile(r"\d{1,3}:\d")
_NUMBERED = r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)]"
_ITEM = re.compile(rf"\s*{_NUMBERED}")
# A blank line; before an item of a list, a heading, or a row of a table that is no rule; the end of a heading's
# line; after a table. Lines with one `#`, one below the other, are a comment, and no headings.
_BREAK = re.compile(
    rf"\n(?:[^\S\n]*\n\s*|(?=[^\S\n]*+(?:(?:[-*•‣▪◦–—]|{_NUMBERED}|#{{1,6}})\s|\|(?![-|: \t]*(?:\n|\Z)))))"
    r"|(?P<comment>(?m:^)[^\S\n]{0,9}#(?:[^\S\n][^\n]*+)?(?:\n[^\S\n]{0,9}#(?:[^\S\n][^\n]*+)?(?=\n|\Z))++)"
    r"|(?m:^)[^\S\n]{0,3}(?:#{1,6}[^\S\n][^\n]++|\*\*[^*\n]{1,80}\*\*:?[^\S\n]*+|={3,}+[^\S\n]*+)(?P<heading>\n)"
    r"|(?<=\|)\n(?![^\S\n]*\|)"
)
# Where a sentence that does not fit is cut, the best places first. Runs of marks are taken whole or not at all, since
# trying each part of a run of n marks takes n^2 steps.
_CUTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![.!?…])[.!?…]++[{re.escape(_CLOSING)}]*+(?=\s)|[。！？।۔]+",
        rf"(?<![;:])[;:]++[{re.escape(_CLOSING)}]*+(?=\s)|[；：—]|--+|(?<=\s)[–-](?=\s)",
        rf",[{re.escape(_CLOSING)}]*+(?=\s)|[，、،]|[)\]](?=\s)",
        r"(?=\s)",
    )
)


@dataclass(frozen=True)
class Piece:
    """What is spoken in one go, and the silence after it. asked: the text gave that silence a length
    (`text.controls`). lead_seconds: silence that it asked for before the first piece; None: for none. rate: how fast it
    is spoken, 2 being twice as fast."""

    text: str
    pause_seconds: float
    asked: bool = False
    lead_seconds: float | None = None
    rate: float = 1.0


def split_text(text: str, fits: Callable[[str], bool] = lambda _: True) -> list[Piece]:
    """Pieces of a text, in order, each of which `fits`; everything but white space is in exactly one of them.

    A sentence that does not fit is halved at a sentence mark, else at a clause mark, at a comma, between words, and
    between letters if a word does not fit. A single character is a piece whatever `fits` says. `fits` should be
    monotone: every part of a text that fits must fit.
    """
    pieces = []
    for start, end, pause in _sentences(text):
        for left, right in _cut(text, start, end, fits):
            piece = text[left:right]
            pieces.append(Piece(piece, pause if right == end else pause_after(piece)))
    return pieces


def split_whole(text: str) -> tuple[str, float, str]:
    """Of a text that is still being written: the sentences that are whole whatever follows, the silence after the last
    of them, in seconds, and the rest, with any tag or control that is not finished. Both parts together are the text.
    """
    *whole, last = [*_sentences(text)] or [(0, 0, 0.0)]
    while whole and _UNFINISHED.search(text, max(0, last[0] - 1100), last[0]):
        last = whole.pop()
    return (text[: last[0]], whole[-1][2], text[last[0] :]) if whole else ("", 0.0, text)


def pause_after(piece: str) -> float:
    """Seconds of silence after a piece, from its last mark; none after a word."""
    bare = (_TAGS_AT_END.sub("", piece[-140:]) if piece.endswith(">") else piece).rstrip(_CLOSING + " \t\n")
    return PAUSE_SECONDS["…"] if bare.endswith("...") else PAUSE_SECONDS.get(bare[-1:], 0.0)


def _sentences(text: str) -> Iterator[tuple[int, int, float]]:
    """(start, end, pause in seconds) of each sentence, without the white space around it."""
    cased = any(c.isupper() for c in text)  # without capitals, a small letter begins a sentence, too
    start = 0
    breaks = (m.span("heading" if m["heading"] else 0) for m in _BREAK.finditer(text) if not m["comment"])
    for stop, following in [*breaks, (len(text), len(text))]:
        says = _ONLY_MARKS.match(text, start, stop).end()  # where the first word begins
        said = stop - _ONLY_MARKS.match(text[start:stop][::-1]).end()  # after the last word
        for match in _END_MARKS.finditer(text, start, stop):
            if says < match.end() < stop and _ends_sentence(text, start, stop, said, match, cased):
                left, right = _strip(text, start, match.end())
                yield left, right, pause_after(text[left:right])
                start = match.end()
                says = _ONLY_MARKS.match(text, start, stop).end()
        left, right = _strip(text, start, stop)
        if left < right:
            yield left, right, PARAGRAPH_PAUSE_SECONDS
        start = following


def _ends_sentence(text: str, start: int, stop: int, said: int, match: re.Match, cased: bool) -> bool:
    """Whether the marks of `match` end the sentence that begins at `start`. More of its paragraph follows, up to
    `stop`, but after `said` only marks."""
    marks = re.sub(r"\s", "", match["marks"])
    if not match["space"]:
        return marks[0] in "。！？।۔"
    begins = _TAGS.match(text, match.end()).end()
    following = text[begins : min(begins + 40, stop)].lstrip(_OPENING + " \u00a0\u202f")
    if not following or (cased and following[0].islower()) or begins >= said:
        return False
    next_word = re.match(r"[\w’']*", following)[0].replace("’", "'").lower()
    if len(marks) > 1 or marks != ".":
        ellipsis = marks == "…" or set(marks) == {"."}
        return not (ellipsis and next_word in ("i", "i'm", "i'll", "i've", "i'd"))  # `well... I think`
    before = text[max(start, match.start() - 40) : match.start()]
    word = re.search(r"[\w.’'&-]*$", before)[0].lstrip("'’-")
    word = re.sub(r"^(?:[LlDd]|[Qq]u)['’]", "", word)  # French `l'art. 5`
    low = word.lower()
    if match.start() - start < 8 and _ITEM.fullmatch(text, start, match.start() + 1):
        return False
    if following[0] in ",;:" or word in _TITLES or (low in _NEVER_LAST and not (word.isupper() and word.isalpha())):
        return False
    noun = low in english_words.NOUNS_TOO and re.search(r"\b(?:an?|the|this) $", before[: len(before) - len(word)])
    if low in _BEFORE_NUMBERS and not noun and _NUMERAL.match(following):
        return False
    if word in english_words.VERSES and _VERSE.match(following) or before.endswith("(est"):
        return False
    # An initial, `U.S.`, `J.-J.`, German `3. Mai`
    short = re.fullmatch(r"[^\W\d_]|(?:[^\W\d_]\.-?)+[^\W\d_]|\d{1,2}", word)
    unit = low in _UNITS and re.search(r"\d\s?$|\bone\s$|-$", before[: len(before) - len(word)] or " ")
    title = not cased and low.capitalize() in _TITLES
    if low in _MAYBE_LAST or short or unit or title:
        return next_word in (_STARTERS if cased else _SMALL_STARTERS) and not (unit and following[0].islower())
    return True


def _cut(text: str, left: int, right: int, fits: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """(left, right) of the parts of text[left:right], each of which fits; halved repeatedly at the best place."""
    if right - left <= 1 or fits(text[left:right]):
        yield left, right
        return
    place = _place_to_cut(text, left, right)
    for a, b in ((left, place), (place, right)):
        a, b = _strip(text, a, b)
        if a < b:
            yield from _cut(text, a, b, fits)


def _place_to_cut(text: str, left: int, right: int) -> int:
    """Near the middle: after the best kind of mark in the middle half, else after any mark, else inside a word."""
    middle, near = (left + right) / 2, (right - left) / 4
    for far_too in (False, True):
        for pattern in _CUTS:
            places = [m.end() for m in pattern.finditer(text, left, right) if left < m.end() < right]
            place = min(places, key=lambda p: abs(p - middle), default=None)
            if place is not None and (far_too or abs(place - middle) <= near):
                return place
    place = round(middle)
    while place < right - 1 and unicodedata.combining(text[place]):
        place += 1
    return place


def _strip(text: str, left: int, right: int) -> tuple[int, int]:
    """The range without the white space at its ends."""
    piece = text[left:right]
    return left + len(piece) - len(piece.lstrip()), right - (len(piece) - len(piece.rstrip()))
