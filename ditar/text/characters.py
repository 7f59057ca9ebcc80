"""One spelling for characters that mean the same: quotes, dashes, spaces, and the compatibility forms of Unicode.

NFKC alone loses information in what it decomposes: 10⁻³ would be 10-3, 1½ would be 11/2, ㎡ would be m2, and Ⅳ a word.
So superscripts, fractions, squares and Roman numeral signs are handled first.
"""

import re
import unicodedata

_SAME = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'", "ʼ": "'", "＇": "'", "ʻ": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"', "‹": '"', "›": '"', "「": '"', "」": '"',
        "–": "—", "―": "—", "‐": "-", "‑": "-", "‒": "-", "−": "-", "⁃": "-", "－": "-",
        "…": "...", "。": ".", "、": ",", "，": ",", "！": "!", "？": "?", "：": ":", "；": ";", "،": ",", "؛": ";",
        "؟": "?",
        "।": ".", "۔": ".",
        "።": ".", "፣": ",", "၊": ",", "။": ".", "։": ".",
        "[": "(", "]": ")", "{": "(", "}": ")", "（": "(", "）": ")",
        "•": ",", "·": " ", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u3000": " ", "\t": " ",
        "№": "No. ", "℡": "Tel. ", "⁄": "/", "∕": "/", "∗": "*", "∶": ":", "μ": "µ", "Ω": "Ω",
        "¨": " ", "¯": " ", "¸": " ",
    }
)  # fmt: skip
# Invisible marks: joiners, direction marks, soft hyphens, variation selectors.
# An underscore is part of these: URLs, e-mail addresses, paths after a domain.
_ADDRESS = re.compile(r"\W*+(?:https?://|www\.|[\w.+-]++@\w|[\w-]++(?:\.[\w-]++)+/)", re.I)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\ufe00-\ufe0f]")

_SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ"
_POWER = re.compile(rf"(?<=[\w)\]])[{_SUPERSCRIPT}]+")
_FOOTNOTE = re.compile(r"(?<=[^\W\d_]{3}[a-z])[⁰¹²³⁴⁵⁶⁷⁸⁹]+(?=[\s.,;:!?)]|$)")
_MINUS = re.compile(r"(?:^|(?<=[^\W\d_] )|(?<=[(=])|(?<=[=:] ))–(?=\d)")  # an en dash before a number
_FRACTION = "[\u00bc-\u00be\u2150-\u215e\u2189]"
_ROMAN_SIGNS = range(0x2160, 0x2180)
# Kinds of compatibility forms (Unicode's names for them) that equal the plain character.
_PLAIN = set("<font> <compat> <wide> <narrow> <small> <sub> <vertical> <initial> <medial> <final> <isolated>".split())
_THIN_SPACES = "\u00a0\u202f\u2009"
_THIN_THOUSANDS = re.compile(rf"(?<![\d+.,])[1-9]\d{{0,2}}(?:[{_THIN_SPACES}]\d{{3}}(?!\d))+")


def one_spelling(text: str, english: bool) -> tuple[str, list[str]]:
    """`text` with one character for each meaning, and what was left out: numbers of footnotes, as in `word¹`.

    In English powers become `^` and figures, except ² and ³ alone; thousands separated by a narrow space get commas.
    """
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    if "_" in text:
        text = re.sub(r"\S++", lambda m: m[0] if _ADDRESS.match(m[0]) else m[0].replace("_", " "), text)
    if text.isascii():
        return text.translate(_SAME), []
    left_out: list[str] = []
    if english:
        left_out = _FOOTNOTE.findall(text)
        text = _FOOTNOTE.sub("", text)
        text = _POWER.sub(_power, text)
        text = _THIN_THOUSANDS.sub(lambda m: re.sub(f"[{_THIN_SPACES}]", ",", m[0]), text)
        text = re.sub(r"\s?−\s?(?=[\d.$€£a-z])", lambda m: " minus " if m.start() else "minus ", text)
        text = _MINUS.sub("minus ", text)
        text = text.replace("ß", "ss").replace("ẞ", "SS")  # espeak says Strase
        text = re.sub(r"(?<=\d)\s?º(?=\s?[CF]?\b)", "°", text)
    text = re.sub(rf"(?<=\w)(?={_FRACTION})|(?<={_FRACTION})(?=\w)", " ", text)
    text = text.translate(_SAME)
    text = "".join(c if c.isascii() else _plain(c, english) for c in text)
    return unicodedata.normalize("NFC", text.translate(_SAME)), left_out


def _power(match: re.Match) -> str:
    raised = match[0]
    return raised if raised in ("²", "³") else "^" + unicodedata.normalize("NFKC", raised).replace("−", "-")


def _plain(c: str, english: bool) -> str:
    """What a character stands for, or the character itself."""
    kind, _, _ = unicodedata.decomposition(c).partition(" ")
    plain = unicodedata.normalize("NFKC", c)
    if ord(c) in _ROMAN_SIGNS:
        return c if english else plain
    if kind == "<fraction>":
        return c if not english and c in "½¼¾" else plain.replace("⁄", "/")
    if kind == "<square>":  # ㎢: the last figure is a power
        return re.sub("[23]$", lambda m: "²" if m[0] == "2" else "³", plain)
    if kind == "<circle>" or unicodedata.category(c) == "No" and not kind.startswith("<"):
        number = unicodedata.numeric(c, None)
        return f" {int(number)} " if number is not None and number == int(number) else plain
    if kind in ("<compat>", "<super>") and (c in "¹²³™℠ªº" or unicodedata.name(c).startswith("HANGUL")):
        return c
    if kind == "<compat>" and plain[0] == " ":  # an accent on its own
        return " "
    if kind in _PLAIN or (kind == "<super>" and english):
        return f" {plain} " if plain[:-1].strip("(").isdigit() else plain  # ⒈ and ⑴
    return c
