"""Word and character error, closed-set accuracy, and the flaws that only words show: repetition and a lost end.

The normaliser of words is part of every figure and is named in results. Ours: lower case, digits to words,
abbreviations of titles written out, hyphens to spaces, other punctuation dropped, apostrophes inside words kept.
Whisper's English normaliser (Radford et al., arXiv 2212.04356, appendix C) is what published figures mostly use.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from ditar.evaluate.inputs import EvaluationError, need, quote

NORMALISER = "ditar.evaluate.words.plain_words 1"

_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}
_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at "}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUMBER = re.compile(r"(\d+(?:,\d{3})*)(\.\d+)?(st|nd|rd|th)?")


@dataclass(frozen=True)
class WordErrors:
    """Edits of one utterance: `words` and `characters` are counts in the reference, errors may exceed them."""

    utt: str
    words: int
    word_errors: int
    characters: int
    character_errors: int
    missing_end: int = 0  # words at the end of the reference that nothing heard stands for
    repeated: str = ""  # words heard again that the reference says once

    @property
    def wer(self) -> float:
        return self.word_errors / self.words

    @property
    def cer(self) -> float:
        return self.character_errors / self.characters

    @property
    def unfinished(self) -> bool:
        """At least the last two words were not heard: a recogniser loses one by itself."""
        return self.missing_end >= min(2, self.words)


def plain_words(text: str) -> str:
    """Words as they are compared: `Mr. Li's 21 well-known cats!` -> `mister li's twenty one well known cats`."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("`", "'")
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    text = _NUMBER.sub(_spell_number, text)
    text = re.sub(r"(?<=\w)\.(?=\w\.)|(?<=\.\w)\.", "", text)  # u.s. -> us: one word, as recognisers write it
    text = re.sub(r"[^\w']|_", " ", text)
    words = (word.strip("'") for word in text.split())
    return " ".join(_TITLES.get(word, word) for word in words if word)


def whisper_normaliser(spelling: Mapping[str, str] | None = None) -> tuple[Callable[[str], str], str]:
    """Whisper's English normaliser and its name. `spelling` (British to American) comes with a Whisper checkpoint, as
    its normalizer.json; the transformers package lacks it, so without one "colour" and "color" differ, as the name
    says."""
    need("transformers")
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    table = json.dumps(sorted((spelling or {}).items())).encode()
    words = f"spelling table {hashlib.sha256(table).hexdigest()[:8]}" if spelling else "no spelling table"
    name = f"transformers {version('transformers')} Whisper English, {words}"
    return EnglishTextNormalizer(dict(spelling or {})), name


def word_errors(
    references: Mapping[str, str], hypotheses: Mapping[str, str], normalise: Callable[[str], str] = plain_words
) -> list[WordErrors]:
    """Edits of each utterance, sorted by id; both texts go through `normalise`. Ids must be the same."""
    jiwer = need("jiwer")
    if references.keys() != hypotheses.keys():
        odd = sorted(references.keys() ^ hypotheses.keys())
        raise EvaluationError(f"references and hypotheses differ in their utterances: {quote(odd)}")
    utts = sorted(references)
    wanted = [normalise(references[utt]) for utt in utts]
    silent = [utt for utt, text in zip(utts, wanted) if not text]
    if silent:
        raise EvaluationError(f"no word to recognise in the text of {quote(silent)}; remove these lines")
    errors = []
    for utt, reference in zip(utts, wanted):
        heard = normalise(hypotheses[utt])
        by_word = jiwer.process_words(reference, heard)
        by_character = jiwer.process_characters(reference, heard)
        errors.append(WordErrors(
            utt=utt,
            words=len(reference.split()),
            word_errors=by_word.substitutions + by_word.deletions + by_word.insertions,
            characters=len(reference),
            character_errors=by_character.substitutions + by_character.deletions + by_character.insertions,
            missing_end=_missing_end(by_word.alignments[0]),
            repeated=repeated_words(reference, heard),
        ))
    return errors


def closed_set_hits(references: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, bool]:
    """Whether the sentence that the recogniser chose is the one that was to be spoken, by utterance."""
    return {utt: plain_words(references[utt]) == plain_words(chosen[utt]) for utt in sorted(references)}


def repeated_words(reference: str, heard: str) -> str:
    """The first words heard more often than `reference` has them, "" where there are none; both of normalised words.

    Repetition is: a word three times running, two words twice running, or three words that come back anywhere.
    """
    wanted, said = reference.split(), heard.split()
    for size, times, running in ((3, 2, False), (2, 2, True), (1, 3, True)):
        known = _phrases(wanted, size, times, running)
        for phrase, count in _phrases(said, size, times, running).items():
            if count > max(known[phrase], 0 if running else 1):
                return " ".join(phrase)
    return ""


def _phrases(words: list[str], size: int, times: int, running: bool) -> Counter[tuple[str, ...]]:
    """How often each `size` words occur; `running`: only where they stand there `times` times in succession."""
    length = size * times if running else size
    rows = (tuple(words[at : at + length]) for at in range(len(words) - length + 1))
    return Counter(row[:size] for row in rows if not running or row == row[:size] * times)


def _missing_end(alignment: list) -> int:
    """Words that the last edits of an alignment delete from the end of the reference."""
    missing = 0
    for chunk in reversed(alignment):
        if chunk.type != "delete":
            break
        missing += chunk.ref_end_idx - chunk.ref_start_idx
    return missing


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
