"""French amounts: days and times, ranges, money, and what has a unit. Figures that are left are for the rules of
numbers."""

import re
from collections.abc import Callable

from ditar.text.french_numbers import ALONE, NUMBER, any_of, is_plural
from ditar.text.french_words import CURRENCIES, MONTHS, PER, PER_TIME, SCALES, SHORT_MONTHS, UNITS

_FIRST = re.compile(rf"{ALONE}1(?= (?:{'|'.join(MONTHS)})\b)")
_OF_LAW = re.compile(r"(?<=rticle )([A-Z])\. ?(\d{1,6})(?:-(\d{1,4}))?(?![\w-])")  # article L. 121-1
_SHORT_MONTH = re.compile(rf"(?<=\d )({'|'.join(SHORT_MONTHS)})\.(?= |$)|(?<=\d )({'|'.join(SHORT_MONTHS)})(?= \d)")
_SHOUTED = re.compile(r"(?<=\d)(?:H(?=[0-5]\d(?!\w)|(?!\w))|(?:ERS?|RES?|[EÈ]MES?|NDE?S?)(?!\w))")  # 20H30, LA 3ÈME
_HOURS = re.compile(rf"{ALONE}(?<!-)(\d{{1,2}}(?: ?h ?(?:[0-5]\d)?|:[0-5]\d)?) ?[-—] ?"
                    r"(?=\d{1,2}(?: ?h(?![^\W\d_])|:[0-5]\d))")  # fmt: skip
_AT = r"\d{1,2} ?h(?: ?[0-5]\d)?"
_OPEN = re.compile(rf"{ALONE}(?<!-)(?<!/){_AT}(?: ?[-—/] ?{_AT})+(?![\w/:])")  # 10h/12h, 10h-12h/14h-18h
_OUT_OF = re.compile(rf"{ALONE}(\d{{1,2}} ?(?:h|j|heures|jours))/(?=\d{{1,2}}(?!\w))")  # 24h/24, 7j/7
_ALL_OF = re.compile(rf"{ALONE}(?<!/)((\d{{1,2}}) ?[hj])/\2 ?[hj](?![\w/])")  # 24h/24h
_PER_TIME = re.compile(rf"({NUMBER} [^\W\d_]{{2,20}})/({any_of(PER_TIME)})(?!\w)")  # 3 fois/semaine
_CLOCK = re.compile(rf"{ALONE}([01]?\d|2[0-4])(?:\s?h(?:\s?([0-5]\d)(?!\d|\s?{NUMBER})(?:\s?(?:min|mn)\b)?)?"
                    r"|:([0-5]\d)(?::([0-5]\d))?)(?![\w/:])")  # fmt: skip
_EURO_CENTS = re.compile(rf"{ALONE}(\d{{1,4}}) € (\d\d)"
                         r"(?=\s*(?:[.;:!?)](?!\d)|, |$)| (?:de|pour|et|le|la|les|au|à|chez)\b)")  # fmt: skip
_INSIDE = re.compile(rf"{ALONE}(\d{{1,4}})(?:(€)(\d\d)|m(\d{{1,2}})| m (\d\d)"
                     r"(?=\s*(?:[.;:!?)]|, |$)| (?:de|du|pour|et|sur|en|à)\b))(?!\w|[.,]\d)")  # fmt: skip
_PRODUCT = re.compile(rf"{ALONE}{NUMBER}( ?[cm]?m)?(?: ?x ?{NUMBER}( ?[cm]m(?!\w))?){{1,3}}(?!\w)")
_BEFORE_AMOUNT = re.compile(rf"(?<!\w)([$£€¥])\s?({NUMBER})(?![\d.])(?!\s?[$£€¥])")
_RANGE = re.compile(rf"(?<![\w.,-])({NUMBER})\s?[-—]\s?(?={NUMBER}(?:{any_of(UNITS)})?(?![\w-]))")
# Not a difference, `5 kg - 3 kg = 2 kg`.
_RANGE_OF_UNITS = re.compile(rf"({ALONE}{NUMBER}\s?({any_of([*UNITS, *CURRENCIES])}))\s?[-—]\s?"
                             rf"(?={NUMBER}\s?\2(?!\w)(?!\s?=))")  # fmt: skip
_SIGNED = re.compile(r"(?<![\w.,)])([-+±]) ?(?=\d)")
_MONEY = re.compile(rf"{ALONE}({NUMBER})(?:\s?({any_of(SCALES)})(?:\s?d'|\s?)|\s?)"
                    rf"({any_of(CURRENCIES)})(?!\w)(?:/({any_of(PER)})(?!\w))?")  # fmt: skip
