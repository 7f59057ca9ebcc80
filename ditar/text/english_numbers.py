"""English numbers as words: cardinals, ordinals, years, plurals, fractions, digit by digit."""

import functools
import re

from ditar.text.english_words import LETTERS

# A number as it is written, and what may not precede it. Runs are taken whole: trying each part of a run of n figures
# takes n^2 steps.
NUMBER = r"(?:\d{1,3}(?:,\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)?|(?<![\w.])\.\d++)"
ALONE = r"(?<![\w.])(?<!\d,)"
_ORDINAL = re.compile(rf"{ALONE}(\d{{1,15}}(?:,\d{{3}}){{0,5}})\s?(?:st|nd|rd|th|ST|ND|RD|TH)\b")
_YEAR_BEFORE = "in|In|since|Since|year|until|till|by|By|before|Before|after|After|around|circa|c\\.|from|of|AD|eigh D"
_TENS = {"1/2": ("one half", "a half"), "1/4": ("one quarter", "a quarter"), "3/4": ("three quarters",) * 2}
_PARTS = {"2": "half", "4": "quarter"}
_BEATS = re.compile(
    rf"{ALONE}([2-9]|1\d)/([248]|16)(?= (?:time|metre|meter|beats?|bars?|measures?|rhythms?|grooves?|signatures?)\b)"
)
# Points of those that may be had; without any of the words only if decimal, above the whole, or most of 20 or 100.
_SCORE = re.compile(
    rf"(\b(?:an?|gets?|got|getting|give|gives|gave|giving|scor(?:e|es|ed|ing)|rat(?:e|es|ed|ing)|marks?|solid|note)"
    rf"(?: (?:it|this|that|them|him|her|me|us|of|an?|is|was|at))?:? )?"
    rf"{ALONE}(\d{{1,3}}(?:\.\d)?)/([45]|10|20|100)"
    r"(?![\w/-]|[.,]\d|\s(?:of|miles?|inch|inches|seconds?)\b)"
    r"(?=(\s(?:stars?|points?|score|rating|on|in|from)\b)?)", re.I
)  # fmt: skip
_BETWEEN = re.compile(rf"{ALONE}(?<![/-])(\d{{1,2}}/\d{{1,2}})\s?[-—]\s?(?=\d{{1,2}}/\d{{1,2}}(?![\w/-]|\.\d))")
_FRACTIONS_OF = {*range(2, 11), 12, 16, 20, 32, 64, 100, 1000}
_LETTER_OF = {name: letter for letter, name in LETTERS.items() if name != letter}
_SPELT = re.compile(rf"\b(?:{'|'.join(_LETTER_OF)})\b")
_LONG = 10  # figures: a longer number without commas is a code


def spell_letters(letters: str) -> str:
    """Their names, which espeak reads as letters."""
    return " ".join(LETTERS[c.upper()] for c in letters)


def letters_as_written(text: str) -> str:
    """A text, in which names may be spelt as `spell_letters` does it, as somebody would write it."""
    return _SPELT.sub(lambda match: _LETTER_OF[match[0]], text)


@functools.lru_cache(4096)
def _words(number: int, to: str = "cardinal") -> str:
    from num2words import num2words  # late: training on a bare machine imports this package but spells no number

    return num2words(number, to=to).replace(",", "").replace("-", " ").replace(" and ", " ")


def cardinal(digits: str) -> str:
    """Words of a number as written, `1,234.50` included; long and zero-led digit strings are read digit by digit."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    if len(whole) > (15 if "," in digits else _LONG) or (len(whole) > 1 and whole.startswith("0")):
        words = digits_one_by_one(whole)
    else:
        words = _words(int(whole or 0))
    return f"{words} point {digits_one_by_one(decimals)}" if decimals else words


def digits_one_by_one(digits: str) -> str:
    return " ".join(_words(int(d)) for d in digits)


def ordinal(digits: str) -> str:
    return _words(int(digits.replace(",", "")), to="ordinal")


def year_words(digits: str) -> str:
    value = int(digits)
    if value < 1000 or value > 9999 or value % 1000 < 10:
        return cardinal(digits)
    high, low = divmod(value, 100)
    if low == 0:
        return f"{cardinal(str(high))} hundred"
    return f"{cardinal(str(high))} {'oh ' if low < 10 else ''}{cardinal(str(low))}"


def plural(words: str) -> str:
    """`ninety` to `nineties`, `forty six` to `forty sixes`."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def spell_ordinals(text: str) -> str:
    """`21st`, `THE 21ST`, `1,000th`, `1st-3rd`; `1/10th` becomes a fraction."""
    text = re.sub(r"(?<=\d/)(\d{1,4})(?:st|nd|rd|th)s?(?!\w)", r"\1", text)
    text = re.sub(r"(?<=\d(?:st|nd|rd|th))\s?[-—]\s?(?=\d{1,4}(?:st|nd|rd|th)\b)", " to ", text)
    return _ORDINAL.sub(lambda m: ordinal(m[1]), text)


