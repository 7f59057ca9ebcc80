"""French text to words that a phonemiser reads aloud: what espeak reads otherwise than people do (amounts, times,
dates, ordinals, kings, abbreviations, decimals). Numbers are num2words's; `fr-be` and `fr-ch` count as there
(septante).

Grammatical gender is known for units and some common nouns only: `21 pages` has une, `21 baleines` has not.
"""

import functools
import re
from collections.abc import Callable, Iterable

from ditar.text.french_letters import spell_capitals, spell_letters
from ditar.text.french_words import (
    ANYWHERE,
    BEFORE_CAPITALS,
    BEFORE_FIGURES,
    COUNTED,
    CURRENCIES,
    FEMININE,
    FILE_ENDINGS,
    IN_ADDRESSES,
    MONTHS,
    PER,
    PER_TIME,
    RULERS,
    SCALES,
    SHORT_MONTHS,
    SYMBOLS,
    TITLES,
    TOP_DOMAINS,
    UNITS,
    WEEKDAYS,
)


def _any_of(written: Iterable[str]) -> str:
    """A pattern for any of some strings, the longest first."""
    return "|".join(map(re.escape, sorted(written, key=len, reverse=True)))


_COUNTS_AS = {"fr-be": "fr_BE", "fr-ch": "fr_CH"}
_NUMBER = r"\d++(?:,\d++)?"
_ALONE = r"(?<![\w.,])"
_FIGURE = re.compile(r"\d")
_CAPITAL = "[A-ZÀÂÇÈÉÊËÎÏÔÙÛÜŒ]"
_THOUSANDS = re.compile(r"(?<![\d.,])([1-9]\d{0,2})([ .'])(\d{3}(?:\2\d{3}){0,5})(?!\d)")  # Swiss: 1'000
_ADDRESS = re.compile(r"(?<![\w.+@/-])(?:(?:https?://|www\.)[^\s\"<>()]++|[\w.+-]++@[\w-]++(?:\.[\w-]++)++)", re.I)
# A site, or a file, whose name stands alone: other words with a dot and no space between them are two sentences.
_DOT_INSIDE = re.compile(r"\.[A-Za-z\d]")
_NAME = re.compile(r"(?<![\w.@/-])([A-Za-z\d-]++(?:\.[A-Za-z\d-]++)++)(/[^\s\"<>()]*+)?(?![\w@])")
_SITE = re.compile(rf"(?=[^.]*[A-Za-z]).*\.(?:{TOP_DOMAINS})")
_FILE = re.compile(rf"(?=[^.]*[A-Za-z])(.*\.)({FILE_ENDINGS})", re.I)
_MISREAD_TOP = re.compile(r"(?<=\.)(?:ai|be|eu|io)(?=/|$)")  # espeak makes words of them
_PHONE = re.compile(r"(?<![\d.,])((?:\+|00 ?)33[ .]?(?:\(0\) ?)?[1-9]|0[1-9])((?:[ .-]?\d\d){4})(?!\d|,\d)")
_FREEPHONE = re.compile(r"(?<![\d.,])(0) ?(8\d\d)((?: ?\d{3}){2}|(?: \d\d){3})(?!\d|,\d)")
_ABROAD = re.compile(r"(?<!\w)\+(\d{1,3})((?:[ .-]\d{1,4}){3,6})(?!\w|,\d)")
_DATE = re.compile(rf"{_ALONE}(0?[1-9]|[12]\d|3[01])([/.])(0?[1-9]|1[0-2])\2(\d{{4}})(?![\d/])")
_SHORT_DATE = re.compile(rf"{_ALONE}(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/(\d\d)(?![\d/])")
_DAY_MONTH = re.compile(r"\b([Ll]e|[Dd]u|[Aa]u) (0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])(?![\d/])")
_ISO_DATE = re.compile(rf"{_ALONE}(\d{{4}})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\d-])")
_NUMERO = re.compile(r"\b(?:[Nn][°o]s? ?|No\. +)(?=\d)")  # one_spelling writes № as No.
_FIRST = re.compile(rf"{_ALONE}1(?= (?:{'|'.join(MONTHS)})\b)")
_OF_LAW = re.compile(r"(?<=rticle )([A-Z])\. ?(\d{1,6})(?:-(\d{1,4}))?(?![\w-])")  # article L. 121-1
_SHORT_MONTH = re.compile(rf"(?<=\d )({'|'.join(SHORT_MONTHS)})\.(?= |$)|(?<=\d )({'|'.join(SHORT_MONTHS)})(?= \d)")
_SHOUTED = re.compile(r"(?<=\d)(?:H(?=[0-5]\d(?!\w)|(?!\w))|(?:ERS?|RES?|[EÈ]MES?|NDE?S?)(?!\w))")  # 20H30, LA 3ÈME
_HOURS = re.compile(rf"{_ALONE}(?<!-)(\d{{1,2}}(?: ?h ?(?:[0-5]\d)?|:[0-5]\d)?) ?[-—] ?"
                    r"(?=\d{1,2}(?: ?h(?![^\W\d_])|:[0-5]\d))")  # fmt: skip
