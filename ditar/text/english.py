"""English spelling-out: what is written with digits, symbols, capitals or abbreviations becomes words.

The rules run from the most specific pattern (an address, a date) to the least (a lone digit), because each one eats what
the later ones would misread.
"""

import re
from collections.abc import Callable

from num2words import num2words

from ditar.text.english_words import (
    ABBREVIATIONS, CURRENCIES, KINGS, LETTERS, MONTHS, ROMAN_BEFORE, SPELLED, SPOKEN_SYMBOLS, UNITS, WEEKDAYS, WORD_ACRONYMS,
)  # fmt: skip

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_MONTH = "|".join([*MONTHS.values(), *(f"{short}\\.?" for short in MONTHS)])
_DAY = "|".join(f"{short}\\.?" for short in WEEKDAYS)


def spell_english(text: str, language: str = "en-us") -> str:
    """`text` with every number, date, time, amount, address, abbreviation, symbol and acronym as words."""
    text = _addresses(text)
    text = _roman(text)
    text = _capitals(text)
    text = _dates(text, month_first=language in {"en", "en-us", "en-us-nyc"})
    text = _times(text)
    text = _abbreviations(text)
    text = _money(text)
    text = _codes(text)
    text = _quantities(text)
    text = _numbers(text)
    return _symbols(text)


