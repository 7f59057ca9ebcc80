"""English amounts of money and quantities with units as words, ranges and rates of them, and a little arithmetic."""

import re

from ditar.text.english_dates import ends_sentence
from ditar.text.english_numbers import ALONE, NUMBER, cardinal, digits_one_by_one, year_words
from ditar.text.english_units import CODES, COUNTRIES, CURRENCIES, DOTTED, DOTTED_SIGNS, LETTERED, PER, SCALES, UNITS

_TO = r"\s?[-—]\s?"
_SIGNS = re.escape("".join(CURRENCIES))
_LETTERS = "|".join(map(re.escape, [*CODES, *LETTERED]))
_STOP = "|".join(rf"(?<=\b{sign})\.|(?<=\d{sign})\." for sign in DOTTED_SIGNS)
# Letters after a figure belong to it: `50 USD 20 ...`.
_SIGN = rf"(?:(?:{'|'.join(COUNTRIES)})?[{_SIGNS}]|(?<!\d)(?<!\d )\b(?:{_LETTERS})(?:{_STOP})?)"
_SCALE = rf"(?:[\s-]?(?:{'|'.join(SCALES)})(?!\w)|(?:[kKmMbBT]|bn|tn)(?!\w))?"
_PER_UNIT = "|".join(sorted(map(re.escape, PER), key=len, reverse=True))
_PER = rf"(?:\s?/\s?(?P<per>{_PER_UNIT})(?![\w/]))?"
_PREFIXED = re.compile(
    rf"(?<![A-Za-z])(?P<sign>{_SIGN})\s?(?P<amount>{NUMBER})(?P<scale>{_SCALE})(?P<more>\+?)"
    rf"(?:(?P<to>{_TO})(?={_SIGN}\s?\.?\d)|{_TO}(?P<last>{NUMBER})(?![\d:/-])(?P<last_scale>{_SCALE}))?{_PER}"
)
_SUFFIXED = re.compile(
    rf"{ALONE}(?P<amount>{NUMBER})(?P<scale>{_SCALE})\s?"
    rf"(?P<sign>[{_SIGNS}]|(?:{_LETTERS})(?!\w))(?P<stop>{_STOP})?{_PER}"
)
_PART_PERCENT = re.compile(rf"{ALONE}((?:\d{{1,4}} )?\d/\d{{1,2}})\s?%")
_PRESSURE = re.compile(rf"{ALONE}(\d{{2,3}})/(\d{{2,3}}) ?mmHg\b")
_FEET = re.compile(
    rf"{ALONE}(?<!')(\d{{1,3}})'(?:(?= (?:tall|high|wide|long|deep)\b)| ?(?:[x×]|by) ?(\d{{1,3}})'(?!\w))"
)
_AFTER_RUPEES = re.compile(r"(?<=\d)/-(?!\w)")  # Rs 500/-
_MANY_UNITS = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))


def spell_money(text: str) -> str:
    """`$3.50`, `US$5`, `₹500`, `$5-10`, `$1.2bn`, `500 USD`, `$5/hr`, `a $5 bill`."""
    text = _AFTER_RUPEES.sub("", text)
    text = _PREFIXED.sub(_prefixed, text)
    return _SUFFIXED.sub(_suffixed, text)


def _prefixed(match: re.Match) -> str:
    names, amount, string = _names(match["sign"]), match["amount"], match.string
    if match["last"]:
        last = _money(match["last"], match["last_scale"], names)
        return f"{_scaled(amount, match['scale'])} to {last}{_rate(match['per'], 'a')}"
    noun = _NOUN.match(string, match.end()) and _BEFORE.search(string[max(0, match.start() - 24) : match.start()])
    if noun or match["scale"].startswith("-") or string.startswith(("-a-", "-an-"), match.end()):  # $10-an-hour job
        names = (names[0],) * 2 + names[2:]
    words = _money(amount, match["scale"], names) + (" plus" if match["more"] else "") + _rate(match["per"], "a")
    return words + " to " if match["to"] else words


def _suffixed(match: re.Match) -> str:
    words = _money(match["amount"], match["scale"], _names(match["sign"])) + _rate(match["per"], "a")
    return words + ("." if match["stop"] and ends_sentence(match.string, match.end()) else "")


