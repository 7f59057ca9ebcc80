"""English spelling-out: what is written with digits, symbols, capitals or abbreviations becomes words.

The rules run from the most specific pattern (an address, a date) to the least (a lone digit), because each one
eats what the later ones would misread.
"""

import re

from ditar.text.english_numbers import (
    cardinal,
    digits_one_by_one,
    ordinal,
    spell_codes,
    spell_dates,
    spell_letters,
    spell_money,
    spell_numbers,
    spell_quantities,
    spell_times,
)
from ditar.text.english_words import (
    ABBREVIATIONS,
    IN_ADDRESSES,
    KINGS,
    NO_ARTICLE_AFTER,
    NO_ARTICLE_BEFORE,
    READ_AS,
    ROMAN_BEFORE,
    SPELLED,
    SPOKEN_SYMBOLS,
    WORD_ACRONYMS,
)

_SHORT_WORDS = set(
    """am an and any are as ask at ate bad be big but by can car cat day did do dog eat end far few for get go got
    had has hat he her hey hi him his hot how if in is it its job let man may me men my new no nor not now of off
    oh old on one or our out own pay put ran red run sad said saw say see set she sit six so ten the to too top
    try two up us use was way we why win yes yet you all boy god sun war who""".split()
)

def spell_english(text: str, language: str = "en-us") -> str:
    """`text` with every number, date, time, amount, address, abbreviation, symbol and acronym as words."""
    text = _addresses(text)
    text = _roman(text)
    text = _letter_a(text)
    text = _capitals(text)
    text = spell_dates(text, month_first=language in {"en", "en-us", "en-us-nyc"})
    text = spell_times(text)
    text = _abbreviations(text)
    text = re.sub(r"(?:^|(?<=[\s(^=<>≤≥≈×÷*/+]))-(?=[$€£]?\.?\d)|(?<=\^)-(?=\w)", "minus ", text)
    text = spell_money(text)
    text = spell_codes(text)
    text = spell_quantities(text)
    text = spell_numbers(text)
    return _symbols(text)


def _addresses(text: str) -> str:
    """URLs and e-mail addresses: at, dot, slash; the scheme and a final slash are not read."""

    def read(match: re.Match) -> str:
        address = re.sub(r"^(?:https?|ftp)://", "", match.group(0), flags=re.I)
        tail = re.search(r"[.,!?;:)]*$", address).group(0)
        address = address[: len(address) - len(tail)].rstrip("/")
        words = re.sub(r"\bwww\b", "W W W", address, flags=re.I)
        for symbol, word in IN_ADDRESSES.items():
            words = words.replace(symbol, f" {word} ")
        words = re.sub(
            r"\d+",
            lambda m: f" {digits_one_by_one(m.group(0)) if len(m.group(0)) > 2 else cardinal(m.group(0))} ",
            words,
        )
        return re.sub(r" +", " ", words).strip() + tail

    address = (
        r"(?:https?://|ftp://|www\.)[^\s\"<>()]+"
        r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
        r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|uk|de|fr|info)(?:/[^\s\"<>()]*)?(?![\w-])"
    )
    return re.sub(address, read, text, flags=re.I)


def _letter_a(text: str) -> str:
    """A capital A before a word is the article, as in titles and at the start of verses, unless its neighbours rule
    that out. Where no word follows, espeak reads the letter by itself."""
    letter = spell_letters("A")
    text = re.sub(rf"\b((?i:{NO_ARTICLE_AFTER})\s)A(?=\s)", rf"\1{letter}", text)
    text = re.sub(r"\b(in\s)A(?=\s(?:[Mm]ajor|[Mm]inor|flat|sharp)\b)", rf"\1{letter}", text)
    return re.sub(rf"\bA(?=\s(?:{NO_ARTICLE_BEFORE})\b(?![-/])|\s[&+=]|/)", letter, text)


def _capitals(text: str) -> str:
    """Shouting becomes lower case, acronyms become letters or the word that people say."""
    words = re.findall(r"[A-Za-z]{2,}", text)
    shouted = [w for w in words if w.isupper()]
    shouting = len(shouted) >= 2 and len(shouted) > len(words) / 2

    def read(match: re.Match) -> str:
        word, plural = match.group(1), match.group(2) or ""
        if word in READ_AS:
            return READ_AS[word] + plural
        if word in WORD_ACRONYMS:
            return word.capitalize() + plural
        if word in SPELLED and not (shouting and word.lower() in _SHORT_WORDS):
            return spell_letters(word) + plural.replace("'", "").replace("s", "'s")
        pronounceable = re.search("[AEIOUY]", word) and (len(word) > 4 or not re.search("[^AEIOUY]{3}", word))
        if shouting or (len(word) >= 4 and pronounceable):
            return word.lower() + plural.lower()
        if word.lower() in _SHORT_WORDS:
            return word.lower() + plural
        return spell_letters(word) + plural.replace("'", "").replace("s", "'s")

    text = re.sub(
        r"\b((?:[A-Z]\.){2,})(?=(\s|$)?)", lambda m: spell_letters(m.group(1).replace(".", "")) + _stop(m), text
    )
    # Initials of a name, where they cannot end a sentence.
    initials = r"(?:^|(?<=[.,;:!?] )|(?<=[A-Z]\. ))([A-Z])\.(?=\s+[A-Z])"
    text = re.sub(initials, lambda m: spell_letters(m.group(1)), text)
    text = re.sub(r"\b[A-Z]+&[A-Z]+\b", lambda m: " and ".join(map(spell_letters, m.group(0).split("&"))), text)
    return re.sub(r"\b([A-Z]{2,})('?s)?\b", read, text)


def _stop(match: re.Match) -> str:
    return "." if match.end() == len(match.string.rstrip()) else ""


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
    return re.sub(rf"\b({KINGS}) ([IVX]{{2,}}|V)\b", lambda m: f"{m.group(1)} the {ordinal(value(m.group(2)))}", text)


def _symbols(text: str) -> str:
    text = re.sub(r"\s&\s", " and ", text)
    text = text.replace("and/or", "and or")
    text = re.sub(r"(?<=[A-Za-z])/(?=[A-Za-z])", " or ", text)
    text = re.sub(r"--+", " — ", text)
    for symbol, word in SPOKEN_SYMBOLS.items():
        text = text.replace(symbol, f" {word} ")
    return re.sub(r"(?<=\s)-+(?=\s)|^-+\s", "—", text)