def spell_fractions(text: str) -> str:
    """`1/2`, `2 1/2`, `5/8`, `7/4`, `4/5 stars`, `10/10`, `3/4 time`, `22/7`, `1/10th`."""
    text = _BEATS.sub(lambda m: f"{cardinal(m[1])} {cardinal(m[2])}", text)
    text = _BETWEEN.sub(r"\1 to ", text)
    text = re.sub(rf"{ALONE}(?<!/)(\d{{1,4}})[ -](\d{{1,2}}/\d{{1,4}})(?![\w/]|-\d|\.\d)", _mixed, text)
    text = _SCORE.sub(_score, text)
    return re.sub(
        rf"{ALONE}(\d{{1,6}})/(\d{{1,6}})(?![\w/]|\.\d)", lambda m: _fraction(m[1], m[2], article=False), text
    )


def _score(match: re.Match) -> str:
    before, top, bottom, after = match.groups()
    word = (before or "").strip().lower()
    decimal, high = "." in top, 2 * float(top) >= int(bottom)
    sure = after or word not in ("", "a", "an") or (bottom in ("20", "100") and high) or top in ("11", "12")
    # `He gave 1/5 to charity`
    if word in ("give", "gives", "gave", "giving") and (not high or match.string.startswith(" to ", match.end())):
        return match[0]
    if decimal or bottom != "4" and (sure or (word and bottom != "5" and top != "1")):
        return f"{before or ''}{cardinal(top)} out of {cardinal(bottom)}"
    return match[0]


def _mixed(match: re.Match) -> str:
    top, bottom = match[2].split("/")
    if int(top) >= int(bottom):
        return match[0]
    return f"{cardinal(match[1])} and {_fraction(top, bottom, article=True)}"


def _fraction(top: str, bottom: str, article: bool) -> str:
    if found := _TENS.get(f"{top}/{bottom}"):
        return found[article]
    if int(top) == int(bottom):
        return f"{cardinal(top)} out of {cardinal(bottom)}"
    # More than one whole is said so only if it is small and no division that leaves nothing: 10/2, 22/7.
    large = int(top) > int(bottom) and (int(top) > 20 or int(bottom) == 0 or int(top) % int(bottom) == 0)
    if large or int(bottom) not in _FRACTIONS_OF:
        return f"{cardinal(top)} over {cardinal(bottom)}"
    if bottom in _PARTS:
        part = _PARTS[bottom]
    else:
        part = ordinal(bottom).replace("one hundredth", "hundredth").replace("one thousandth", "thousandth")
    number = "a" if article and top == "1" and bottom == "3" else cardinal(top)
    return f"{number} {part}" if top == "1" else f"{number} {'halves' if part == 'half' else plural(part)}"


def spell_numbers(text: str) -> str:
    """Everything left: years, then all numbers; a letter next to one gets a space."""
    # The first figures of a number only: (?<!\d) comes first since it fails at once inside a run.
    year = r"(?<![\d.,])(1[1-9]\d\d|20\d\d)(?!\d|[.,]\d)"
    text = re.sub(year, lambda m: _spaced(m, year_words(m[1])), text)
    text = re.sub(r"(?<![\d.,])(10\d\d)(?= (?:[AB]\.? ?[CD]|eigh D|B C|C E)\b)", lambda m: year_words(m[1]), text)
    text = re.sub(
        rf"\b({_YEAR_BEFORE}) (10\d\d)(?!\d|[.,]\d)(?! (?:of|people|and)\b)",
        lambda m: f"{m[1]} {year_words(m[2])}",
        text,
    )
    return re.sub(NUMBER, lambda m: _spaced(m, cardinal(m[0])), text)


def _spaced(match: re.Match, words: str) -> str:
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    after = match.string[match.end() : match.end() + 1]
    return f"{' ' if before.isalnum() else ''}{words}{' ' if after.isalnum() else ''}"
