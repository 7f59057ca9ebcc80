"""French capitals: acronyms that are spelt or said as a word, words in capitals, shouting, initials."""

import re
import unicodedata

from ditar.text.english_letters import is_shouting
from ditar.text.french_words import ACRONYMS_READ_AS, ACRONYMS_SPELT, SHORT_WORDS, TITLES, WORD_ACRONYMS

_CAPITAL = "[A-ZÀ-ÖØ-ÞŒ]"
# A run of capitals; newspapers write acronyms that are words as names.
_AS_NAMES = "|".join(word.capitalize() for word in ACRONYMS_READ_AS if len(word) > 3)
_WORD = re.compile(rf"(?<![^\W\d_])({_CAPITAL}{{2,40}}|{_AS_NAMES})s?(?![^\W\d_])")
_DOTTED = re.compile(r"(?<![\w.])[A-Z]\.(?:-?[A-Z]\.){1,20}(?![\w-])")
# An article before a letter: espeak spells a capital one, and says "apostrophe".
_ARTICLE = re.compile(r"(?<![^\W\d_])[DL]'(?=[A-Z](?![^\W\d_]))")
_AT_END = re.compile(r"\s*$")
_VOWEL = re.compile("[AEIOUYÀ-ÖØ-ÝŒ]")
# What no word of four letters has: three consonants in a row, or these at its start, or at its end.
_NO_WORD = re.compile(
    r".?[^AEIOUYÀ-ÝŒ]{3}|(?![BCDFGKPTVW][RLH]|S[CHKLMNPQTVW]|G[NU]|K[NW]|P[NS]|QU|T[SCW]|DJ)[^AEIOUYÀ-ÝŒ]{2}"
    r"|..(?!LL|.S|.T|[CNRS]H|[CLNRS]K|L[BCDFMP]|M[MP]|N[CDGN]|[FR]F|R[BCDGLMNPR]|S[CMP]|PH|[TZ]Z|.X)[^AEIOUYÀ-ÝŒ]{2}"
)
_BEFORE_NAMES = tuple(f"{word} " for word in TITLES.values())  # Mme LY
_NAMES = {"Y": "i grec"}  # espeak reads other capitals that stand alone by their names


def spell_letters(letters: str) -> str:
    """Their names, which espeak reads as letters."""
    return " ".join(_NAMES.get(letter, letter) for letter in letters)


def spell_capitals(text: str) -> str:
    """Acronyms become letters, or what people say; words in capitals stay."""
    text = _DOTTED.sub(_dotted, text)
    if _WORD.search(text):
        text = _spell_acronyms(text)
    return _ARTICLE.sub(lambda m: m[0].lower(), text)


def _spell_acronyms(text: str) -> str:
    shouting = _is_shouting(text)

    def read(match: re.Match) -> str:
        word = match[1]
        if match.string.endswith(_BEFORE_NAMES, 0, match.start()):
            return match[0]
        if said := ACRONYMS_READ_AS.get(word.upper()):
            return said
        before_figures = match.string[match.end() : match.end() + 1].isdecimal()  # CE2, LA7
        return spell_letters(word) if _is_spelt(word, shouting, before_figures) else match[0]

    return _WORD.sub(read, text)


def _is_spelt(word: str, shouting: bool = False, before_figures: bool = False) -> bool:
    """Whether capitals are said letter by letter."""
    if word in WORD_ACRONYMS or not set(word) - set("IVX"):
        return False
    if word in ACRONYMS_SPELT or not _VOWEL.search(word):
        return True
    if shouting or len(word) > 4:
        return False
    if len(word) == 4:
        return _NO_WORD.match(word) is not None
    return before_figures or (word not in SHORT_WORDS and word.isascii())


def _is_shouting(text: str) -> bool:
    """As in English, of the words that are certainly no acronyms; without accents, which that does not know."""
    words = _WORD.sub(lambda m: m[0] if m[1] not in WORD_ACRONYMS and not _is_spelt(m[1]) else " ", text)
    return is_shouting("".join(c for c in unicodedata.normalize("NFD", words) if not unicodedata.combining(c)))


def _dotted(match: re.Match) -> str:
    """`S.N.C.F.`, `J.-J.`: the last full stop is the sentence's as well at its end."""
    stop = "." if _AT_END.match(match.string, match.end()) else ""
    return spell_letters(re.sub(r"[.-]", "", match[0])) + stop
