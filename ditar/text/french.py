"""French text to words that a phonemiser reads aloud: what espeak reads otherwise than people do (amounts, times,
dates, ordinals, kings, abbreviations, decimals). Numbers are num2words's; `fr-be` and `fr-ch` count as there
(septante).

Grammatical gender is known for units and some common nouns only: `21 pages` has une, `21 baleines` has not.
"""

import functools
import re
from collections.abc import Callable, Iterable

from ditar.text.french_words import (
    ANYWHERE,
    BEFORE_CAPITALS,
    BEFORE_FIGURES,
    COUNTED,
    CURRENCIES,
    FEMININE,
    IN_ADDRESSES,
    MONTHS,
    PER,
    RULERS,
    SCALES,
    SHORT_MONTHS,
    SYMBOLS,
    TITLES,
    UNITS,
)


def _any_of(written: Iterable[str]) -> str:
    """A pattern for any of some strings, the longest first."""
    return "|".join(map(re.escape, sorted(written, key=len, reverse=True)))


_COUNTS_AS = {"fr-be": "fr_BE", "fr-ch": "fr_CH"}
_NUMBER = r"\d++(?:,\d++)?"
_ALONE = r"(?<![\w.,])"
_CAPITAL = "[A-ZÀÂÇÈÉÊËÎÏÔÙÛÜŒ]"
_THOUSANDS = re.compile(r"(?<![\d.,])([1-9]\d{0,2})([ .])(\d{3}(?:\2\d{3}){0,5})(?!\d)")
_ADDRESS = re.compile(r"(?<![\w.@/-])(?:(?:https?://|www\.)[^\s\"<>()]++|[\w.+-]++@[\w-]++(?:\.[\w-]++)++)", re.I)
_PHONE = re.compile(r"(?<![\d.,])(\+33[ .]?[1-9]|0[1-9])((?:[ .-]?\d\d){4})(?![\d,])")
_DATE = re.compile(rf"{_ALONE}(0?[1-9]|[12]\d|3[01])([/.])(0?[1-9]|1[0-2])\2(\d{{4}})(?![\d/])")
_DAY_MONTH = re.compile(r"\b([Ll]e|[Dd]u|[Aa]u) (0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])(?![\d/])")
_ISO_DATE = re.compile(rf"{_ALONE}(\d{{4}})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\d-])")
_NUMERO = re.compile(r"\b(?:[Nn][°o]s? ?|No\. +)(?=\d)")  # one_spelling writes № as No.
_FIRST = re.compile(rf"{_ALONE}1(?= (?:{'|'.join(MONTHS)})\b)")
_SHORT_MONTH = re.compile(rf"(?<=\d )({'|'.join(SHORT_MONTHS)})\.(?= |$)|(?<=\d )({'|'.join(SHORT_MONTHS)})(?= \d)")
_CLOCK = re.compile(rf"{_ALONE}([01]?\d|2[0-4])(?:\s?h(?:\s?([0-5]\d)(?!\d|\s?{_NUMBER})(?:\s?(?:min|mn)\b)?)?"
                    r"|:([0-5]\d)(?::([0-5]\d))?)(?![\w/:])")  # fmt: skip
_BEFORE_AMOUNT = re.compile(rf"(?<!\w)([$£€¥])\s?({_NUMBER})(?![\d.])(?!\s?[$£€¥])")
_MONEY = re.compile(rf"{_ALONE}({_NUMBER})(?:\s?({_any_of(SCALES)})(?:\s?d'|\s?)|\s?)"
                    rf"({_any_of(CURRENCIES)})(?!\w)(?:/({_any_of(PER)})(?!\w))?")  # fmt: skip
_QUANTITY = re.compile(rf"({_NUMBER})\s?({_any_of(UNITS)})"
                       rf"(?:/({_any_of(PER)})\.?)?(?![\w²³']|/\w)")  # fmt: skip
_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,6}|[IVX]|[IVXLC]{2,})\s?"
                      r"(ers?|res?|[eè]res?|[eè]mes?|i[eè]mes?|e|es|n?des?|nds?)(?!\w|')")  # fmt: skip