def _cardinal(digits: str) -> str:
    """Words of a number as written, `1,234.50` included; long and zero-led digit strings are read digit by digit."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    if len(whole) > 15 or (len(whole) > 1 and whole.startswith("0")):
        words = _digits(whole)
    else:
        words = num2words(int(whole or 0)).replace(",", "").replace("-", " ").replace(" and ", " ")
    return f"{words} point {_digits(decimals)}" if decimals else words


def _digits(digits: str) -> str:
    return " ".join(num2words(int(d)) for d in digits)


def _ordinal(digits: str) -> str:
    return num2words(int(digits.replace(",", "")), to="ordinal").replace(",", "").replace("-", " ").replace(" and ", " ")


def _year(digits: str) -> str:
    value = int(digits)
    if value < 1000 or value > 9999 or 2000 <= value <= 2009 or value % 1000 == 0:
        return _cardinal(digits)
    high, low = divmod(value, 100)
    if low == 0:
        return f"{_cardinal(str(high))} hundred"
    return f"{_cardinal(str(high))} {'oh ' if low < 10 else ''}{_cardinal(str(low))}"


def _spell(letters: str) -> str:
    return " ".join(LETTERS[c.upper()] for c in letters)


def _addresses(text: str) -> str:
    """URLs and e-mail addresses: at, dot, slash; the scheme and a final slash are not read."""

    def read(match: re.Match) -> str:
        address = re.sub(r"^(?:https?|ftp)://", "", match.group(0), flags=re.I)
        tail = re.search(r"[.,!?;:)]*$", address).group(0)
        address = address[: len(address) - len(tail)].rstrip("/")
        words = re.sub(r"\bwww\b", "W W W", address, flags=re.I)
        for symbol, word in (("@", "at"), (".", "dot"), ("/", "slash"), ("-", "dash"), ("_", "underscore"), (":", "colon"),
                             ("?", "question mark"), ("=", "equals"), ("&", "and"), ("#", "hash"), ("%", "percent"),
                             ("~", "tilde"), ("+", "plus")):  # fmt: skip
            words = words.replace(symbol, f" {word} ")
        words = re.sub(r"\d+", lambda m: f" {_digits(m.group(0)) if len(m.group(0)) > 2 else _cardinal(m.group(0))} ", words)
        return re.sub(r" +", " ", words).strip() + tail

    address = (
        r"(?:https?://|ftp://|www\.)[^\s\"<>()]+"
        r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
        r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|uk|de|fr|info)(?:/[^\s\"<>()]*)?(?![\w-])"
    )
    return re.sub(address, read, text, flags=re.I)


def _capitals(text: str) -> str:
    """Shouting becomes lower case, acronyms become letters or the word that people say."""
    words = re.findall(r"[A-Za-z]{2,}", text)
    shouted = [w for w in words if w.isupper()]
    shouting = len(shouted) >= 2 and len(shouted) > len(words) / 2

    def read(match: re.Match) -> str:
        word, plural = match.group(1), match.group(2) or ""
        if word in WORD_ACRONYMS:
            return word.capitalize() + plural
        if word in SPELLED:
            return _spell(word) + plural.replace("'", "").replace("s", "'s")
        if shouting or (len(word) >= 4 and re.search("[AEIOUY]", word)):
            return word.lower() + plural.lower()
        if word.lower() in _SHORT_WORDS:
            return word.lower() + plural
        return _spell(word) + plural.replace("'", "").replace("s", "'s")

    text = re.sub(r"\b((?:[A-Z]\.){2,})(?=(\s|$)?)", lambda m: _spell(m.group(1).replace(".", "")) + _stop(m), text)
    text = re.sub(r"\b[A-Z]+&[A-Z]+\b", lambda m: " and ".join(map(_spell, m.group(0).split("&"))), text)
    return re.sub(r"\b([A-Z]{2,})('?s)?\b", read, text)


def _stop(match: re.Match) -> str:
    return "." if match.end() == len(match.string.rstrip()) else ""


_SHORT_WORDS = set(
    """am an and any are as ask at ate bad be big but by can car cat day did do dog eat end far few for get go got had has hat
    he her hey hi him his hot how if in is it its job let man may me men my new no nor not now of off oh old on one or our out
    own pay put ran red run sad said saw say see set she sit six so ten the to too top try two up us use was way we why win
    yes yet you all boy god sun war who""".split()
)


def _dates(text: str, month_first: bool) -> str:
    def month(name: str) -> str:
        return MONTHS.get(name.rstrip("."), name)

    def by_numbers(year: str, month_number: str, day: str, original: str) -> str:
        if not (1 <= int(month_number) <= 12 and 1 <= int(day) <= 31):
            return original
        return f"{list(MONTHS.values())[int(month_number) - 1]} {_ordinal(day)}, {_year(year)}"

    def slashed(match: re.Match) -> str:
        first, second, year = match.groups()
        month_number, day = (first, second) if month_first else (second, first)
        if int(month_number) > 12:
            month_number, day = day, month_number
        if len(year) == 2:
            year = f"{'20' if int(year) < 50 else '19'}{year}"
        return by_numbers(year, month_number, day, match.group(0))

    text = re.sub(r"\b(\d{4})-(\d{2})-(\d{2})\b", lambda m: by_numbers(*m.groups(), m.group(0)), text)
    text = re.sub(r"\b(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})\b(?!\.\d)", slashed, text)

    def month_day(match: re.Match) -> str:
        year = f", {_year(match.group(3))}" if match.group(3) else ""
        return f"{month(match.group(1))} {_ordinal(match.group(2))}{year}"

    def day_month(match: re.Match) -> str:
        year = f", {_year(match.group(3))}" if match.group(3) else ""
        return f"the {_ordinal(match.group(1))} of {month(match.group(2))}{year}"

    year = r"(?:,?\s+(\d{4})\b)?"
    text = re.sub(rf"\b(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})(?!\w){year}", day_month, text)
    text = re.sub(rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:\d]){year}", month_day, text)
    text = re.sub(rf"\b({_MONTH})\s+(\d{{4}})\b", lambda m: f"{month(m.group(1))} {_year(m.group(2))}", text)
    text = re.sub(rf"\b({_DAY})(?=\s*,|\s+(?:{_MONTH}))", lambda m: WEEKDAYS[m.group(1).rstrip(".")], text)
    # "Jan." with its full stop is the month; "May" and "March" without one may be words and read the same anyway.
    return re.sub(rf"\b({'|'.join(s for s in MONTHS)})\.(?=\s)", lambda m: MONTHS[m.group(1)], text)


def _times(text: str) -> str:
    def half(marker: str | None) -> str:
        return f" {LETTERS[marker[0].upper()]} M" if marker else ""

    def clock(match: re.Match) -> str:
        hour, minute, second, marker = match.groups()
        if int(hour) > 24 or int(minute) > 59:
            return match.group(0)
        if int(minute):
            words = f"{_cardinal(str(int(hour)))} {'oh ' if int(minute) < 10 else ''}{_cardinal(str(int(minute)))}"
        else:
            words = _cardinal(str(int(hour))) + ("" if marker else " o'clock" if 1 <= int(hour) <= 12 else " hundred hours")
        if second:
            words += f" and {_cardinal(str(int(second)))} seconds"
        return words + half(marker) + _after_marker(match)

    def _after_marker(match: re.Match) -> str:
        marker = match.groups()[-1]
        return "." if marker and marker.endswith(".") and match.end() == len(match.string.rstrip()) else ""

    marker = r"(?:\s*([AaPp]\.?[Mm]\.?)(?!\w))"
    text = re.sub(rf"\b(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?(?!\d){marker}?", clock, text)
    return re.sub(
        rf"\b(\d{{1,2}}){marker}", lambda m: _cardinal(m.group(1)) + half(m.group(2)) + _after_marker(m), text
    )


def _abbreviations(text: str) -> str:
    for pattern, words in ABBREVIATIONS:

        def read(match: re.Match, words: str = words) -> str:
            # The full stop of an abbreviation at the end is also the sentence's.
            ends = match.group(0).endswith(".") and not match.string[match.end() :].strip()
            return words + ("." if ends and not words.endswith(".") else "")

        text = re.sub(pattern, read, text)
    return text


def _roman(text: str) -> str:
    """`Chapter IV` and `Henry VIII`; other capitals are acronyms."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50}

    def value(letters: str) -> str:
        each = [values[c] for c in letters]
        return str(sum(-v if v < max(each[i:]) else v for i, v in enumerate(each)))

    text = re.sub(rf"\b({ROMAN_BEFORE}) ([IVXL]+)\b", lambda m: f"{m.group(1)} {value(m.group(2))}", text)
    return re.sub(rf"\b({KINGS}) ([IVX]{{2,}}|V)\b", lambda m: f"{m.group(1)} the {_ordinal(value(m.group(2)))}", text)


