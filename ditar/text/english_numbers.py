"""English numbers, dates, times, amounts and codes as words. Each function takes and returns a whole text."""

import re
from collections.abc import Callable

from ditar.text.english_words import CURRENCIES, LETTERS, MONTHS, UNITS, WEEKDAYS

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_MONTH_NAMES = list(dict.fromkeys(MONTHS.values()))
_MONTH = "|".join([*_MONTH_NAMES, *(f"{short}\\.?" for short in MONTHS)])
_DAY = "|".join(WEEKDAYS)


def spell_letters(letters: str) -> str:
    return " ".join(LETTERS[c.upper()] for c in letters)


def _words(number: int, to: str = "cardinal") -> str:
    from num2words import num2words  # late: training on a bare machine imports this package and spells no number

    return num2words(number, to=to).replace(",", "").replace("-", " ").replace(" and ", " ")


def cardinal(digits: str) -> str:
    """Words of a number as written, `1,234.50` included; long and zero-led digit strings are read digit by digit."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    if len(whole) > 15 or (len(whole) > 1 and whole.startswith("0")):
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
    if value < 1000 or value > 9999 or 2000 <= value <= 2009 or value % 1000 == 0:
        return cardinal(digits)
    high, low = divmod(value, 100)
    if low == 0:
        return f"{cardinal(str(high))} hundred"
    return f"{cardinal(str(high))} {'oh ' if low < 10 else ''}{cardinal(str(low))}"


def spell_dates(text: str, month_first: bool) -> str:
    def month(name: str) -> str:
        return MONTHS.get(name.rstrip("."), name)

    def by_numbers(year: str, month_number: str, day: str, original: str) -> str:
        if not (1 <= int(month_number) <= 12 and 1 <= int(day) <= 31):
            return original
        return f"{_MONTH_NAMES[int(month_number) - 1]} {ordinal(day)}, {year_words(year)}"

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
        year = f", {year_words(match.group(3))}" if match.group(3) else ""
        return f"{month(match.group(1))} {ordinal(match.group(2))}{year}"

    def day_month(match: re.Match) -> str:
        year = f", {year_words(match.group(3))}" if match.group(3) else ""
        return f"the {ordinal(match.group(1))} of {month(match.group(2))}{year}"

    year = r"(?:,?\s+(\d{4})\b)?"
    text = re.sub(rf"\b(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})(?!\w){year}", day_month, text)
    text = re.sub(rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:\d]){year}", month_day, text)
    text = re.sub(rf"\b({_MONTH})\s+(\d{{4}})\b", lambda m: f"{month(m.group(1))} {year_words(m.group(2))}", text)
    day = rf"\b({_DAY})(?:\.(?=[\s,])|(?=\.?,?\s+(?:{_MONTH})(?!\w)))"  # "Sun" alone is the star
    text = re.sub(day, lambda m: WEEKDAYS[m.group(1)], text)
    # "Jan." with its full stop is the month; "May" and "March" without one may be words and read the same anyway.
    return re.sub(rf"\b({'|'.join(s for s in MONTHS)})\.(?=\s)", lambda m: MONTHS[m.group(1)], text)


def spell_times(text: str) -> str:
    def half(marker: str | None) -> str:
        return f" {LETTERS[marker[0].upper()]} M" if marker else ""

    def clock(match: re.Match) -> str:
        hour, minute, second, marker = match.groups()
        if int(hour) > 24 or int(minute) > 59:
            return match.group(0)
        if int(minute):
            words = f"{cardinal(str(int(hour)))} {'oh ' if int(minute) < 10 else ''}{cardinal(str(int(minute)))}"
        else:
            words = cardinal(str(int(hour))) + (
                "" if marker else " o'clock" if 1 <= int(hour) <= 12 else " hundred hours"
            )
        if second:
            words += f" and {cardinal(str(int(second)))} seconds"
        return words + half(marker) + _after_marker(match)

    def _after_marker(match: re.Match) -> str:
        marker = match.groups()[-1]
        return "." if marker and marker.endswith(".") and match.end() == len(match.string.rstrip()) else ""

    marker = r"(?:\s*([AaPp]\.?[Mm]\.?)(?!\w))"
    text = re.sub(
        rf"\b(\d{{1,2}}(?::\d{{2}})?{marker}?)\s?[-—]\s?(?=\d{{1,2}}(?::\d{{2}}|\s?[AaPp]\.?[Mm]))", _until, text
    )
    text = re.sub(rf"\b(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?(?!\d){marker}?", clock, text)
    return re.sub(rf"\b(\d{{1,2}}){marker}", lambda m: cardinal(m.group(1)) + half(m.group(2)) + _after_marker(m), text)


def _until(match: re.Match) -> str:
    return f"{match.group(1)} to "


def spell_money(text: str) -> str:
    def read(match: re.Match) -> str:
        one, many, cent, cents = CURRENCIES[match.group(1)]
        amount, scale = match.group(2).replace(",", ""), match.group(3)
        if scale:
            scale = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}.get(scale.lower(), scale)
            return f"{cardinal(amount)} {scale} {many}"
        whole, _, small = amount.partition(".")
        words = f"{cardinal(whole)} {one if int(whole or 0) == 1 else many}"
        if len(small) == 2 and int(small):
            part = f"{cardinal(str(int(small)))} {cent if int(small) == 1 else cents}"
            return part if int(whole or 0) == 0 else f"{words} and {part}"
        return f"{cardinal(amount)} {many}" if small and int(small) else words

    scale = r"(?:\s?(thousand|million|billion|trillion|[kKmM]|bn|[bB])(?!\w))?"
    text = re.sub(rf"([$€£¥])\s?({_NUMBER}){scale}", read, text)
    return re.sub(rf"({_NUMBER})\s?([€£¥¢])", lambda m: f"{cardinal(m.group(1))} {CURRENCIES[m.group(2)][1]}", text)


def spell_codes(text: str) -> str:
    """Telephone numbers, decades, versions, heights, flight numbers: digits that are no amount."""
    text = re.sub(r"(?<!\w)\+?(\d{1,3}[-. ])?\(?(\d{3})\)?[-. ]\s?(\d{3})[-. ](\d{4})\b", _telephone, text)
    text = re.sub(r"(?<![\w-])(\d{3})-(\d{4})(?![\w-])", _telephone, text)
    text = re.sub(r"(?:\b(1[1-9]|20)|(?<!\w)'?)(\d0)'?s\b", _decade, text)
    text = re.sub(r"\b\d+(?:\.\d+){2,}\b", lambda m: " point ".join(map(cardinal, m.group(0).split("."))), text)
    text = re.sub(
        r"\b(\d)'\s?(\d{1,2})(?:\"|\b)", lambda m: f"{cardinal(m.group(1))} foot {cardinal(m.group(2))}", text
    )
    text = re.sub(r"\b(24/7|50/50)\b", lambda m: m.group(1).replace("/", " "), text)
    between = r"(?<![\w.-])(\d+(?:\.\d+)?)\s?[-—]\s?(\d+(?:\.\d+)?)(?=\s?[%°A-Za-z])(?!st|nd|rd|th)"
    text = re.sub(between, r"\1 to \2", text)
    return re.sub(r"\b([A-Z]{1,4})-?(?=\d)", lambda m: f"{spell_letters(m.group(1))} ", text)


def spell_quantities(text: str) -> str:
    """Percent, units of measure, fractions, ranges."""
    text = text.replace("½", " 1/2").replace("¼", " 1/4").replace("¾", " 3/4")
    text = re.sub(rf"({_NUMBER})\s?%", lambda m: f"{cardinal(m.group(1))} percent", text)
    text = re.sub(rf"({_NUMBER})\s?°\s?([CF])?\b", _degrees, text)
    units = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
    text = re.sub(rf"({_NUMBER})\s?({units})(?![\w/])", _unit, text)
    text = re.sub(r"(?<![\w.-])(\d{1,4})\s?[-—]\s?(\d{1,4})(?![\w-]|\.\d)", _range, text)
    halves = {"1/2": "one half", "1/4": "one quarter", "3/4": "three quarters", "1/3": "one third", "2/3": "two thirds"}
    text = re.sub(
        r"\b(\d+) (1/2|1/4|3/4|1/3|2/3)\b", lambda m: f"{cardinal(m.group(1))} and {_a(halves[m.group(2)])}", text
    )
    text = re.sub(r"\b(1/2|1/4|3/4|1/3|2/3)\b(?!/)", lambda m: halves[m.group(1)], text)
    return re.sub(
        r"\b(\d{1,3})/(\d{1,3})\b(?!/)", lambda m: f"{cardinal(m.group(1))} over {cardinal(m.group(2))}", text
    )


def _a(fraction: str) -> str:
    return re.sub(r"^one ", "a ", fraction)


def _degrees(match: re.Match) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", None: ""}[match.group(2)]
    return f"{cardinal(match.group(1))} {'degree' if match.group(1) == '1' else 'degrees'}{scale}"


def _unit(match: re.Match) -> str:
    one, many = UNITS[match.group(2)]
    return f"{cardinal(match.group(1))} {one if match.group(1) == '1' else many}"


def _range(match: re.Match) -> str:
    first, second = match.groups()
    read: Callable[[str], str] = year_words if len(first) == 4 else cardinal
    return f"{read(first)} to {read(second)}"


def spell_numbers(text: str) -> str:
    text = re.sub(r"\b(\d+(?:,\d{3})*)(?:st|nd|rd|th)\b", lambda m: ordinal(m.group(1)), text)
    text = re.sub(r"(?<![\d.,])(1[1-9]\d\d|20[0-9]\d)(?![\d]|[.,]\d)", lambda m: year_words(m.group(1)), text)
    return re.sub(rf"(?<=[A-Za-z])?(?:{_NUMBER})", _plain, text)


def _plain(match: re.Match) -> str:
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return f"{' ' if before.isalnum() else ''}{cardinal(match.group(0))}{' ' if after.isalnum() else ''}"


def _telephone(match: re.Match) -> str:
    return ", ".join(digits_one_by_one(re.sub(r"\D", "", group)) for group in match.groups() if group)


def _decade(match: re.Match) -> str:
    century, decade = match.groups()
    tens = cardinal(decade)
    tens = f"{tens[:-1]}ies" if tens.endswith("y") else f"{tens}s" if decade != "00" else "hundreds"
    return f"{cardinal(century)} {tens}" if century else tens
