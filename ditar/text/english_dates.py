"""English dates, times and decades as words. Each function takes and returns a whole text."""

import re

from ditar.text.english_numbers import ALONE, cardinal, ordinal, plural, spell_letters, year_words
from ditar.text.english_words import CAPITALISED_SHORT, MONTHS, VERSES, WEEKDAYS

_MONTH_NAMES = list(dict.fromkeys(MONTHS.values()))
_MONTH = "|".join([*_MONTH_NAMES, *(f"{short}\\.?" for short in MONTHS)])
_SHORT = "|".join(MONTHS)
_DAY = "|".join(WEEKDAYS)
_WEEKDAY = "|".join(dict.fromkeys(WEEKDAYS.values()))
_SUFFIX = "(?:st|nd|rd|th|ST|ND|RD|TH)"
_DASH = r"\s?[-—]\s?"
_SHOUTED = re.compile(
    rf"\b(?:{'|'.join([*_MONTH_NAMES, *_WEEKDAY.split('|'), 'Jan', 'Feb', 'Sept', 'Oct', 'Nov', 'Dec']).upper()})\b"
)
_MARKER = r"(?:\s?([AaPp](?:\.\s?)?[Mm]\.?)(?!\w))"
_HOURS = r"(?:\s?(h|hrs?\.?|hours)(?![\w/]))"


# Between full names a dash with spaces is one of prose.
_MONTHS = re.compile(rf"\b(?:({_MONTH})[-—]({_MONTH})|({_SHORT})\.?{_DASH}({_SHORT})\b\.?)(?![\w-])")
_MONTHS_AND_DAYS = re.compile(rf"\b((?:{_MONTH}) \d{{1,2}}{_SUFFIX}?){_DASH}(?=(?:{_MONTH}) \d)")
_WEEKDAYS_APART = re.compile(rf"\b({_WEEKDAY})[-—](?=(?:{_WEEKDAY})\b)")
_UNTIL_NOW = re.compile(r"\b((?:1\d|20)\d\d)(?:[-—](?=(?:present|now|today)\b)|\s[-—]\s(?=present\b))")
_UNTIL_NOON = re.compile(rf"(?<=\d)({_MARKER}){_DASH}(?=(?:noon|midnight)\b)")
_DAYS = re.compile(
    rf"(?<![\w.,:$€£—-])(?:[Tt]he\s)?(\d{{1,2}}){_SUFFIX}?{_DASH}(\d{{1,2}}){_SUFFIX}?\s(?:of\s)?({_MONTH})(?![\w-])"
    r"(?:,?\s(\d{4})\b)?"
)
_VERSE = re.compile(rf"\b({'|'.join(VERSES)})\.\s(\d{{1,3}}):(?=\d)")
_TIMESTAMP = re.compile(r"(?<![\d/.-])(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?Z?(?![\w:])")
_DASHED = re.compile(rf"(?<![\w.,-])(\d{{1,2}}-)?({_SHORT})-(\d{{4}})(?![\w-])")  # 15-Apr-2023
_TWO_YEARS = re.compile(r"(?<![\d/.-])(?:(1[89]\d\d|20\d\d)|(?<=FY)(\d\d))/(\d{2}|\d{4})(?![\w/-]|[.,]\d)")
_MONTH_YEAR = re.compile(r"(?<![\w/.-])(0[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/-]|[.,]\d)")