def _money(text: str) -> str:
    def read(match: re.Match) -> str:
        one, many, cent, cents = CURRENCIES[match.group(1)]
        amount, scale = match.group(2).replace(",", ""), match.group(3)
        if scale:
            scale = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}.get(scale.lower(), scale)
            return f"{_cardinal(amount)} {scale} {many}"
        whole, _, small = amount.partition(".")
        words = f"{_cardinal(whole)} {one if int(whole or 0) == 1 else many}"
        if len(small) == 2 and int(small):
            part = f"{_cardinal(str(int(small)))} {cent if int(small) == 1 else cents}"
            return part if int(whole or 0) == 0 else f"{words} and {part}"
        return f"{_cardinal(amount)} {many}" if small and int(small) else words

    scale = r"(?:\s?(thousand|million|billion|trillion|[kKmM]|bn|[bB])(?!\w))?"
    text = re.sub(rf"([$€£¥])\s?({_NUMBER}){scale}", read, text)
    return re.sub(rf"({_NUMBER})\s?([€£¥¢])", lambda m: f"{_cardinal(m.group(1))} {CURRENCIES[m.group(2)][1]}", text)


def _codes(text: str) -> str:
    """Telephone numbers, decades, versions, heights, flight numbers: digits that are no amount."""
    text = re.sub(r"(?<!\w)\+?(\d{1,3}[-. ])?\(?(\d{3})\)?[-. ]\s?(\d{3})[-. ](\d{4})\b", _telephone, text)
    text = re.sub(r"(?<![\w-])(\d{3})-(\d{4})(?![\w-])", _telephone, text)
    text = re.sub(r"(?:\b(\d\d)|(?<!\w)')(\d0)'?s\b", _decade, text)
    text = re.sub(r"\b\d+(?:\.\d+){2,}\b", lambda m: " point ".join(map(_cardinal, m.group(0).split("."))), text)
    text = re.sub(r"\b(\d)'\s?(\d{1,2})(?:\"|\b)", lambda m: f"{_cardinal(m.group(1))} foot {_cardinal(m.group(2))}", text)
    text = re.sub(r"\b24/7\b", "twenty four seven", text)
    return re.sub(r"\b([A-Z]{1,4})-?(?=\d)", lambda m: f"{_spell(m.group(1))} ", text)