# An amount between these is one of them: `a $5 bill`, `the $3 trillion economy`, `a ten-year, $5 million deal`,
# `Apple's $999 iPhone`, but not `it's $5 cash`, nor `gave her $5 cash`.
_BEFORE = re.compile(
    r"(?:\b(?:an?|the|this|its|another|my|your|his|our|their|whose)\s|-(?:hour|day|week|month|year), "
    r"|(?<!\bit)(?<!\bhe)(?<!\bshe)(?<!\bwho)(?<!\bhow)(?<!\blet)(?<!\bthat)(?<!\bwhat)(?<!\bthis)(?<!\bhere)"
    r"(?<!\bthere)(?<!\bwhere)(?<=\w)['’]s\s|(?<=\ws)['’]\s)$",
    re.I,
)
_NOUN = re.compile(
    r" (?!(?:an?|per|in|for|and|or|to|each|is|was|are|were|be|will|would|could|can|should|may|might|must|has|had|have"
    r"|he|she|it|they|we|you|i|that|which|who|from|of|on|with|at|by|as|but|if|when|while|because|after|before|until|since"
    r"|into|under|over|more|less|now|then|so|than|every|went|goes|came|spent|not|plus|back|extra|worth|up|out|did|does"
    r"|remaining|missing|left|due|lost|short|away|off|total|again|already|just|only|here|there|today|yesterday|last|this"
    r"|these|my|your|his|her|our|their|the|makes|means|buys|gets|gives|helps|covers|seems|becomes|\w{1,20}ed)\b)[a-z]"
)
_SHORT_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion", "tn": "trillion", "t": "trillion"}


def _names(sign: str) -> tuple[str, str, str, str]:
    """Singular and plural of a currency and of its hundredth; for a sign, `US$`, a code, or `kr.`."""
    if names := CODES.get(sign) or LETTERED.get(sign.rstrip(".")):
        return names
    one, many, cent, cents = CURRENCIES[sign[-1]]
    country = COUNTRIES[sign[:-1]] + " " if sign[:-1] else ""
    return f"{country}{one}", f"{country}{many}", cent, cents


def _scaled(amount: str, scale: str) -> str:
    """`1.2` and `bn` as words."""
    scale = scale.strip(" -")
    return cardinal(amount) + (f" {_SHORT_SCALES.get(scale.lower(), scale)}" if scale else "")


def _money(amount: str, scale: str, names: tuple[str, str, str, str]) -> str:
    one, many, cent, cents = names
    amount = re.sub(r"^(\d{1,3})\.000$", r"\1,000", amount)  # no amount is given to tenths of its hundredths
    if scale:
        return f"{_scaled(amount, scale)} {many}"
    whole, _, small = amount.replace(",", "").partition(".")
    words = f"{cardinal(amount.partition('.')[0] or '0')} {one if int(whole or 0) == 1 else many}"
    if len(small) == 2 and int(small) and cents:
        part = f"{cardinal(str(int(small)))} {cent if int(small) == 1 else cents}"
        return part if int(whole or 0) == 0 else f"{words} and {part}"
    return f"{cardinal(amount)} {many}" if small and int(small) else words


def _rate(per: str | None, word: str = "per") -> str:
    """` per hour`; for money ` an hour`."""
    if not per:
        return ""
    name = PER[per]
    return f" {'an' if word == 'a' and re.match('[aeio]|ho', name) else word} {name}"


_BETWEEN = re.compile(rf"{ALONE}({NUMBER}){_TO}({NUMBER})(?=\s?[%°A-Za-z])(?!-|st\b|nd\b|rd\b|th\b)")
# Nor a difference, `5% - 3% = 2%`.
_SAME_UNIT = re.compile(
    rf"{ALONE}(?<!-)({NUMBER}\s?(%|°\s?[CF]?|[A-Za-zµΩ]{{1,4}}[²³]?)){_TO}(?={NUMBER}\s?\2(?!\w)(?!\s?=))"
)
_DEGREES = re.compile(rf"{ALONE}({NUMBER})\s?°\s?([CFK](?![\w]))?(?=(\w)?)")
_PART = re.compile(rf"{ALONE}(?<!/)((?:\d{{1,4}}[ -])?\d{{1,2}}/\d{{1,3}})(?:\s?|-)({_MANY_UNITS})\.?(?![\w/²³])")
_RATED = re.compile(
    rf"{ALONE}(?<!\d/)({NUMBER})(\s?|-)({_MANY_UNITS})(²|³)?(?:\s?/\s?({_PER_UNIT})(²|³)?)?(?![\w/²³])(\.?)", re.I
)
_WORDS_TOO = {"in", "mi", "pt", "mo", "cal", "ha", "inch", "cc", "min"}
_SURE_UNITS = "|".join(re.escape(unit) for unit in UNITS if unit == "m" or len(unit) > 1 and unit not in _WORDS_TOO)
_PLUS = re.compile(rf"{ALONE}(\d{{1,6}})\+ ?({_SURE_UNITS})(?!\w)")  # 8+ GB
_TWO_RATES = re.compile(r"(?<=/kg)/(day|d|h|hr|hour|min|week|wk)\b")  # 5 mg/kg/day
_BARE_RATE = re.compile(rf"(?<![\w/])((?:{_SURE_UNITS})/(?:{_PER_UNIT}))(?![\w/²³])")
_SCALED = re.compile(rf"{ALONE}({NUMBER})(k|K|M|bn|tn)(?![\w-])")
_AFTER_INCHES = re.compile(r"\s?(?:[x×;)]|wide\b|long\b|tall\b|high\b|deep\b|thick\b|by\b)")
_MARKS = re.compile(rf'"|{ALONE}(\d{{1,4}}(?:\.\d{{1,3}})?|(?:\d{{1,3}} )?\d/\d{{1,2}})"')
_PEOPLE = re.compile(
    rf"{ALONE}({NUMBER})m(?= (?:people|users|views|viewers|followers|subscribers|customers|downloads|records|jobs|homes"
    r"|copies|barrels|tonnes|tons|years)\b)"
)


