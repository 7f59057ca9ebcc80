"""French capitals: acronyms that are spelt or said as a word, words in capitals, shouting, initials."""

import re

from ditar.text.french_words import (
    ACRONYMS_READ_AS,
    ACRONYMS_SPELT,
    SHORT_WORDS,
    SPELT_AFTER_ARTICLES,
    TITLES,
    WITHOUT_ACCENTS,
    WORD_ACRONYMS,
)

_CAPITAL = "[A-ZÀ-ÖØ-ÞŒ]"
# A run of capitals; newspapers write acronyms that are words as names.
_AS_NAMES = "|".join(word.capitalize() for word in ACRONYMS_READ_AS if len(word) > 3)
_WORD = re.compile(rf"(?<![^\W\d_])({_CAPITAL}{{2,40}}|{_AS_NAMES})s?(?![^\W\d_])")
_DOTTED = re.compile(r"(?<![\w.])[A-Z]\.(?:-?[A-Z]\.){1,20}(?![\w-])")
# An article before a letter: espeak spells a capital one, and says "apostrophe".
_ARTICLE = re.compile(r"(?<![^\W\d_])[DL]'(?=[A-Z](?![^\W\d_]))")
_AT_END = re.compile(r"\s*$")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_VOWEL = re.compile("[AEIOUYÀ-ÖØ-ÝŒ]")
# What no word of four letters has: three consonants in a row, or these at its start, or at its end.
_NO_WORD = re.compile(
    r".?[^AEIOUYÀ-ÝŒ]{3}|(?![BCDFGKPTVWRZ][RLH]|S[CHKLMNPQTVW]|G[NU]|K[NW]|P[NS]|QU|T[SCW]|DJ)[^AEIOUYÀ-ÝŒ]{2}"
    r"|..(?!LL|.S|.T|[CGNRST]H|[CLNRSW]K|L[BCDFMP]|M[MP]|N[CDGN]|[FR]F|R[BCDGLMNPRV]|S[CMP]|PH|[TZ]Z|.X|H[LMNR]|W[LN]"
    r"|BB|DD|GG|PP|D[RL])[^AEIOUYÀ-ÝŒ]{2}"
)
# The same of three letters.
_NO_SHORT_WORD = re.compile(
    r"(?![BCDFGKPTVWRZ][RLH]|S[CHKLMNPQTVW]|G[NU]|KN|P[NS]|QU|T[SW])[^AEIOUY]{2}"
    r"|[AEIOUY](?!LL|[LNRS]S|[CFLNPRS]T|[CST]H|[CLRSW]K|L[BDFMP]|N[DN]|FF|R[BCDFGMNPR]|SP|[TZ]Z|W[LN]|DD|GG|BB)"
    r"[^AEIOUY]{2}|[AEIOU]{3}"
)
# What stands before acronyms: an article with its space, and a name.
_AFTER_ARTICLE = re.compile(r"(?:(?:^|[^\w'-])(?:[Ll]es?|[Ll]a|[Dd]u|[Dd]es|[Aa]ux?|[Uu]ne?) |(?:^|\W)[LlDd]')$")
_AFTER_LONG_ARTICLE = 8
_AFTER_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ'-]{2,20} $")
_AFTER_PRONOUN = re.compile(r"\b(?:[Jj]e|[Tt]u) (?:ne )?l'$")  # je l'AI, tu l'AS
_ES_OF_SCHOOLS = re.compile(r"\b(?:[Bb]acs?|[Tt]erminales?|[Pp]remières?|[Ff]ilières?|[Ss]éries?) $")
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
            return _as_word(match[0], name=True)
        if said := ACRONYMS_READ_AS.get(word.upper()):
            return said
        if _is_spelt(word, shouting, _before_figures(match)) or not shouting and len(word) < 4 and _looks_spelt(match):
            return spell_letters(word)
        before = match.string[max(0, match.start() - 2) : match.start()].rstrip()
        return _as_word(match[0], name=not before or before[-1] in ".!?")

    return _WORD.sub(read, text)


def _before_figures(match: re.Match) -> bool:
    return match.string[match.end() : match.end() + 1].isdecimal()  # CE2, LA7


def _as_word(capitals: str, name: bool = False) -> str:
    """espeak spells capitals of two or three letters between small ones; and names their accents; numerals stay.
    A name, and the first word of a sentence, keep the first."""
    if len(capitals) > 3 or not capitals.isupper() or not set(capitals) - set("IVX"):
        return capitals
    if word := WITHOUT_ACCENTS.get(capitals):
        return word.capitalize() if name else word
    small = capitals in SHORT_WORDS or not capitals.isascii()
    return capitals.lower() if small and not name else capitals.capitalize()


def _is_spelt(word: str, shouting: bool = False, before_figures: bool = False) -> bool:
    """Whether capitals are said letter by letter, whatever is next to them."""
    if word in WORD_ACRONYMS or not set(word) - set("IVX"):
        return False
    if word in ACRONYMS_SPELT:
        return True
    if before_figures and len(word) < 4:
        return True
    if word in SHORT_WORDS:
        return False
    if not _VOWEL.search(word):
        return True
    if shouting or len(word) > 4 or not word.isascii():
        return False
    if len(word) == 4:
        return _NO_WORD.match(word) is not None
    return len(word) == 3 and _NO_SHORT_WORD.match(word) is not None


def _looks_spelt(match: re.Match) -> bool:
    """Whether two or three capitals that may be a word are an acronym here. Words of two letters are few and known;
    of three, those are taken for acronyms that follow an article, unless a vowel between consonants makes a name."""
    word, start = match[1], match.start()
    if not word.isascii() or word in WORD_ACRONYMS or not set(word) - set("IVX"):
        return False
    text = match.string
    before = text[max(0, start - 24) : start]
    article = _AFTER_ARTICLE.search(before[-_AFTER_LONG_ARTICLE:])
    if word in SPELT_AFTER_ARTICLES:
        if word == "ES" and _ES_OF_SCHOOLS.search(before):
            return True
        return bool(article) and (before[-1] == "'" or word not in ("AS", "ES")) and not _AFTER_PRONOUN.search(before)
    if word in SHORT_WORDS:
        return False
    if len(word) == 2:
        return bool(article) or not _AFTER_NAME.search(before)
    name = _is_vowel(word[1]) and not _is_vowel(word[0]) and not _is_vowel(word[2])
    return bool(article) and not name and not text[match.end() : match.end() + 2].strip(" -").isupper()


def _is_vowel(letter: str) -> bool:
    return letter in "AEIOUY"


def _is_shouting(text: str) -> bool:
    """Whether capitals mean nothing here, since most words that are certainly no acronyms consist of them."""

    def keep(match: re.Match) -> str:
        acronym = match[1] in WORD_ACRONYMS or _is_spelt(match[1], before_figures=_before_figures(match))
        return " " if acronym else match[0]

    text = _WORD.sub(keep, text)
    words = _LETTERS.findall(text)
    shouted = [word for word in words if word.isupper() and set(word) - set("IVX")]
    sure = any(len(word) > 3 or word in SHORT_WORDS for word in shouted)
    return sure and len(shouted) >= 2 and len(shouted) > len(words) / 2


def _dotted(match: re.Match) -> str:
    """`S.N.C.F.`, `J.-J.`: the last full stop is the sentence's as well at its end."""
    stop = "." if _AT_END.match(match.string, match.end()) else ""
    return spell_letters(re.sub(r"[.-]", "", match[0])) + stop