def _quantities(text: str) -> str:
    """Percent, units of measure, fractions, ranges."""
    text = text.replace("½", " 1/2").replace("¼", " 1/4").replace("¾", " 3/4")
    text = re.sub(rf"({_NUMBER})\s?%", lambda m: f"{_cardinal(m.group(1))} percent", text)
    text = re.sub(rf"({_NUMBER})\s?°\s?([CF])?\b", _degrees, text)
    units = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
    text = re.sub(rf"({_NUMBER})\s?({units})(?![\w/])", _unit, text)
    text = re.sub(r"(?<![\w.-])(\d{1,4})\s?[-—]\s?(\d{1,4})(?![\w-]|\.\d)", _range, text)
    halves = {"1/2": "one half", "1/4": "one quarter", "3/4": "three quarters", "1/3": "one third", "2/3": "two thirds"}
    text = re.sub(r"\b(\d+) (1/2|1/4|3/4|1/3|2/3)\b", lambda m: f"{_cardinal(m.group(1))} and {_a(halves[m.group(2)])}", text)
    text = re.sub(r"\b(1/2|1/4|3/4|1/3|2/3)\b(?!/)", lambda m: halves[m.group(1)], text)
    return re.sub(r"\b(\d{1,3})/(\d{1,3})\b(?!/)", lambda m: f"{_cardinal(m.group(1))} over {_cardinal(m.group(2))}", text)


def _a(fraction: str) -> str:
    return re.sub(r"^one ", "a ", fraction)


def _degrees(match: re.Match) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", None: ""}[match.group(2)]
    return f"{_cardinal(match.group(1))} {'degree' if match.group(1) == '1' else 'degrees'}{scale}"


def _unit(match: re.Match) -> str:
    one, many = UNITS[match.group(2)]
    return f"{_cardinal(match.group(1))} {one if match.group(1) == '1' else many}"


def _range(match: re.Match) -> str:
    first, second = match.groups()
    read: Callable[[str], str] = _year if len(first) == 4 else _cardinal
    return f"{read(first)} to {read(second)}"


def _numbers(text: str) -> str:
    text = re.sub(r"\b(\d+(?:,\d{3})*)(?:st|nd|rd|th)\b", lambda m: _ordinal(m.group(1)), text)
    text = re.sub(rf"(?:(?<=\s)|^)-({_NUMBER})", lambda m: f"minus {_cardinal(m.group(1))}", text)
    text = re.sub(r"(?<![\d.,])(1[1-9]\d\d|20[0-9]\d)(?![\d]|[.,]\d)", lambda m: _year(m.group(1)), text)
    return re.sub(rf"(?<=[A-Za-z])?(?:{_NUMBER})", _plain, text)


def _plain(match: re.Match) -> str:
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return f"{' ' if before.isalnum() else ''}{_cardinal(match.group(0))}{' ' if after.isalnum() else ''}"


def _telephone(match: re.Match) -> str:
    return ", ".join(_digits(re.sub(r"\D", "", group)) for group in match.groups() if group)


def _decade(match: re.Match) -> str:
    century, decade = match.groups()
    tens = _cardinal(decade)
    tens = f"{tens[:-1]}ies" if tens.endswith("y") else f"{tens}s" if decade != "00" else "hundreds"
    return f"{_cardinal(century)} {tens}" if century else tens


def _symbols(text: str) -> str:
    text = re.sub(r"\s&\s", " and ", text)
    text = text.replace("and/or", "and or")
    text = re.sub(r"(?<=[A-Za-z])/(?=[A-Za-z])", " or ", text)
    text = re.sub(r"--+", " — ", text)
    for symbol, word in SPOKEN_SYMBOLS.items():
        text = text.replace(symbol, f" {word} ")
    return re.sub(r"(?<=\s)-+(?=\s)|^-+\s", "—", text)