def spell_dates(text: str, month_first: bool) -> str:
    """Dates in figures or with the month's name, weekdays, ranges of either."""
    text = _SHOUTED.sub(lambda m: m[0].capitalize(), text)
    text = _TIMESTAMP.sub(r"\1, \2", text)
    text = _DASHED.sub(lambda m: f"{(m[1] or '').replace('-', ' ')}{m[2]} {m[3]}", text)
    text = re.sub(
        r"(?<![\d/.-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d/-]|\.\d)",
        lambda m: _by_numbers(m[1], m[3], m[4], m[0]),
        text,
    )

    def slashed(match: re.Match) -> str:
        first, _, second, year = match.groups()
        number, day = (first, second) if month_first else (second, first)
        if int(number) > 12:
            number, day = day, number
        if len(year) == 2:
            year = f"{'20' if int(year) < 50 else '19'}{year}"
        return _by_numbers(year, number, day, match[0])

    text = re.sub(r"(?<![\w/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-]|\.\d)", slashed, text)
    if month_first:
        day = rf"\b((?:{_WEEKDAY}|{_DAY})\.?,?) (\d{{1,2}})/(\d{{1,2}})(?![\w/])"
        text = re.sub(day, lambda m: f"{m[1]} {_by_numbers('', m[2], m[3], f'{m[2]}/{m[3]}')}", text)
        day = r"\b((?:on|by|until|till|due|dated|since|before|after) )(\d{1,2})/(\d{1,2})(?![\w/]|\.\d| of\b)"
        text = re.sub(day, lambda m: m[1] + _by_numbers("", m[2], m[3], f"{m[2]}/{m[3]}"), text)
    text = _TWO_YEARS.sub(_two_years, text)
    text = _MONTH_YEAR.sub(lambda m: f"{_MONTH_NAMES[int(m[1]) - 1]} {year_words(m[2])}", text)
    text = re.sub(rf"\b((?:{_MONTH})\s\d{{1,2}}),(?=\d{{4}}(?!\d))", r"\1, ", text)
    text = _MONTHS.sub(lambda m: f"{_month(m[1] or m[3])} to {_month(m[2] or m[4])}", text)
    text = _MONTHS_AND_DAYS.sub(r"\1 to ", text)
    text = _WEEKDAYS_APART.sub(r"\1 to ", text)
    text = _UNTIL_NOW.sub(r"\1 to ", text)
    text = _named(text)
    text = re.sub(rf"\b({_DAY})\.?{_DASH}({_DAY})\b\.?", lambda m: f"{WEEKDAYS[m[1]]} to {WEEKDAYS[m[2]]}", text)
    # "Sun" alone is the star.
    day = rf"\b({_DAY})(?:\.(?=[\s,])|(?=\.?,?\s(?:the [a-z]+(?: [a-z]+)? of )?(?:{_MONTH})(?!\w)))"
    text = re.sub(day, lambda m: WEEKDAYS[m[1]], text)
    # "Jan." with its full stop is the month; "May" and "March" without one may be words, and sound the same anyway.
    return re.sub(rf"\b({_SHORT})\.(?=\s)", lambda m: MONTHS[m[1]], text)


def _two_years(match: re.Match) -> str:
    """`2023/24`, `2019/2020`: the second is the year after the first."""
    first, second = match[1] or match[2], match[3]
    if str(int(first) + 1)[-len(second) :] != second or len(second) > len(first):
        return match[0]
    last = str(int(first) + 1) if second == "00" and match[1] else second
    words = (_short_year(year) if len(year) == 2 else year_words(year) for year in (first, last))
    return " " * bool(match[2]) + " ".join(words)


def _named(text: str) -> str:
    """Days and years next to a month's name."""

    def year_of(digits: str | None) -> str:
        return "" if not digits else f", {year_words(digits) if len(digits) == 4 else _short_year(digits)}"

    year = r"(?:,?\s(\d{4})\b)?"
    # Two figures are a year only if the month is short, too: `on 3 May 20 people came`.
    short = rf"{ALONE}(\d{{1,2}})[ -]({_SHORT})[ -]'?(\d{{2}})(?![\w:/.,-])"
    text = re.sub(short, lambda m: f"the {ordinal(m[1])} of {_month(m[2])}{year_of(m[3])}", text)
    text = _DAYS.sub(
        lambda m: f"the {ordinal(m[1])} to the {ordinal(m[2])} of {_month(m[3])}{year_of(m[4])}"
        if int(m[1]) < int(m[2]) < 32
        else m[0],
        text,
    )
    day = rf"(?<![\w.,:$€£-])(?:[Tt]he\s)?(\d{{1,2}}){_SUFFIX}?(?:\s|-)(?:of\s)?({_MONTH})(?![\w-]){year}"
    text = re.sub(
        day, lambda m: f"the {ordinal(m[1])} of {_month(m[2])}{year_of(m[3])}" if int(m[1]) < 32 else m[0], text
    )
    day = rf"\b({_MONTH})\s(\d{{1,2}}){_SUFFIX}?{_DASH}(\d{{1,2}}){_SUFFIX}?\b(?![:\d/]|\s?[AaPp]\.?[Mm]\b){year}"
    text = re.sub(day, lambda m: f"{_month(m[1])} {ordinal(m[2])} to {ordinal(m[3])}{year_of(m[4])}", text)
    day = rf"\b({_MONTH})\s(\d{{1,2}}){_SUFFIX}?\b(?![:\d/%]|[.,]\d|\s?[AaPp]\.?[Mm]\b){year}"
    text = re.sub(day, lambda m: f"{_month(m[1])} {ordinal(m[2])}{year_of(m[3])}" if int(m[2]) < 32 else m[0], text)
    return re.sub(rf"\b({_MONTH}),?\s(\d{{4}})\b", lambda m: f"{_month(m[1])} {year_words(m[2])}", text)