def spell_quantities(text: str) -> str:
    """Percent, degrees, units of measure and rates, `6'2"`, thousands as k, and ranges of all these."""
    feet = rf"{ALONE}(\d{{1,2}})'\s?(\d{{1,2}})(?:\"|''|\b(?!'))"
    text = re.sub(feet, lambda m: f"{cardinal(m[1])} foot {cardinal(m[2])}", text)
    text = _inches(text)
    text = _FEET.sub(lambda m: " by ".join(f"{cardinal(number)} feet" for number in m.groups() if number), text)
    text = _PLUS.sub(lambda m: f"{cardinal(m[1])} plus {UNITS[m[2]][1]}", text)
    text = _PRESSURE.sub(r"\1 over \2 millimetres of mercury", text)
    text = _SAME_UNIT.sub(lambda m: m[0] if m[2] in "abnxyz" and m[0][-1] == " " else f"{m[1]} to ", text)  # 3x - 2x
    text = _BETWEEN.sub(lambda m: f"{_short(m[1], m[2])} to {m[2]}", text)
    text = _PART_PERCENT.sub(r"\1 percent", text)
    text = re.sub(rf"{ALONE}({NUMBER})\s?%", lambda m: f"{cardinal(m[1])} percent", text)
    text = _DEGREES.sub(_degrees, text)
    text = re.sub(rf"{ALONE}({NUMBER})x(?!\w)", lambda m: f"{cardinal(m[1])} times", text)
    text = re.sub(rf"{ALONE}(\d{{1,2}})\s?h(?:rs?)?\s?(\d{{1,2}})\s?m(?=\d|\b)", r"\1 h \2 min ", text)
    text = re.sub(r"(?<![\w.,])(\d{1,3}) ?m(?:in)? ?(?=\d{1,2} ?s(?:ec)?\b)", r"\1 min ", text)
    text = _TWO_RATES.sub(lambda m: f" per {PER[m[1]]}", text)
    text = _PEOPLE.sub(r"\1 million", text)
    text = _PART.sub(_part, text)
    text = _RATED.sub(_quantity, text)
    text = _BARE_RATE.sub(lambda m: f"{UNITS[m[1].partition('/')[0]][1]} per {PER[m[1].partition('/')[2]]}", text)
    return _SCALED.sub(_thousands, text)


def _part(match: re.Match) -> str:
    """`3/4 cup`; `9/10 in maths` has no inches."""
    number, unit = match.groups()
    spaced = unit == "in" and match[0].endswith(" in") and not _AFTER_INCHES.match(match.string, match.end())
    goes_on = re.compile(r"\s\w").match(match.string, match.end())
    return match[0] if spaced and goes_on else f"{number} {UNITS[unit][' ' in number]}"


def _short(first: str, second: str) -> str:
    """The first year of a range stays a year."""
    return year_words(first) if len(first) == len(second) == 4 and first.isdigit() and second[0] in "12" else first


def _inches(text: str) -> str:
    """A quote after a figure means inches if no quote is open."""
    open_quote = False

    def read(match: re.Match) -> str:
        nonlocal open_quote
        if match[1] and not open_quote:
            return f"{match[1]} {'inch' if match[1] in ('1', '1/2') else 'inches'}"
        open_quote = not open_quote
        return match[0]

    return _MARKS.sub(read, text)


