"""Roman numerals as numbers: for chapters and kings, in lists, as years, and as signs of their own."""

import re
import unicodedata

from ditar.text.english_numbers import cardinal, ordinal, year_words
from ditar.text.english_words import BEFORE_FIGURES, KINGS, ROMAN_BEFORE

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_CANONICAL = re.compile("M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_SIGNS = re.compile("[\u2160-\u217f]+")
_ITEM = r"(?:[IVX]{1,5}|[ivx]{1,5})"
_SPEAKER = r"I\s(?!(?:and|or|&)\s[IVX]+\b)[a-z&]"  # not the numeral, `Henry VIII, I think`
_LIST = re.compile(
    rf"(?<![\w'-]){_ITEM}(?:(?:, (?:and |or )?| and | or | & |[-—])(?!{_SPEAKER}){_ITEM}(?![\w'-]|\.\w)){{1,20}}"
)
_YEAR = re.compile(r"\bM[MDCLXVI]{3,12}\b")
_GAME = re.compile(r"\b((?i:Super Bowl|Wrestlemania|Olympiad))\s([IVXLC]+)\b")
# After an abbreviation that stands before numbers, in either case: `Vol. II`, `pp. xi-xv`.
_SHORT = "|".join(short for short in BEFORE_FIGURES if short not in ("no", "c", "ca", "est"))
_AFTER_SHORT = re.compile(
    rf"\b((?i:{_SHORT}))\.\s([IVXL]{{2,7}}|[VX]|[ivxl]{{2,7}}|I(?=[.,;:)—-]|\s?$))"
    r"(?:\s?[-—]\s?([IVXL]{1,7}|[ivxl]{1,7}))?(?![\w'])"
)
_BEFORE = re.compile(rf"\b((?i:{ROMAN_BEFORE})s?)\s([IVXL]{{1,7}})\b(?!')(?: of ([IVXL]{{1,7}})\b(?!'))?")
# Possessives; the first name may be followed by more names, and the first part of a name is not the speaker ("I").
_KING = re.compile(
    rf"\b((?:{KINGS})(?:\s(?:[A-Z]\.|[A-Z][a-z]+)){{0,2}})\s"
    r"(?:([IVX]{2,6}|V|X)\b|I\b(?!'|\s(?:am|have|think|know|will|would|can|could|want|love|like|do|did|don't|see|saw|said"
    r"|say|met|told|hope|need|believe|remember|go|went|never|always|should|must|may|might)\b))"
)
_NAMED = re.compile(
    r"(?<!\bthe )(?<![\w'.-])([A-Z][\w'.-]*)\s((?:I{2,3}|IV|VI{1,3}|IX|X[IV]{1,4}|XX[IV]{1,4}|XXX[IV]{1,4}))\b(?!')"
)
_NO_NAME = {"An", "A", "The", "By", "On", "His", "Her", "My", "Via", "In", "I"}
_CENTURY = re.compile(
    r"\b([IVX]{1,5})(?:th|st|nd|rd)?"
    r"(?=[ -](?:[Cc]entur(?:y|ies)|[Dd]ynasty|Olympi(?:ad|cs?)|Amendment|Congress|Corps|Legion)\b)"
)
_HEADING = re.compile(r"(?m)^([IVX]{2,5})(?=\.(?:\s|$)|$)")


def spell_roman(text: str, shouting: bool) -> str:
    """Numerals that their context makes numbers; other capitals are acronyms. `shouting`: capitals mean nothing."""
    text = _SIGNS.sub(lambda m: _sign(m), text)
    text = _AFTER_SHORT.sub(_after_short, text)
    text = _LIST.sub(_list, text)
    text = _YEAR.sub(lambda m: year_words(str(_value(m[0]))) if _value(m[0]) else m[0], text)
    text = _GAME.sub(lambda m: f"{m[1]} {cardinal(str(_value(m[2])))}" if _value(m[2]) else m[0], text)
    text = _BEFORE.sub(_numbered, text)
    text = _CENTURY.sub(lambda m: ordinal(str(_value(m[1]))) if _value(m[1]) else m[0], text)
    text = _KING.sub(lambda m: f"{m[1]} the {ordinal(str(_value(m[2] or 'I')))}" if _value(m[2] or "I") else m[0], text)
    if not shouting:
        text = _NAMED.sub(
            lambda m: m[0] if m[1] in _NO_NAME else f"{m[1]} {cardinal(str(_value(m[2])))}" if _value(m[2]) else m[0],
            text,
        )
    return _HEADING.sub(lambda m: cardinal(str(_value(m[1]))) if _value(m[1]) else m[0], text)


def _value(letters: str) -> int:
    """Of a numeral; 0 if it is not one."""
    if not _CANONICAL.fullmatch(letters):
        return 0
    each = [_VALUES[c] for c in letters]
    return sum(-v if v < max(each[i:]) else v for i, v in enumerate(each))


def _sign(match: re.Match) -> str:
    """Of Ⅳ, which is always a numeral: a king's, or a number."""
    letters = unicodedata.normalize("NFKC", match[0]).upper()
    king = re.search(rf"\b(?:{KINGS})\s$", match.string[max(0, match.start() - 20) : match.start()])
    if king:
        return f"the {ordinal(str(_value(letters) or 1))}"
    return f" {cardinal(str(_value(letters)))} " if _value(letters) else letters


def _list(match: re.Match) -> str:
    """`I, II, III`, `ii and iii`: all in one case, with at least one that cannot be a word or letter."""
    items = re.findall(r"[IVXivx]+", match[0])
    sure = any(item.upper() in ("II", "III", "IV", "VI", "VII", "VIII", "IX") for item in items)
    if not sure or not (match[0].replace("and", "").replace("or", "").isupper() or all(map(str.islower, items))):
        return match[0]
    if not all(_value(item.upper()) for item in items):
        return match[0]
    words = re.sub(r"\s?[-—]\s?", " to ", match[0])
    return re.sub(r"\b[IVXivx]+\b", lambda m: cardinal(str(_value(m[0].upper()))), words)


def _after_short(match: re.Match) -> str:
    word, *numerals = match.groups()
    values = [_value(numeral.upper()) for numeral in numerals if numeral]
    numbers = " to ".join(cardinal(str(value)) for value in values)
    return f"{BEFORE_FIGURES[word.lower()]} {numbers}" if all(values) else match[0]


def _numbered(match: re.Match) -> str:
    """`Chapter IV`, `Part I`; `in this part I think` is not one."""
    word, letters, all_of = match.groups()
    if (
        letters == "I"
        and word.islower()
        and not re.match(r"\s*(?:$|[.,;:)]|and\b|or\b|is\b|of\b)", match.string[match.end() : match.end() + 6])
    ):
        return match[0]
    of = f" of {cardinal(str(_value(all_of))) if _value(all_of) else all_of}" if all_of else ""
    return f"{word} {cardinal(str(_value(letters)))}{of}" if _value(letters) else match[0]