_OUT_OF = re.compile(rf"{_ALONE}(\d{{1,2}} ?(?:h|j|heures|jours))/(?=\d{{1,2}}(?!\w))")  # 24h/24, 7j/7
_PER_TIME = re.compile(rf"({_NUMBER} [^\W\d_]{{2,20}})/({_any_of(PER_TIME)})(?!\w)")  # 3 fois/semaine
_CLOCK = re.compile(rf"{_ALONE}([01]?\d|2[0-4])(?:\s?h(?:\s?([0-5]\d)(?!\d|\s?{_NUMBER})(?:\s?(?:min|mn)\b)?)?"
                    r"|:([0-5]\d)(?::([0-5]\d))?)(?![\w/:])")  # fmt: skip
_BEFORE_AMOUNT = re.compile(rf"(?<!\w)([$£€¥])\s?({_NUMBER})(?![\d.])(?!\s?[$£€¥])")
_MONEY = re.compile(rf"{_ALONE}({_NUMBER})(?:\s?({_any_of(SCALES)})(?:\s?d'|\s?)|\s?)"
                    rf"({_any_of(CURRENCIES)})(?!\w)(?:/({_any_of(PER)})(?!\w))?")  # fmt: skip
_QUANTITY = re.compile(rf"{_ALONE}({_NUMBER})\s?({_any_of(UNITS)})"
                       rf"(?:/({_any_of(PER)})(?:(?<=/hab|pers)\.)?)?(?![\w²³']|/\w)")  # fmt: skip
_ORDINAL = re.compile(r"(?<![\w.,])(?:(\d{1,6}|[IVX]|[IVXLC]{2,})\s?(ers?|res?|[eè]res?|[eè]mes?|i[eè]mes?|e|es)"
                      r"|(?:2|II)(n?des?|nds?))(?!\w|')")  # fmt: skip
