"""English capitals: shouting, acronyms, initials, abbreviations, and the letter A where it is not an article."""

import re

from ditar.text.english_dates import ends_sentence
from ditar.text.english_numbers import spell_letters
from ditar.text.english_words import (
    ABBREVIATIONS,
    BEFORE_PRONOUNS,
    CAPITALISED_SHORT,
    NO_ARTICLE_AFTER,
    NO_ARTICLE_BEFORE,
    READ_AS,
    SHORT_WORDS,
    SPELLED,
    STATES,
    WORD_ACRONYMS,
)

_DOTTED = re.compile(r"\b((?:[A-Z]\.){2,20})(?![A-Z]\.)|(?<![\w.])(?!e\.g\.|i\.e\.)((?:[a-z]\.){2,20})(?!\w)")
# Initials of a name, where they cannot end a sentence.
_INITIAL = re.compile(
    rf"(?:^|(?<=[\s(\"'.,;:!?]))(?<!tamin )(?<![Pp]lan )(?<![Tt]ype )(?<!roup )"
    rf"(?<!rade )(?<!lass )(?<!tion )(?<!oint )(?<!evel )(?<!etter )"
    rf"([A-Z])\.(?=\s(?:[A-Z]\.|(?!(?:{CAPITALISED_SHORT})\b)[A-Z]['’\w]))"
)
_PAIR = re.compile(r"\b([A-Z]{1,5})\s?&\s?([A-Z]{1,5})\b(?!\.\w)")
_SLASHED = re.compile(r"(?<![\w/])[A-Z]{2,5}(?:/[A-Z]{2,5}){1,3}(?![\w/])")
_TWO_LETTERS = re.compile(r"(?<![\w/])(?:([A-Z])/([A-Z])|n/a)(?![\w/])")  # A/C, I/O
_WORD = re.compile(r"\b([A-Z]{2,40})('?s)?\b")
_PRONOUN = re.compile(
    rf"\b(?P<before>{BEFORE_PRONOUNS}) (?P<word>IT|US)\b(?![-/&])"
    r"|\b(?P<small>about )US(?=[.!?]*(?:\s*$|[.!?]))"
)
_MAY_BE_SHORT = re.compile(r"#|\b[A-Za-z]+")
_STATE = re.compile(rf"(?<=[a-z], )({'|'.join(STATES)})(?=\s\d|[,;:)]|\.?\s*$|\s[a-z])")


def is_shouting(text: str) -> bool:
    """Whether capitals mean nothing here, since most words consist of them."""
    words = re.findall(r"[A-Za-z]{2,}", text)
    shouted = [w for w in words if w.isupper() and not _is_acronym(w)]
    # `TIK TOK!`; `FBI/CIA` and `SEC, VAT` are not.
    sure = any(len(w) > 3 or w.lower() in SHORT_WORDS for w in shouted)
    sure = sure or len(shouted) == len(words) and not re.search("[/,;&]", text)
    return sure and len(shouted) >= 2 and len(shouted) > len(words) / 2


def _is_acronym(word: str) -> bool:
    """Whether capitals are letters in any context: no word lacks a vowel."""
    return not re.search("[AEIOUY]", word) or word in SPELLED and word.lower() not in SHORT_WORDS


def _is_no_word(capitals: str) -> bool:
    """Whether capitals next to a slash are an acronym: HIV/AIDS and CI/CD, unlike AND/OR and READ/WRITE."""
    short = len(capitals) <= 3 and capitals.lower() not in SHORT_WORDS
    return short or _is_acronym(capitals) or capitals in WORD_ACRONYMS


def spell_capitals(text: str, shouting: bool) -> str:
    """Shouting becomes lower case, acronyms become letters or the word that people say, initials letters."""

    def read(match: re.Match) -> str:
        word, many = match[1], match[2] or ""
        if word in READ_AS:
            return READ_AS[word] + many
        if word in WORD_ACRONYMS:
            return word.capitalize() + many
        if word in SPELLED and not (shouting and word.lower() in SHORT_WORDS):
            return spell_letters(word) + many.replace("'", "").replace("s", "'s")
        pronounceable = re.search("[AEIOUY]", word) and (len(word) > 4 or not re.search("[^AEIOUY]{3}", word))
        if (shouting and not _is_acronym(word)) or (len(word) >= 4 and pronounceable):
            return word.lower() + many.lower()
        if word.lower() in SHORT_WORDS:
            return word.lower() + many
        return spell_letters(word) + many.replace("'", "").replace("s", "'s")

    def slashed(match: re.Match) -> str:
        parts = match[0].split("/")
        together = all(map(_is_acronym, parts)) if shouting else any(map(_is_no_word, parts))
        return " ".join(spell_letters(part) if len(part) == 2 else part for part in parts) if together else match[0]

    text = _DOTTED.sub(lambda m: spell_letters(m[0].replace(".", "")) + "." * ends_sentence(m.string, m.end()), text)
    text = _INITIAL.sub(lambda m: spell_letters(m[1]), text)
    text = _PRONOUN.sub(lambda m: m["small"] + "us" if m["small"] else f"{m['before']} {m['word'].lower()}", text)
    text = _STATE.sub(lambda m: STATES[m[1]], text)
    text = _SLASHED.sub(slashed, text)
    text = _PAIR.sub(lambda m: " and ".join(map(spell_letters, m.groups())), text)
    return _WORD.sub(read, text)


def spell_letter_a(text: str) -> str:
    """A capital A before a word is the article, as in titles and at the start of verses, unless its neighbours rule
    that out. If no word follows, espeak reads the letter anyway. Two letters at a slash, `A/C`, are letters."""
    letter = spell_letters("A")
    text = _TWO_LETTERS.sub(lambda m: " ".join(map(spell_letters, m[0].split("/"))), text)
    text = re.sub(rf"\b((?i:{NO_ARTICLE_AFTER})\s)A(?=\s)", rf"\1{letter}", text)
    text = re.sub(r"\b(an\s)A(?=[+-](?!\w))", rf"\1{letter}", text)
    text = re.sub(r"\b(in\s)A(?=\s(?:[Mm]ajor|[Mm]inor|flat|sharp)\b)", rf"\1{letter}", text)
    return re.sub(rf"\bA(?=\s(?:{NO_ARTICLE_BEFORE})\b(?![-/])|\s[&+=]|/)", letter, text)


def spell_abbreviations(text: str) -> str:
    """`Dr.`, `approx.`, `w/o`; the full stop of an abbreviation at the end is also the sentence's."""
    said, place = [], 0
    for found in _MAY_BE_SHORT.finditer(text):
        rules = ABBREVIATIONS.get(found[0].lower())
        if rules is None or found.start() < place:
            continue
        for pattern, words, before_names in rules:
            if match := pattern.match(text, found.start()):
                ends = match[0].endswith(".") and not before_names and ends_sentence(text, match.end())
                said += text[place : match.start()], words, "." if ends and not words.endswith(".") else ""
                place = match.end()
                break
    return "".join(said) + text[place:] if said else text
