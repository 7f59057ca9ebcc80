"""French numbers as words, by num2words; `fr-be` and `fr-ch` count as there (septante). Roman numerals as numbers."""

import functools
import re
from collections.abc import Callable, Iterable

_COUNTS_AS = {"fr-be": "fr_BE", "fr-ch": "fr_CH"}
NUMBER = r"\d++(?:,\d++)?"  # a pattern
ALONE = r"(?<![\w.,])"  # before a number that is part of no other
_ROMAN = re.compile(r"M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")


def any_of(written: Iterable[str]) -> str:
    """A pattern for any of some strings, the longest first."""
    return "|".join(map(re.escape, sorted(written, key=len, reverse=True)))


def cardinal(number: str, feminine: bool = False, language: str = "fr-fr") -> str:
    """Words of figures, with a comma before decimals; long and zero-led ones are read figure by figure."""
    whole, _, decimals = number.partition(",")
    words = _figures(whole, language)
    if decimals:
        return f"{words} virgule {_figures(decimals, language)}"
    return words + "e" if feminine and re.search(r"\bun$", words) else words


def _figures(digits: str, language: str) -> str:
    significant = digits.lstrip("0")
    if len(significant) > 12 or len(digits) - len(significant) > 2:
        return " ".join(number_words(int(digit), "cardinal", language) for digit in digits)
    zeros = ["zéro"] * (len(digits) - len(significant))
    return " ".join([*zeros, *([number_words(int(significant), "cardinal", language)] if significant else [])])


@functools.lru_cache(4096)
def number_words(number: int, to: str, language: str) -> str:
    """Of a number, "cardinal" or "ordinal"."""
    from num2words import num2words  # late: training on a bare machine imports this package but spells no number

    words = num2words(number, lang=_COUNTS_AS.get(language, "fr"), to=to)
    # num2words: quatre-vingtsième, deux centsième, un milliards.
    words = re.sub(r"(vingt|cent|million|milliard)sième", r"\1ième", re.sub(r"\bun (m\w+)s\b", r"un \1", words))
    return re.sub(r"(?<=quatre-vingt)-(?=onze|huit)", "s ", words)  # espeak would join them with a t


def roman(letters: str) -> int:
    """Of a numeral; 0 if it is not one."""
    if not _ROMAN.fullmatch(letters):
        return 0
    each = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[c] for c in letters]
    return sum(-v if v < max(each[i:]) else v for i, v in enumerate(each))


def roman_words(letters: str, say: Callable[..., str]) -> str:
    """A numeral as a number; one is the first, other letters stay."""
    value = roman(letters)
    return letters if not value else "premier" if value == 1 else say(str(value))


def is_plural(number: str) -> bool:
    """French has the plural from two on."""
    return int(number.partition(",")[0]) >= 2