_ROMAN = re.compile(r"M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_KING = re.compile(rf"\b((?i:{COUNTED})|{RULERS}) ([IVX]{{1,6}})(?![\w'-])")
_NAMED = re.compile(r"(?<=\w )((?:I{2,3}|IV|VI{1,3}|IX|X{1,3}(?:I{1,3}|I?V|VI{1,3}|IX)))(?![\w'-])")
_YEAR = re.compile(r"(?<![\w'-])M[MDCLXVI]{3,12}(?![\w'-])")
_TITLE = re.compile(rf"(?<![\w'-])({_any_of(TITLES)})[ -](?={_CAPITAL}|l[ea] |l')")
_ABBREVIATION = re.compile(rf"(?<![\w-])({_any_of(ANYWHERE)})(?![\w-])")
_ENDS = re.compile(rf"\s*$|\s+[\"(]?{_CAPITAL}(?!\. ?\d)")
_BEFORE_FIGURE = re.compile(rf"(?<![\w-])({_any_of(BEFORE_FIGURES)}) ?(?=\d)")
_BEFORE_CAPITAL = re.compile(rf"(?<![\w-])({_any_of(BEFORE_CAPITALS)}) (?={_CAPITAL})")
_RANGE = re.compile(rf"(?<![\w.,-])({_NUMBER})\s?[-—]\s?(?={_NUMBER}(?:{_any_of(UNITS)})?(?![\w-]))")
# Not a difference, `5 kg - 3 kg = 2 kg`.
_RANGE_OF_UNITS = re.compile(rf"({_ALONE}{_NUMBER}\s?({_any_of([*UNITS, *CURRENCIES])}))\s?[-—]\s?"
                             rf"(?={_NUMBER}\s?\2(?!\w)(?!\s?=))")  # fmt: skip
_RANGE_OF_DAYS = re.compile(rf"\b({'|'.join(MONTHS)}|{WEEKDAYS})[-—](?=(?:{'|'.join(MONTHS)}|{WEEKDAYS})\b)")
_INSIDE = re.compile(rf"{_ALONE}(\d{{1,4}})(?:(€)(\d\d)|m(\d{{1,2}})| m (\d\d)"
                     r"(?=\s*(?:[.;:!?)]|, |$)| (?:de|du|pour|et|sur|en|à)\b))(?!\w|[.,]\d)")  # fmt: skip
_EURO_CENTS = re.compile(rf"{_ALONE}(\d{{1,4}}) € (\d\d)"
                         r"(?=\s*(?:[.;:!?)](?!\d)|, |$)| (?:de|pour|et|le|la|les|au|à|chez)\b)")  # fmt: skip
_SCHOOL_YEARS = re.compile(r"(?<![\w.,/-])((?:19|20)(\d\d))/((?:19|20)?(\d\d))(?![\w/]|[.,]\d)")
_HEXADECIMAL = re.compile(r"(?<![\w.,])0x([\dA-Fa-f]{2,16})(?!\w)")
_PRODUCT = re.compile(rf"{_ALONE}{_NUMBER}( ?[cm]?m)?(?: ?x ?{_NUMBER}( ?[cm]m(?!\w))?){{1,3}}(?!\w)")
_SIGNED = re.compile(r"(?<![\w.,)])([-+±]) ?(?=\d)")
_FRACTION = re.compile(r"(?<![\w.,/])(\d{1,4}(?:,\d{1,2})?)/(\d{1,4})(?![\w/])")
# Of a number over another: it is a mark after the first and before the last, and a part of a whole before the second.
_MARKED = re.compile(r"(?:\b(?:not(?:e|es|é|ée|és|ées|er)|scores?|avis)\b[^.,;!?]{0,20})$", re.I)
_PART_OF = re.compile(r"e? (?:de|des|du|d')\b")
_STARS = re.compile(" (?:étoiles?|points?)\\b")
_BOTH_GENDERS = ("(e)", ".e.s", "-e-s", " e s")  # the last with its middle dots, étudiant·e·s, as spaces
_BOTH = re.compile(rf"(?<![\w'-])([^\W\d_]{{2,40}})({_any_of(_BOTH_GENDERS)})(s?)(?!\w)")
_PARTS = {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")}


def spell_french(text: str, language: str = "fr-fr") -> str:
    """`text` with every number, date, time, amount, unit, abbreviation, symbol and acronym as words."""
    say = functools.partial(cardinal, language=language)
    text = text.translate(_RAISED)
    text = _ADDRESS.sub(lambda m: _address(m[0], say), text)
    if _DOT_INSIDE.search(text):
        text = _NAME.sub(lambda m: _name(m, say), text)
    text = text.replace("_", " ")
    if any(ending in text for ending in _BOTH_GENDERS):
        text = _BOTH.sub(_both, text)
    figures = _FIGURE.search(text) is not None
    if figures:
        text = _spell_codes(text, say)
    if "°" in text:
        text = re.sub(r"\b[Nn]°s?(?!\w)", "numéro", text)
    text = re.sub(r"\bM\. (?=et M)", "monsieur ", text)
    text = _BEFORE_CAPITAL.sub(lambda m: BEFORE_CAPITALS[m[1]] + " ", _abbreviations(text))
    text = _TITLE.sub(lambda m: TITLES[m[1]] + " ", text)
    text = _RANGE_OF_DAYS.sub(r"\1 à ", text)
    if figures:
        text = _spell_quantities(text, say)
    text = _ORDINAL.sub(lambda m: _ordinal(m, language), text)
    text = _KING.sub(lambda m: f"{m[1]} {_roman_words(m[2], say)}", text)
    text = _NAMED.sub(lambda m: _roman_words(m[0], say), text)
    text = _YEAR.sub(lambda m: _roman_words(m[0], say), text)
    text = spell_capitals(text)
    if figures:
        text = re.sub(r"(?<=\d) (½|¼|¾)(?!\w)", lambda m: f" et {SYMBOLS[m[1]].removeprefix('un ')}", text)
        text = _FRACTION.sub(lambda m: _fraction(m, say, language), text)
        text = re.sub(r"(?<=\d)\.(?=\d)", " point ", text)
        text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", text)  # A4, 3D
        text = re.sub(rf"({_NUMBER})(?: ([^\W\d]\w*))?", lambda m: _counted(m, say), text)
    return text.translate(_SPOKEN)


_RAISED = str.maketrans({"ᵉ": "e", "ʳ": "r", "ᵈ": "d", "ˢ": "s", "ᵒ": "°", "º": "°"})
_SPOKEN = str.maketrans({symbol: f" {words} " for symbol, words in SYMBOLS.items()})


def _spell_codes(text: str, say: Callable[..., str]) -> str:
    """Telephones, dates, thousands, and figures after an abbreviation."""
    text = _FREEPHONE.sub(lambda m: _in_groups(m[1] + m[2], m[3], say), text)
    text = _PHONE.sub(lambda m: _phone(m, say), text)
    text = _ABROAD.sub(lambda m: _abroad(m, say), text)
    text = _DATE.sub(lambda m: _date(m[1], m[3], m[4]), text)
    text = _SHORT_DATE.sub(lambda m: _date(m[1], m[2], ("19" if m[3] >= "50" else "20") + m[3]), text)
    text = _DAY_MONTH.sub(lambda m: f"{m[1]} {_date(m[2], m[3])}", text)
    text = _SCHOOL_YEARS.sub(_school_years, text)
    text = _HEXADECIMAL.sub(lambda m: " ".join(["zéro X", *m[1].upper()]), text)
    text = _ISO_DATE.sub(lambda m: _date(m[3], m[2], m[1]), text)
    text = _THOUSANDS.sub(lambda m: m[1] + m[3].replace(m[2], ""), text)
    text = _NUMERO.sub("numéro ", text)
    return _BEFORE_FIGURE.sub(lambda m: BEFORE_FIGURES[m[1]] + " ", text)


def _spell_quantities(text: str, say: Callable[..., str]) -> str:
    """Days, times, ranges, amounts, and what has a unit."""
    text = _OF_LAW.sub(lambda m: f"{m[1]} {m[2]}" + (f" tiret {m[3]}" if m[3] else ""), text)
    text = _SHORT_MONTH.sub(lambda m: SHORT_MONTHS[m[1] or m[2]], text)
    text = _FIRST.sub("premier", text)
    text = _SHOUTED.sub(lambda m: m[0].lower(), text)
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
        ends = match[1].endswith(".") and _ENDS.match(match.string, match.end())
        return ANYWHERE[match[1]] + ("." if ends else "")

    return _ABBREVIATION.sub(replace, text)


def _address(address: str, say: Callable[..., str]) -> str:
    bare = address.rstrip(".,!?;:")
    words = re.sub(r"^https?://", "", bare.rstrip("/"), flags=re.I)
    words = re.sub(r"\bwww\b", "W W W", words, flags=re.I)
    words = _MISREAD_TOP.sub(lambda m: spell_letters(m[0].upper()), words)
    words = "".join(f" {IN_ADDRESSES[c]} " if c in IN_ADDRESSES else c for c in words)
    words = re.sub(r"\d+", lambda m: f" {say(m[0])} ", words)
    return re.sub(" +", " ", words).strip() + address[len(bare) :]


def _name(match: re.Match, say: Callable[..., str]) -> str:
    """Of a site, or of a file, whose ending is spelt; other words with a dot between them stay."""
    if _SITE.fullmatch(match[1]):
        return _address(match[0], say)
    file = _FILE.fullmatch(match[1])
    return _address(file[1] + file[2].upper(), say) if file and not match[2] else match[0]


def _both(match: re.Match) -> str:
    """`étudiant(e)s`, `étudiant.e.s`: étudiants et étudiantes."""
    word, ending, plural = match.groups()
    feminine = f"{word[:-2]}ère" if word.endswith("er") else f"{word}e"
    if ending == "(e)" and not plural:
        return f"{word} ou {feminine}"
    return f"{word}{'' if word[-1] in 'sx' else 's'} et {feminine}s"


def _school_years(match: re.Match) -> str:
    """`2023/2024`, `2022/23`: one after the other, without a word between them."""
    follows = (int(match[2]) + 1) % 100 == int(match[4]) and int(match[3].rjust(4, "9")) > int(match[1])
    return f"{match[1]} {match[3]}" if follows else match[0]


def _phone(match: re.Match, say: Callable[..., str]) -> str:
    country, first = re.fullmatch(r"((?:\+|00 ?)33)?[ .]*(?:\(0\) ?)?(\d+)", match[1]).groups()
    pairs = _in_groups(first, match[2], say)
    if not country:
        return pairs
    return f"{'plus' if country[0] == '+' else 'zéro zéro'} trente-trois, {pairs}"


def _abroad(match: re.Match, say: Callable[..., str]) -> str:
    groups = re.findall(r"\d+", match[2])
    thousands = all(len(group) == 3 for group in groups)
    return match[0] if thousands else f"plus {_in_groups(match[1], match[2], say)}"


def _in_groups(first: str, others: str, say: Callable[..., str]) -> str:
    """The figures as they are grouped; without spaces in threes, eight of them in twos."""
    size = 2 if len(others) == 8 else 3
    groups = re.findall(rf"\d{{{size}}}" if others.isdecimal() else r"\d+", others)
    return ", ".join(map(say, (first, *groups)))


def _date(day: str, month: str, year: str = "") -> str:
    """With figures left for the rules of numbers."""
    return f"{'premier' if int(day) == 1 else int(day)} {MONTHS[int(month) - 1]} {year}".rstrip()


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
    return f"{whole} mètre{'s' * _many(whole)} {hundredths[0] or hundredths[1]}"


def _product(match: re.Match) -> str:
    """`3 x 4` is a product, `10 x 15 cm` is long and wide."""
    if match[0] == "4x4":
        return "4 4"
    return re.sub(" ?x ?", " sur " if match[1] or match[2] else " fois ", match[0])


def _many(number: str) -> bool:
    """French has the plural from two on."""
    return int(number.partition(",")[0]) >= 2


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
        scaled = SCALES[scale][_many(amount)]
        return f"{say(amount)} {scaled} {many if scale == 'k' else _of('1000000', many)}{rate}"
    if len(small) > 2 or (small and not part):
        return f"{say(amount)} {_of(amount, many) if _many(amount) else one}{rate}"
    hundredths = int(small.ljust(2, "0")) if small else 0
    whole_words = f"{say(str(int(whole)), feminine=feminine)} {_of(whole, many) if _many(whole) else one}"
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
    return f"{say(number, feminine=feminine)} {_of(number, many) if _many(number) else one}{rate}"


def _ordinal(match: re.Match, language: str) -> str:
    if match[3]:
        return ("seconde" if "e" in match[3] else "second") + "s" * match[3].endswith("s")
    number = int(match[1]) if match[1].isdecimal() else _roman(match[1])
    ending = match[2]
    plural = "s" if ending.endswith("s") else ""
    if not number:
        return match[0]
    if number == 1:
        return ("premier" if ending.rstrip("s") == "er" else "première") + plural
    return _words(number, "ordinal", language) + plural


def _fraction(match: re.Match, say: Callable[..., str], language: str) -> str:
    top, bottom = int(match[1].partition(",")[0]), int(match[2])
    before, after = match.string[max(0, match.start() - 40) : match.start()], match.end()
    mark = "," in match[1] or _MARKED.search(before) or _STARS.match(match.string, after)
    mark = mark or bottom in (10, 100) and top > 1 and not _PART_OF.match(match.string, after)
    if mark or top >= bottom or bottom > 10 and bottom not in (100, 1000):
        return f"{say(match[1])} sur {say(match[2])}"
    named = _words(bottom, "ordinal", language)
    one, many = _PARTS.get(bottom, (named, f"{named}s"))
    return f"{say(match[1])} {one if top == 1 else many}"


def _counted(match: re.Match, say: Callable[..., str]) -> str:
    """A number, and the noun after it."""
    number, noun = match.groups()
    return say(number, feminine=noun in FEMININE) + (f" {noun}" if noun else "")
