"""Words in the form in which they are compared, however a text or a recogniser writes them: lower case, digits to
words, abbreviations of titles written out, hyphens to spaces, other punctuation dropped, apostrophes inside words
kept."""

import re
import unicodedata

_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}
_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at "}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUMBER = re.compile(r"(\d+(?:,\d{3})*)(\.\d+)?(st|nd|rd|th)?")


def plain_words(text: str) -> str:
    """Words in comparable form: `Mr. Li's 21 well-known cats!` -> `mister li's twenty one well known cats`."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("`", "'")
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    text = _NUMBER.sub(_spell_number, text)
    text = re.sub(r"(?<=\w)\.(?=\w\.)|(?<=\.\w)\.", "", text)  # u.s. -> us: one word, as recognisers write it
    text = re.sub(r"[^\w']|_", " ", text)
    words = (word.strip("'") for word in text.split())
    return " ".join(_TITLES.get(word, word) for word in words if word)


def bare_words(text: str) -> str:
    """Words of any language without marks, figures as they are: `L'eau, 5 €` -> `l eau 5`."""
    return " ".join(re.sub(r"[^\w]|_", " ", unicodedata.normalize("NFC", text).lower()).split())


def _spell_number(match: re.Match) -> str:
    whole, fraction, ordinal = match.group(1).replace(",", ""), match.group(2), match.group(3)
    try:
        from num2words import num2words
    except ModuleNotFoundError:  # digit by digit: both sides of a comparison are spelt alike
        num2words = None
    if len(whole) > 15 or num2words is None:
        spoken = " ".join(_DIGITS[int(digit)] for digit in whole)
    else:
        year = match.group(1).isdigit() and not fraction and not ordinal and _is_year(int(whole))
        spoken = num2words(int(whole), to="year" if year else "ordinal" if ordinal and not fraction else "cardinal")
        spoken = spoken.replace(" and ", " ")  # two hundred fifty, as voices and recogniser models have it
    if fraction:
        spoken += " point " + " ".join(_DIGITS[int(digit)] for digit in fraction[1:])
    return f" {spoken.replace(',', ' ')} "


def _is_year(number: int) -> bool:
    """Numbers that are read in pairs of digits: nineteen eighty four."""
    return 1100 <= number < 2000 or 2010 <= number < 2100
