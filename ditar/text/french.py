"""French text to words that a phonemiser reads aloud: what espeak reads otherwise than people do (amounts, times,
dates, ordinals, kings, abbreviations, decimals). `french_codes`, `french_quantities`, `french_numbers` and
`french_letters` have the rules of their kinds.

Grammatical gender is known for units and some common nouns only: `21 pages` has une, `21 baleines` has not.
"""

import functools
import re
from collections.abc import Callable

from ditar.text.french_codes import spell_addresses, spell_codes
from ditar.text.french_letters import spell_capitals
from ditar.text.french_numbers import NUMBER, any_of, cardinal, number_words, roman, roman_words
from ditar.text.french_quantities import spell_quantities
from ditar.text.french_words import (
    ANYWHERE,
    BEFORE_CAPITALS,
    BEFORE_FIGURES,
    COUNTED,
    FEMININE,
    MONTHS,
    RULERS,
    SYMBOLS,
    TITLES,
    WEEKDAYS,
)

_FIGURE = re.compile(r"\d")
_CAPITAL = "[A-ZÀÂÇÈÉÊËÎÏÔÙÛÜŒ]"
_NUMERO = re.compile(r"\b(?:[Nn][°o]s? ?|No\. +)(?=\d)")  # one_spelling writes № as No.
_ORDINAL = re.compile(r"(?<![\w.,])(?:(\d{1,6}|[IVX]|[IVXLC]{2,})\s?(ers?|res?|[eè]res?|[eè]mes?|i[eè]mes?|e|es)"
                      r"|(?:2|II)(n?des?|nds?))(?!\w|')")  # fmt: skip