def _month(name: str) -> str:
    return MONTHS.get(name.rstrip("."), name)


def _by_numbers(year: str, month: str, day: str, original: str) -> str:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return original
    return f"{_MONTH_NAMES[int(month) - 1]} {ordinal(day)}" + (f", {year_words(year)}" if year else "")


def _short_year(digits: str) -> str:
    """Of `'69` and `'05`."""
    return f"oh {cardinal(digits[1])}" if digits[0] == "0" and digits != "00" else cardinal(digits)


def spell_times(text: str) -> str:
    """`9:30 pm`, `13:45h`, `06:00 hrs`, `9am-5pm`, and whatever else has a colon: ratios, verses."""
    text = _VERSE.sub(lambda m: f"{VERSES[m[1]]} {m[2]} ", text)
    text = _UNTIL_NOON.sub(r"\1 to ", text)
    span = rf"{ALONE}(\d{{1,2}}(?::\d{{2}})?{_MARKER}?){_DASH}(?=\d{{1,2}}(?::\d{{2}}|\s?[AaPp]\.?[Mm]\b))"
    text = re.sub(span, lambda m: f"{m[1]} to ", text)
    text = re.sub(rf"{ALONE}(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?(?![\d:]){_MARKER}?{_HOURS}?", _clock, text)
    text = re.sub(rf"{ALONE}(\d{{1,2}})[.](\d{{2}}){_MARKER}", _clock_with_point, text)
    text = re.sub(rf"{ALONE}(\d{{1,2}})h([0-5]\d)(?!\w)", _french_clock, text)
    text = re.sub(r"(\b[A-Z][a-z]+\.? )(\d{1,3}):(?=\d{1,3}(?![\d:]))", r"\1\2 ", text)  # Psalm 23:4
    text = re.sub(rf"{ALONE}(?<!:)(\d{{1,4}}):(?=\d{{1,4}}(?![\d:]))", r"\1 to ", text)  # a ratio
    return re.sub(rf"{ALONE}(\d{{1,2}}){_MARKER}", lambda m: cardinal(m[1]) + _half(m[2]) + _stop(m, m[2]), text)


def _clock(match: re.Match) -> str:
    hour, minute, second, marker, hours = match.groups()
    if int(hour) > 24 or int(minute) > 59:
        return match[0]
    words = cardinal(str(int(hour)))
    if int(minute):
        words += f" {'oh ' if int(minute) < 10 else ''}{cardinal(str(int(minute)))}"
    elif hours:
        words += " hundred"
    elif not marker and not re.match(" (?:noon|midnight|o'clock)", match.string[match.end() : match.end() + 10]):
        words += " o'clock" if 1 <= int(hour) <= 12 else " hundred hours"
    if second:
        words += f" and {cardinal(str(int(second)))} seconds"
    words += " hours" if hours and hours != "h" or hours and not int(minute) else ""
    return words + _half(marker) + _stop(match, marker or hours)


def _clock_with_point(match: re.Match) -> str:
    hour, minute, marker = match.groups()
    if int(hour) > 12 or int(minute) > 59:
        return match[0]
    middle = "" if minute == "00" else f" {'oh ' if minute[0] == '0' else ''}{cardinal(str(int(minute)))}"
    return cardinal(hour) + middle + _half(marker) + _stop(match, marker)


def _french_clock(match: re.Match) -> str:
    """`19h30` is a time, `2h30` lasts."""
    hour, minute = match.groups()
    if int(hour) > 24:
        return match[0]
    if len(hour) == 2:
        words = f"{'oh ' if minute[0] == '0' else ''}{cardinal(str(int(minute)))}"
        return f"{cardinal(str(int(hour)))} {'hundred' if minute == '00' else words}"
    return f"{hour} h {minute} min"


def _half(marker: str | None) -> str:
    return f" {spell_letters(marker[0])} M" if marker else ""


def _stop(match: re.Match, marker: str | None) -> str:
    """The full stop of `p.m.` that also ends the sentence."""
    return "." if marker and marker.endswith(".") and ends_sentence(match.string, match.end()) else ""


def ends_sentence(text: str, end: int) -> bool:
    """Whether a full stop at `end` certainly ends a sentence: nothing follows, or a word that begins sentences."""
    return _ENDS.match(text, end) is not None