_ROMAN = re.compile(r"M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_KING = re.compile(rf"\b((?i:{COUNTED})|{RULERS}) ([IVX]{{1,6}})(?![\w'-])")
_NAMED = re.compile(r"(?<=\w )((?:I{2,3}|IV|VI{1,3}|IX|X{1,3}(?:I{1,3}|I?V|VI{1,3}|IX)))(?![\w'-])")
_YEAR = re.compile(r"(?<![\w'-])M[MDCLXVI]{3,12}(?![\w'-])")
_TITLE = re.compile(rf"(?<![\w'-])({_any_of(TITLES)})[ -](?={_CAPITAL}|l[ea] |l')")
_ABBREVIATION = re.compile(rf"(?<![\w-])({_any_of(ANYWHERE)})(?![\w-])")
_BEFORE_FIGURE = re.compile(rf"(?<![\w-])({_any_of(BEFORE_FIGURES)}) ?(?=\d)")
_BEFORE_CAPITAL = re.compile(rf"(?<![\w-])({_any_of(BEFORE_CAPITALS)}) (?={_CAPITAL})")
_RANGE = re.compile(rf"(?<![\w.,-])({_NUMBER})\s?[-—]\s?(?={_NUMBER}(?![\w-]))")
_SIGNED = re.compile(r"(?<![\w.,)])([-+±]) ?(?=\d)")
_FRACTION = re.compile(r"(?<![\w.,/])(\d{1,4})/(\d{1,4})(?![\w/])")
_PARTS = {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")}


def spell_french(text: str, language: str = "fr-fr") -> str:
    """`text` with every number, date, time, amount, unit, abbreviation and symbol as words."""
    say = functools.partial(cardinal, language=language)
    text = text.translate({ord("ᵉ"): "e", ord("ʳ"): "r", ord("ᵈ"): "d", ord("ˢ"): "s", ord("ᵒ"): "°", ord("º"): "°"})
    text = _ADDRESS.sub(lambda m: _address(m[0], say), text)
    text = _PHONE.sub(lambda m: _phone(m, say), text)
    text = _DATE.sub(lambda m: _date(m[1], m[3], m[4]), text)
    text = _DAY_MONTH.sub(lambda m: f"{m[1]} {_date(m[2], m[3])}", text)
    text = _ISO_DATE.sub(lambda m: _date(m[3], m[2], m[1]), text)
    text = _THOUSANDS.sub(lambda m: m[1] + m[3].replace(m[2], ""), text)
    text = _NUMERO.sub("numéro ", text)
    text = re.sub(r"\b[Nn]°s?(?!\w)", "numéro", text)
    text = re.sub(r"\bM\. (?=et M)", "monsieur ", text)
    text = _BEFORE_FIGURE.sub(lambda m: BEFORE_FIGURES[m[1]] + " ", text)
    text = _BEFORE_CAPITAL.sub(lambda m: BEFORE_CAPITALS[m[1]] + " ", _abbreviations(text))
    text = _SHORT_MONTH.sub(lambda m: SHORT_MONTHS[m[1] or m[2]], text)
    text = _FIRST.sub("premier", text)
    text = _TITLE.sub(lambda m: TITLES[m[1]] + " ", text)
    text = re.sub(r"(?<=\d) ?h ?[-—] ?(?=\d{1,2} ?h)", " h à ", text)
    text = _CLOCK.sub(lambda m: _clock(m, say), text)
    text = _BEFORE_AMOUNT.sub(r"\2 \1", text)
    text = _RANGE.sub(r"\1 à ", text)
    text = _SIGNED.sub(lambda m: {"-": "moins ", "+": "plus ", "±": "plus ou moins "}[m[1]], text)
    text = _MONEY.sub(lambda m: _money(m, say), text)
    text = _QUANTITY.sub(lambda m: _quantity(m, say), text)
    text = _ORDINAL.sub(lambda m: _ordinal(m, language), text)
    text = _KING.sub(lambda m: f"{m[1]} {_roman_words(m[2], say)}", text)
    text = _NAMED.sub(lambda m: _roman_words(m[0], say), text)
    text = _YEAR.sub(lambda m: _roman_words(m[0], say), text)
    text = re.sub(r"(?<=\d) (½|¼|¾)(?!\w)", lambda m: f" et {SYMBOLS[m[1]].removeprefix('un ')}", text)
    text = _FRACTION.sub(lambda m: _fraction(m, say, language), text)
    text = re.sub(r"(?<=\d)\.(?=\d)", " point ", text)
    text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", text)  # A4, 3D
    text = re.sub(rf"({_NUMBER})(?: (\w+))?", lambda m: _counted(m, say), text)
    return "".join(f" {SYMBOLS[c]} " if c in SYMBOLS else c for c in text)


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
        return " ".join(_words(int(digit), "cardinal", language) for digit in digits)
    zeros = ["zéro"] * (len(digits) - len(significant))
    return " ".join([*zeros, *([_words(int(significant), "cardinal", language)] if significant else [])])


@functools.lru_cache(4096)
def _words(number: int, to: str, language: str) -> str:
    from num2words import num2words  # late: training on a bare machine imports this package but spells no number

    words = num2words(number, lang=_COUNTS_AS.get(language, "fr"), to=to)
    # num2words: quatre-vingtsième, deux centsième, un milliards.
    words = re.sub(r"(vingt|cent|million|milliard)sième", r"\1ième", re.sub(r"\bun (m\w+)s\b", r"un \1", words))
    return re.sub(r"(?<=quatre-vingt)-(?=onze|huit)", "s ", words)  # espeak would join them with a t


def _roman(letters: str) -> int:
    """Of a numeral; 0 if it is not one."""
    if not _ROMAN.fullmatch(letters):
        return 0
    each = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[c] for c in letters]
    return sum(-v if v < max(each[i:]) else v for i, v in enumerate(each))


def _roman_words(letters: str, say: Callable[..., str]) -> str:
    value = _roman(letters)
    return letters if not value else "premier" if value == 1 else say(str(value))


def _abbreviations(text: str) -> str:
    def replace(match: re.Match) -> str:
        rest = match.string[match.end() :]
        ends = match[1].endswith(".") and (not rest.strip() or re.match(rf"\s+[\"(]?{_CAPITAL}", rest))
        return ANYWHERE[match[1]] + ("." if ends else "")

    return _ABBREVIATION.sub(replace, text)


def _address(address: str, say: Callable[..., str]) -> str:
    bare = address.rstrip(".,!?;:")
    words = re.sub(r"^https?://", "", bare.rstrip("/"), flags=re.I)
    words = re.sub(r"\bwww\b", "W W W", words, flags=re.I)
    words = "".join(f" {IN_ADDRESSES[c]} " if c in IN_ADDRESSES else c for c in words)
    words = re.sub(r"\d+", lambda m: f" {say(m[0])} ", words)
    return re.sub(" +", " ", words).strip() + address[len(bare) :]


def _phone(match: re.Match, say: Callable[..., str]) -> str:
    first = match[1].removeprefix("+33").strip(" .")
    pairs = re.findall(r"\d\d", match[2])
    country = ["plus trente-trois"] if match[1].startswith("+") else []
    return ", ".join([*country, *(say(part) for part in (first, *pairs))])


def _date(day: str, month: str, year: str = "") -> str:
    """With figures left for the rules of numbers."""
    return f"{'premier' if int(day) == 1 else int(day)} {MONTHS[int(month) - 1]} {year}".rstrip()


def _clock(match: re.Match, say: Callable[..., str]) -> str:
    hour, minute, second = int(match[1]), match[2] or match[3], match[4]
    words = f"{say(str(hour), feminine=True)} heure{'s' * (hour > 1)}"
    if minute and (int(minute) or second):
        words += f" {say(str(int(minute)), feminine=True)}"
    return words + (f" et {say(str(int(second)), feminine=True)} seconde{'s' * (int(second) > 1)}" if second else "")


def _many(number: str) -> bool:
    """French has the plural from two on."""
    return int(number.partition(",")[0]) >= 2


def _money(match: re.Match, say: Callable[..., str]) -> str:
    amount, scale, sign, per = match.groups()
    one, many, part, parts, feminine = CURRENCIES[sign]
    whole, _, small = amount.partition(",")
    rate = f" {PER[per]}" if per else ""
    if scale:
        scaled = SCALES[scale][_many(amount)]
        of = "" if scale == "k" else "d'" if many[0] in "aeiouy" else "de "
        return f"{say(amount)} {scaled} {of}{many}{rate}"
    if len(small) > 2 or (small and not part):
        return f"{say(amount)} {many if _many(amount) else one}{rate}"
    hundredths = int(small.ljust(2, "0")) if small else 0
    whole_words = f"{say(str(int(whole)), feminine=feminine)} {many if _many(whole) else one}"
    if not hundredths:
        return whole_words + rate
    cents = say(str(hundredths))
    if not int(whole):
        return f"{cents} {parts if hundredths > 1 else part}{rate}"
    return f"{whole_words} {cents}{rate}"


def _quantity(match: re.Match, say: Callable[..., str]) -> str:
    number, sign, per = match.groups()
    one, many, feminine = UNITS[sign]
    rate = "" if not per else " à l'heure" if (sign, per) == ("km", "h") else f" {PER[per]}"
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    if before and (before.isalnum() or before in ".,"):
        return match[0]
    return f"{say(number, feminine=feminine)} {many if _many(number) else one}{rate}"


def _ordinal(match: re.Match, language: str) -> str:
    number = int(match[1]) if match[1].isdecimal() else _roman(match[1])
    ending = match[2]
    plural = "s" if ending.endswith("s") else ""
    if not number:
        return match[0]
    if number == 1:
        return ("premier" if ending.rstrip("s") == "er" else "première") + plural
    if "d" in ending:
        return ("seconde" if "e" in ending else "second") + plural
    return _words(number, "ordinal", language) + plural


def _fraction(match: re.Match, say: Callable[..., str], language: str) -> str:
    top, bottom = int(match[1]), int(match[2])
    if top >= bottom or bottom > 10 and bottom not in (100, 1000):
        return f"{say(match[1])} sur {say(match[2])}"
    named = _words(bottom, "ordinal", language)
    one, many = _PARTS.get(bottom, (named, f"{named}s"))
    return f"{say(match[1])} {one if top == 1 else many}"


def _counted(match: re.Match, say: Callable[..., str]) -> str:
    """A number, and the noun after it."""
    number, noun = match.groups()
    return say(number, feminine=noun in FEMININE) + (f" {noun}" if noun else "")