def _degrees(match: re.Match) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin", None: ""}[match[2]]
    return f"{cardinal(match[1])} {'degree' if match[1] == '1' else 'degrees'}{scale}{' ' if match[3] else ''}"


def _quantity(match: re.Match) -> str:
    amount, space, written, power, per, per_power, dot = match.groups()
    unit = written if written in UNITS else written.lower() if len(written) > 1 and not written.islower() else ""
    per = per if per in PER else (per or "").lower()
    if unit not in UNITS or (per and per not in PER) or (power and space == "-"):
        return match[0]
    if unit == "in" and space == "-" and match.string.startswith("-", match.end()):  # 2-in-1
        return match[0]
    if unit == "in" and not dot and space != "-" and not _AFTER_INCHES.match(match.string, match.end()):
        return match[0]
    if space == "-" and (len(unit) < 2 or dot and unit not in DOTTED):
        return match[0]
    one, many = UNITS[unit]
    name = one if amount == "1" or space == "-" else many
    name = {"²": f"square {name}", "³": f"cubic {name}", None: name}[power]
    rate = _rate(per) + {"²": " squared", "³": " cubed", None: ""}[per_power]
    stop = dot and (unit not in DOTTED or ends_sentence(match.string, match.end()))
    return f"{cardinal(amount)} {name}{rate}{'.' if stop else ''}"


def _thousands(match: re.Match) -> str:
    amount, letter = match.groups()
    if match[0] == "3M" and re.match(r" (?!people\b)\w{1,20}(?<!s)\b", match.string[match.end() :]):
        return "three M"  # the company: of 3M users there are millions
    if letter == "K" and "." not in amount and len(amount) == 1:  # 4K is a picture, 5K a run
        return f"{cardinal(amount)} K"
    scale = {"k": "thousand", "K": "thousand", "M": "million", "bn": "billion", "tn": "trillion"}[letter]
    return f"{cardinal(amount)} {scale}"


def spell_arithmetic(text: str) -> str:
    """`5*3`, `3x4`, `2**8`, `1e-5`, `5 - 3 = 2`, and the minus before a number."""
    text = re.sub(rf"{ALONE}(\d++(?:\.\d++)?)[eE]([-+]?\d{{1,3}})(?!\w)", r"\1 times 10^\2", text)
    text = re.sub(r"(?<=[\w)])\s?\*\*\s?(?=[\w(-])", "^", text)
    text = text.replace("SELECT *", "SELECT star")
    text = re.sub(r"(?<=[\w)])\s?[*∙⋅]\s?(?=[\w(])", " times ", text)
    text = re.sub(r"(?<=\d)\s?x\s?(?=\d)", " by ", text)
    text = re.sub(rf"{ALONE}(\d{{1,6}})/(?=[a-z]\b)", r"\1 over ", text)
    text = re.sub(r"(\^-?\d{1,4}|[²³]) - (?=\w)", r"\1 minus ", text)
    text = re.sub(r"(?<=[\w)]) - (?=\w{1,9}(?: [-+×÷/] \w{1,9}){0,9} = )", " minus ", text)
    return re.sub(r"(?:^|(?<=[\s(^=<>≤≥≈×÷*/+]))-(?=[$€£]?\.?\d)|(?<=\^)-(?=\w)", "minus ", text)


_EXACT = re.compile(rf"{ALONE}(?<!-)(?<!\b[A-Z] )({NUMBER}){_TO}({NUMBER})(?![\w-]|[.,]\d|\s?=)")


def spell_ranges(text: str) -> str:
    """`5-10`, `1914-18`."""
    text = re.sub(rf"{ALONE}(?<!-)(1[0-9]|20)(\d\d){_TO}(\d\d)(?![\w-]|[.,:]\d)", _years, text)
    text = _EXACT.sub(_exact_range, text)
    return re.sub(rf"{ALONE}(?<!-)(\d{{1,4}}){_TO}(\d{{1,4}})(?![\w-]|[.,/]\d)", _range, text)


def _years(match: re.Match) -> str:
    century, first, last = match.groups()
    return f"{year_words(century + first)} to {cardinal(last) if last[0] != '0' else digits_one_by_one(last)}"


def _exact_range(match: re.Match) -> str:
    """Of numbers with decimals or separated thousands; other figures may be codes."""
    exact = any(mark in match[0] for mark in ".,")
    return f"{cardinal(match[1])} to {cardinal(match[2])}" if exact else match[0]


def _range(match: re.Match) -> str:
    read = year_words if len(match[1]) == 4 else cardinal
    return f"{read(match[1])} to {read(match[2])}"