_ENDS = re.compile(rf"[\"')]{{0,3}}(?:\s{{0,9}}\Z|\s+[\"'(]?(?:{CAPITALISED_SHORT})\b)")

_SECONDS_BEFORE = (
    "wait|waits|waited|waiting|for|after|within|every|last|lasts|lasted|took|take|takes|than|about|under|over|at|only|just"
    "|timeout|another|to|by|a|is|was|be|minus|plus|equals|pause|pauses|paused"
)
_MANY_BEFORE = (
    "the|his|her|their|our|my|your|its|early|mid|late|high|low|upper|lower|two|three|four|five|six|seven|eight|nine|ten"
    "|all|these|those|many|both|no|any|some|several|double|roaring"
)
_DECADES_APART = re.compile(
    r"(?<![\w.,])(1[0-9]|20)(\d0)'?s\s?[-—]\s?(?:'?([2-9]0)'?s\b|(?=(?:1[0-9]|20)\d0'?s\b))"
)
_CENTURY = re.compile(r"(?<![\w.,])(1[0-9]|20)(\d0)'?s\b")
_TENS = re.compile(r"(?<![\w.,'])'?([2-9]0)'s\b|(?<![\w])'(\d0)s\b")
_CODE = re.compile(r"(?<=[A-Z])-?(\d{1,4})s\b|(?<=\b[A-Z] )(\d{1,4})s\b")
_MANY = re.compile(
    rf"\b((?:(?i:{_MANY_BEFORE}))[ -])(\d{{1,3}})'?s\b(?! (?:delay|timeout|pause|video|clip|limit|mark))"
)
# Models, sizes and codes in the plural; what is no three figures of Boeing's needs a name before it.
_MODEL = re.compile(
    r"(?P<before>\b(?:Boeing|Airbus|Douglas|Cessna|Porsche|Ferrari|Peugeot|Volvo|Mazda|Fiat|BMW|Nokia|HTTP|[Ss]izes?) "
    r"|(?<=[a-z,] )[A-Z][A-Za-z]{1,20} )(?P<number>\d{1,4})s\b|(?<![\w.,'-])(?P<boeing>7\d7)s\b"
)
_BEFORE_SECONDS = re.compile(rf"\b(?:{_SECONDS_BEFORE}) ?$", re.I)
_TWO = re.compile(r"(?<![\w.,])(\d{1,3})'?s( (?:and|or|to) |, )(\d{1,3})'?s\b")
_NOSTALGIC = re.compile(
    rf"(?<!\w)(?<!\d[.,])(?<!\b\w )([6-9]0)s\b(?= [a-z])"
    rf"(?! (?:{_SECONDS_BEFORE}|later|ago|left|delay|timeout|in|on|or|and)\b)"
)


def spell_decades(text: str) -> str:
    """`the 1990s`, `the '80s`, `in her 30s`, and other numbers in the plural: `1s and 0s`, `F-16s`, `two 747s`,
    `Boeing 777s`. An s after other figures is left unchanged: seconds."""

    def many(digits: str) -> str:
        return plural(cardinal(str(int(digits))))

    def model(match: re.Match) -> str:
        name, number = match["before"] or "", match["number"] or match["boeing"]
        seconds = _BEFORE_SECONDS.search(name or match.string[max(0, match.start() - 12) : match.start()])
        return match[0] if seconds else name + many(number)

    text = re.sub(r"(?<![\w'])'(\d{2})(?![\w'\"])", lambda m: _short_year(m[1]), text)
    text = _DECADES_APART.sub(lambda m: f"{_century(m[1], m[2])} to {many(m[3]) if m[3] else ''}", text)
    text = _CENTURY.sub(lambda m: _century(m[1], m[2]), text)
    text = _TENS.sub(lambda m: many(m[1] or m[2]) if (m[1] or m[2]) != "00" else "two thousands", text)
    text = _CODE.sub(lambda m: f" {many(m[1] or m[2])}", text)
    text = _MODEL.sub(model, text)
    text = _TWO.sub(lambda m: f"{many(m[1])}{m[2]}{many(m[3])}", text)
    text = _MANY.sub(lambda m: m[1] + many(m[2]), text)
    return _NOSTALGIC.sub(lambda m: many(m[1]), text)


def _century(century: str, decade: str) -> str:
    if decade == "00":
        return plural(year_words(f"{century}00"))
    return f"{cardinal(century)} {plural(cardinal(decade))}"