_QUANTITY = re.compile(rf"{ALONE}({NUMBER})\s?({any_of(UNITS)})"
                       rf"(?:/({any_of(PER)})(?:(?<=/hab|pers)\.)?)?(?![\w²³']|/\w)")  # fmt: skip


def spell_quantities(text: str, say: Callable[..., str]) -> str:
    """Days, times, ranges, amounts, and what has a unit."""
    text = _OF_LAW.sub(lambda m: f"{m[1]} {m[2]}" + (f" tiret {m[3]}" if m[3] else ""), text)
    text = _SHORT_MONTH.sub(lambda m: SHORT_MONTHS[m[1] or m[2]], text)
    text = _FIRST.sub("premier", text)
    text = _SHOUTED.sub(lambda m: m[0].lower(), text)
    if "/" in text:
        text = _ALL_OF.sub(r"\1 sur \2", text)
        text = _OPEN.sub(_opening, text)
    text = _HOURS.sub(r"\1 à ", text)
    text = _OUT_OF.sub(r"\1 sur ", text)
    if "/" in text:
        text = _PER_TIME.sub(lambda m: f"{m[1]} {PER[m[2]]}", text)
    text = _CLOCK.sub(lambda m: _clock(m, say), text)
    text = _EURO_CENTS.sub(r"\1,\2 €", text)
    text = _INSIDE.sub(_inside, text)
    text = _PRODUCT.sub(_product, text)
    text = _BEFORE_AMOUNT.sub(r"\2 \1", text)
    text = _RANGE.sub(r"\1 à ", text)
    text = _RANGE_OF_UNITS.sub(r"\1 à ", text)
    text = _SIGNED.sub(lambda m: {"-": "moins ", "+": "plus ", "±": "plus ou moins "}[m[1]], text)
    text = _MONEY.sub(lambda m: _money(m, say), text)
    return _QUANTITY.sub(lambda m: _quantity(m, say), text)


def _opening(match: re.Match) -> str:
    """`10h/12h` is from one to the other, `10h-12h/14h-18h` twice so; more of anything else are only named."""
    times, marks = re.findall(_AT, match[0]), re.findall("[-—/]", match[0])
    if "/" not in marks:
        return match[0]
    if len(times) == 4 and marks[0] == marks[2]:
        return f"{times[0]} à {times[1]}, {times[2]} à {times[3]}"
    return f"{times[0]} à {times[1]}" if len(times) == 2 else ", ".join(times)


def _clock(match: re.Match, say: Callable[..., str]) -> str:
    hour, minute, second = int(match[1]), match[2] or match[3], match[4]
    words = f"{say(str(hour), feminine=True)} heure{'s' * (hour > 1)}"
    if minute and (int(minute) or second):
        words += f" {say(str(int(minute)), feminine=True)}"
    return words + (f" et {say(str(int(second)), feminine=True)} seconde{'s' * (int(second) > 1)}" if second else "")


def _inside(match: re.Match) -> str:
    """`12€50`, `1m80`, with figures left for the rules of amounts and of numbers."""
    whole, euro, cents, *hundredths = match.groups()
    if euro:
        return f"{whole},{cents} €"
    return f"{whole} mètre{'s' * is_plural(whole)} {hundredths[0] or hundredths[1]}"


def _product(match: re.Match) -> str:
    """`3 x 4` is a product, `10 x 15 cm` is long and wide."""
    if match[0] == "4x4":
        return "4 4"
    return re.sub(" ?x ?", " sur " if match[1] or match[2] else " fois ", match[0])


def _of(number: str, noun: str) -> str:
    """A noun after a number: un million d'euros."""
    if "," in number or not int(number) or int(number) % 1_000_000:
        return noun
    return f"d'{noun}" if noun[0] in "aeiouéh" else f"de {noun}"


def _money(match: re.Match, say: Callable[..., str]) -> str:
    amount, scale, sign, per = match.groups()
    one, many, part, parts, feminine = CURRENCIES[sign]
    whole, _, small = amount.partition(",")
    rate = f" {PER[per]}" if per else ""
    if scale:
        scaled = SCALES[scale][is_plural(amount)]
        return f"{say(amount)} {scaled} {many if scale == 'k' else _of('1000000', many)}{rate}"
    if len(small) > 2 or (small and not part):
        return f"{say(amount)} {_of(amount, many) if is_plural(amount) else one}{rate}"
    hundredths = int(small.ljust(2, "0")) if small else 0
    whole_words = f"{say(str(int(whole)), feminine=feminine)} {_of(whole, many) if is_plural(whole) else one}"
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
    return f"{say(number, feminine=feminine)} {_of(number, many) if is_plural(number) else one}{rate}"
