"""French figures and names that are no numbers: addresses, telephones, dates, school years."""

import re
from collections.abc import Callable

from ditar.text.french_letters import spell_letters
from ditar.text.french_numbers import ALONE
from ditar.text.french_words import FILE_ENDINGS, IN_ADDRESSES, MONTHS, TOP_DOMAINS

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
_DATE = re.compile(rf"{ALONE}(0?[1-9]|[12]\d|3[01])([/.])(0?[1-9]|1[0-2])\2(\d{{4}})(?![\d/])")
_SHORT_DATE = re.compile(rf"{ALONE}(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/(\d\d)(?![\d/])")
_DAY_MONTH = re.compile(r"\b([Ll]e|[Dd]u|[Aa]u) (0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])(?![\d/])")
_SCHOOL_YEARS = re.compile(r"(?<![\w.,/-])((?:19|20)(\d\d))/((?:19|20)?(\d\d))(?![\w/]|[.,]\d)")
_HEXADECIMAL = re.compile(r"(?<![\w.,])0x([\dA-Fa-f]{2,16})(?!\w)")
_ISO_DATE = re.compile(rf"{ALONE}(\d{{4}})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\d-])")


def spell_addresses(text: str, say: Callable[..., str]) -> str:
    """URLs, e-mail addresses, and names of sites and files."""
    text = _ADDRESS.sub(lambda m: _address(m[0], say), text)
    return _NAME.sub(lambda m: _name(m, say), text) if _DOT_INSIDE.search(text) else text


def spell_codes(text: str, say: Callable[..., str]) -> str:
    """Telephones, dates, school years, and thousands: before other rules read their parts."""
    text = _FREEPHONE.sub(lambda m: _in_groups(m[1] + m[2], m[3], say), text)
    text = _PHONE.sub(lambda m: _phone(m, say), text)
    text = _ABROAD.sub(lambda m: _abroad(m, say), text)
    text = _DATE.sub(lambda m: _date(m[1], m[3], m[4]), text)
    text = _SHORT_DATE.sub(lambda m: _date(m[1], m[2], ("19" if m[3] >= "50" else "20") + m[3]), text)
    text = _DAY_MONTH.sub(lambda m: f"{m[1]} {_date(m[2], m[3])}", text)
    text = _SCHOOL_YEARS.sub(_school_years, text)
    text = _HEXADECIMAL.sub(lambda m: " ".join(["zéro X", *m[1].upper()]), text)
    text = _ISO_DATE.sub(lambda m: _date(m[3], m[2], m[1]), text)
    return _THOUSANDS.sub(lambda m: m[1] + m[3].replace(m[2], ""), text)


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
