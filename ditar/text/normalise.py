"""Written text to text that a phonemiser can read aloud: characters for every language, words for English and French.

espeak itself reads plain numbers of other languages well; it lacks money, dates, times, most abbreviations and all
addresses, which `ditar.text.english` and `ditar.text.french` spell out.
"""

import re
import unicodedata
from collections.abc import Callable

from ditar.text.characters import one_spelling
from ditar.text.english import spell_english
from ditar.text.english_words import SPOKEN_SYMBOLS
from ditar.text.errors import TextError, name_characters
from ditar.text.markup import without_markup
from ditar.text.pronunciation import is_private, stand_in_words, stand_out
from ditar.text.writing_systems import foreign_letters

# Symbols that a rule speaks, in the language of the text; English has spoken many more by then.
_KEPT_SYMBOLS = set("%&+=@#$€£/*°")
# What is said even if there is nothing else.
_SAID_ALONE = set("%&+=@#$€£°") | {symbol for symbol in SPOKEN_SYMBOLS if not symbol.isascii()}
# The punctuation that the vocabulary keeps; what remains of other kinds has no sound and no pause of its own.
PUNCTUATION = '.,!?;:—"()¿¡'


def normalise(text: str, language: str = "en-us", dropped: list[str] | None = None) -> str:
    """Text with one spelling for quotes, dashes and spaces and, in English and French, with everything written out as
    words.

    `language` is espeak's name for it (`en-us`, `de`, `cmn`). Raises TextError, naming the characters, if there is
    nothing to say or if a character has no pronunciation (emoji, pictures, letters of a script that the language does
    not use). With a list `dropped`, such characters are left out and appended to it; then only a text with nothing to
    say, or with more letters of a foreign script than others, is refused. Markup is always left out, and appended to
    such a list. Pronunciations (`text.pronunciation`) pass unchanged.
    """
    if not isinstance(text, str):
        raise TextError(f"text must be a string, got {type(text).__name__}")
    spell = _speller(language)
    english = spell is spell_english
    plain, marks = without_markup(text)
    cleaned, notes = one_spelling(plain, english)
    if not has_something_to_say(cleaned):
        _refuse_empty(text)
    if dropped is not None:
        dropped += marks
    _leave_out(text, notes, dropped)
    if spell is not None:
        # Rules look at neighbours, `Dr.` before a name: a pronounced word is a word that no rule knows.
        named, runs = stand_in_words(cleaned)
        cleaned = stand_out(spell(named, language), runs)
    cleaned = cleaned.replace("_", " ")
    silent = _silent_symbols(cleaned)
    _leave_out(cleaned, silent, dropped)
    foreign = foreign_letters(cleaned, language, refuse=dropped is None)
    _leave_out(cleaned, foreign, dropped)
    cleaned = cleaned.translate(dict.fromkeys(map(ord, silent + foreign), " "))
    cleaned = re.sub(r"[^\S\n]+", " ", cleaned.strip())  # first, since the next would try each part of a run
    cleaned = re.sub(r" ?\n ?\n\s*", ". ", cleaned)
    cleaned = re.sub(r"\s+", " ", cleaned)
    cleaned = re.sub(r"\s+([.,!?;:)])", r"\1", cleaned)
    cleaned = re.sub(r"\.{2,}", "...", cleaned)
    cleaned = re.sub(r"([,;:])[,;:]+", r"\1", cleaned)
    cleaned = re.sub(r"([,;])(?=\w)", r"\1 ", cleaned) if english else cleaned
    cleaned = re.sub(
        r"([.!?])[,;:.]+(?=\s|$)", lambda m: "..." if m.group(0).startswith("...") else m.group(1), cleaned
    )
    return cleaned.lstrip(" ,.;:!?)").strip()


def _speller(language: str) -> Callable[[str, str], str] | None:
    """What writes out the numbers and abbreviations of a language; None: espeak is left to read them."""
    match language.split("-")[0]:
        case "en":
            return spell_english
        case "fr":
            from ditar.text.french import spell_french  # late: its patterns take 10 ms

            return spell_french
    return None


def has_something_to_say(text: str) -> bool:
    """Whether a text without markup has anything that is ever spoken: letters, figures, symbols with a name."""
    return any(unicodedata.category(c)[0] in "LN" or c in _SAID_ALONE or is_private(c) for c in text)


def _refuse_empty(text: str) -> None:
    shown = [c for c in text if not c.isspace()]
    if not shown:
        raise TextError("the text is empty; give at least one word")
    raise TextError(f"the text has nothing to say: only {name_characters(shown)}; give at least one word")


def _silent_symbols(cleaned: str) -> list[str]:
    return [
        c
        for c in cleaned
        if not (
            unicodedata.category(c)[0] in "LMN"
            or c.isspace()
            or c in PUNCTUATION
            or c in "'-"
            or c in _KEPT_SYMBOLS
            or is_private(c)
        )
    ]


def _leave_out(text: str, left_out: list[str], dropped: list[str] | None) -> None:
    if left_out and dropped is None:
        raise TextError(
            f"no rule speaks {name_characters(left_out)}; write it as words or remove it from the text "
            f"{text[:60] + '...' if len(text) > 60 else text!r}"
        )
    if left_out:
        dropped += left_out