_KING = re.compile(rf"\b((?i:{COUNTED})|{RULERS}) ([IVX]{{1,6}})(?![\w'-])")
_NAMED = re.compile(r"(?<=\w )((?:I{2,3}|IV|VI{1,3}|IX|X{1,3}(?:I{1,3}|I?V|VI{1,3}|IX)))(?![\w'-])")
_YEAR = re.compile(r"(?<![\w'-])M[MDCLXVI]{3,12}(?![\w'-])")
_TITLE = re.compile(rf"(?<![\w'-])({any_of(TITLES)})[ -](?={_CAPITAL}|l[ea] |l')")
_ABBREVIATION = re.compile(rf"(?<![\w-])({any_of(ANYWHERE)})(?![\w-])")
_ENDS = re.compile(rf"\s*$|\s+[\"(]?{_CAPITAL}(?!\. ?\d)")
_BEFORE_FIGURE = re.compile(rf"(?<![\w-])({any_of(BEFORE_FIGURES)}) ?(?=\d)")
_BEFORE_CAPITAL = re.compile(rf"(?<![\w-])({any_of(BEFORE_CAPITALS)}) (?={_CAPITAL})")
_RANGE_OF_DAYS = re.compile(rf"\b({'|'.join(MONTHS)}|{WEEKDAYS})[-—](?=(?:{'|'.join(MONTHS)}|{WEEKDAYS})\b)")
_FRACTION = re.compile(r"(?<![\w.,/])(\d{1,4}(?:,\d{1,2})?)/(\d{1,4})(?![\w/])")
# Of a number over another: it is a mark after the first and before the last, and a part of a whole before the second.
_MARKED = re.compile(r"(?:\b(?:not(?:e|es|é|ée|és|ées|er)|scores?|avis)\b[^.,;!?]{0,20})$", re.I)
_PART_OF = re.compile(r"e? (?:de|des|du|d')\b")
_STARS = re.compile(" (?:étoiles?|points?)\\b")
_BOTH_GENDERS = ("(e)", ".e.s", "-e-s", " e s")  # the last with its middle dots, étudiant·e·s, as spaces
_BOTH = re.compile(rf"(?<![\w'-])([^\W\d_]{{2,40}})({any_of(_BOTH_GENDERS)})(s?)(?!\w)")
_PARTS = {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")}
_RAISED = str.maketrans({"ᵉ": "e", "ʳ": "r", "ᵈ": "d", "ˢ": "s", "ᵒ": "°", "º": "°"})
_SPOKEN = str.maketrans({symbol: f" {words} " for symbol, words in SYMBOLS.items()})


def spell_french(text: str, language: str = "fr-fr") -> str:
    """`text` with every number, date, time, amount, unit, abbreviation, symbol and acronym as words."""
    say = functools.partial(cardinal, language=language)
    text = text.translate(_RAISED)
    text = spell_addresses(text, say)
    text = text.replace("_", " ")
    if any(ending in text for ending in _BOTH_GENDERS):
        text = _BOTH.sub(_both, text)
    figures = _FIGURE.search(text) is not None
    if figures:
        text = spell_codes(text, say)
        text = _NUMERO.sub("numéro ", text)
        text = _BEFORE_FIGURE.sub(lambda m: BEFORE_FIGURES[m[1]] + " ", text)
    if "°" in text:
        text = re.sub(r"\b[Nn]°s?(?!\w)", "numéro", text)
    text = re.sub(r"\bM\. (?=et M)", "monsieur ", text)
    text = _BEFORE_CAPITAL.sub(lambda m: BEFORE_CAPITALS[m[1]] + " ", _abbreviations(text))
    text = _TITLE.sub(lambda m: TITLES[m[1]] + " ", text)
    text = _RANGE_OF_DAYS.sub(r"\1 à ", text)
    if figures:
        text = spell_quantities(text, say)
    text = _ORDINAL.sub(lambda m: _ordinal(m, language), text)
    text = _KING.sub(lambda m: f"{m[1]} {roman_words(m[2], say)}", text)
    text = _NAMED.sub(lambda m: roman_words(m[0], say), text)
    text = _YEAR.sub(lambda m: roman_words(m[0], say), text)
    text = spell_capitals(text)
    if figures:
        text = re.sub(r"(?<=\d) (½|¼|¾)(?!\w)", lambda m: f" et {SYMBOLS[m[1]].removeprefix('un ')}", text)
        text = _FRACTION.sub(lambda m: _fraction(m, say, language), text)
        text = re.sub(r"(?<=\d)\.(?=\d)", " point ", text)
        text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", text)  # A4, 3D
        text = re.sub(rf"({NUMBER})(?: ([^\W\d]\w*))?", lambda m: _counted(m, say), text)
    return text.translate(_SPOKEN)


def _abbreviations(text: str) -> str:
    def replace(match: re.Match) -> str:
        ends = match[1].endswith(".") and _ENDS.match(match.string, match.end())
        return ANYWHERE[match[1]] + ("." if ends else "")

    return _ABBREVIATION.sub(replace, text)


def _both(match: re.Match) -> str:
    """`étudiant(e)s`, `étudiant.e.s`: étudiants et étudiantes."""
    word, ending, plural = match.groups()
    feminine = f"{word[:-2]}ère" if word.endswith("er") else f"{word}e"
    if ending == "(e)" and not plural:
        return f"{word} ou {feminine}"
    return f"{word}{'' if word[-1] in 'sx' else 's'} et {feminine}s"


def _ordinal(match: re.Match, language: str) -> str:
    if match[3]:
        return ("seconde" if "e" in match[3] else "second") + "s" * match[3].endswith("s")
    number = int(match[1]) if match[1].isdecimal() else roman(match[1])
    ending = match[2]
    plural = "s" if ending.endswith("s") else ""
    if not number:
        return match[0]
    if number == 1:
        return ("premier" if ending.rstrip("s") == "er" else "première") + plural
    return number_words(number, "ordinal", language) + plural


def _fraction(match: re.Match, say: Callable[..., str], language: str) -> str:
    top, bottom = int(match[1].partition(",")[0]), int(match[2])
    before, after = match.string[max(0, match.start() - 40) : match.start()], match.end()
    mark = "," in match[1] or _MARKED.search(before) or _STARS.match(match.string, after)
    mark = mark or bottom in (10, 100) and top > 1 and not _PART_OF.match(match.string, after)
    if mark or top >= bottom or bottom > 10 and bottom not in (100, 1000):
        return f"{say(match[1])} sur {say(match[2])}"
    named = number_words(bottom, "ordinal", language)
    one, many = _PARTS.get(bottom, (named, f"{named}s"))
    return f"{say(match[1])} {one if top == 1 else many}"


def _counted(match: re.Match, say: Callable[..., str]) -> str:
    """A number, and the noun after it."""
    number, noun = match.groups()
    return say(number, feminine=noun in FEMININE) + (f" {noun}" if noun else "")
