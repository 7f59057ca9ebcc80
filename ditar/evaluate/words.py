"""Word and character error, closed-set accuracy, and the flaws that only words show: repetition and a lost end.

The normaliser of words is part of every figure and is named in results. Ours: lower case, digits to words,
abbreviations of titles written out, hyphens to spaces, other punctuation dropped, apostrophes inside words kept.
Whisper's English normaliser (Radford et al., arXiv 2212.04356, appendix C) is what most published figures use. "spoken"
sends both sides through the front end of synthesis, and then through ours: `$5`, `1990s` and `St.` become the words
that are said for them. In languages other than English it is the default, and words are parted at every mark.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ditar.evaluate.inputs import EvaluationError, import_for_evaluation, quote
from ditar.recognise.choose import NORMALISERS
from ditar.recognise.files import Recogniser
from ditar.recognise.words import bare_words, plain_words
from ditar.text import TextError, normalise
from ditar.text.pronunciation import is_english

NORMALISER = "ditar.evaluate.words.plain_words 1"
SPOKEN_NORMALISER = "ditar.evaluate.words.spoken_words 1"
BARE_NORMALISER = "ditar.evaluate.words.bare_words 1"
# One hundred and five, which the front end says without "and".
_AND = re.compile(
    r"(?<=hundred|housand|million) and (?=(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b)"
)


@dataclass(frozen=True)
class WordErrors:
    """Edits of one utterance: `words` and `characters` are counts in the reference, errors may exceed them."""

    utt: str
    words: int
    word_errors: int
    characters: int
    character_errors: int
    missing_end: int = 0  # words at the end of the reference that match nothing heard
    repeated: str = ""  # words heard again that the reference says once

    @property
    def wer(self) -> float:
        return self.word_errors / self.words

    @property
    def cer(self) -> float:
        return self.character_errors / self.characters

    @property
    def unfinished(self) -> bool:
        """At least the last two words were not heard: a recogniser sometimes loses one."""
        return self.missing_end >= min(2, self.words)


def choose_normaliser(
    asked: str | None, recogniser: Recogniser, language: str = "en-us"
) -> tuple[Callable[[str], str], str]:
    """One of NORMALISERS for a language (espeak's name), by default the recogniser's own and for other languages than
    English "spoken", and its name. EvaluationError: an unknown name."""
    english = is_english(language)
    asked = asked or (recogniser.normaliser if english else "spoken")
    if asked not in NORMALISERS:
        raise EvaluationError(f"there is no normaliser {asked!r}; choose one of {', '.join(NORMALISERS)}")
    if not english and asked == "spoken":
        return partial(spoken_words, language=language), f"{SPOKEN_NORMALISER} {language}"
    if not english and asked == "plain":
        return bare_words, BARE_NORMALISER
    if not english:
        raise EvaluationError(
            f"Whisper's normaliser is for English, and {language!r} is spoken; choose spoken or plain"
        )
    if asked == "plain":
        return plain_words, NORMALISER
    if asked == "spoken":
        return spoken_words, SPOKEN_NORMALISER
    return whisper_normaliser(recogniser.spelling or packaged_spelling())


def spoken_words(text: str, language: str = "en-us") -> str:
    """The words that are said for a text, however it is written: `$5/hr` -> `five dollars an hour`. Text that the front
    end refuses is compared as written."""
    if language.split("-")[0] != "en":
        try:
            # In French the plural of twenty is written so that espeak reads it as it is said.
            return re.sub(r"\bvingts\b", "vingt", bare_words(normalise(text, language, dropped=[])))
        except TextError:
            return bare_words(text)
    try:
        # The front end writes the letter A so that it is read as one.
        said = re.sub(r"\beigh\b", "a", normalise(text, dropped=[]))
    except TextError:
        said = text
    return _AND.sub(" ", plain_words(said))


def whisper_normaliser(spelling: Mapping[str, str] | None = None) -> tuple[Callable[[str], str], str]:
    """Whisper's English normaliser and its name. `spelling` (British to American) comes with a Whisper checkpoint, as
    its normalizer.json, or from `packaged_spelling`; the transformers package lacks it, so without one "colour" and
    "color" differ, as the name says."""
    import_for_evaluation("transformers")
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    table = json.dumps(sorted((spelling or {}).items())).encode()
    words = f"spelling table {hashlib.sha256(table).hexdigest()[:8]}" if spelling else "no spelling table"
    name = f"transformers {version('transformers')} Whisper English, {words}"
    return EnglishTextNormalizer(dict(spelling or {})), name


def packaged_spelling() -> dict[str, str] | None:
    """Whisper's table of spellings from the package whisper_normalizer, read as a file without running its code. None
    if it is not installed."""
    spec = find_spec("whisper_normalizer")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for place in places for path in Path(place).rglob("english.json")]
    return json.loads(found[0].read_text(encoding="utf-8")) if found else None


def word_errors(
    references: Mapping[str, str], hypotheses: Mapping[str, str], normalise: Callable[[str], str] = plain_words
) -> list[WordErrors]:
    """Edits of each utterance, sorted by id; both texts go through `normalise`. Ids must be the same."""
    jiwer = import_for_evaluation("jiwer")
    if references.keys() != hypotheses.keys():
        odd = sorted(references.keys() ^ hypotheses.keys())
        raise EvaluationError(f"references and hypotheses differ in their utterances: {quote(odd)}")
    utts = sorted(references)
    wanted = [normalise(references[utt]) for utt in utts]
    silent = [utt for utt, text in zip(utts, wanted) if not has_word(text)]
    if silent:
        raise EvaluationError(f"no word to recognise in the text of {quote(silent)}; remove these lines")
    errors = []
    for utt, reference in zip(utts, wanted):
        heard = normalise(hypotheses[utt])
        by_word = jiwer.process_words(reference, heard)
        by_character = jiwer.process_characters(reference, heard)
        errors.append(
            WordErrors(
                utt=utt,
                words=len(reference.split()),
                word_errors=by_word.substitutions + by_word.deletions + by_word.insertions,
                characters=len(reference),
                character_errors=by_character.substitutions + by_character.deletions + by_character.insertions,
                missing_end=_missing_end(by_word.alignments[0]),
                repeated=repeated_words(reference, heard),
            )
        )
    return errors


def has_word(normalised: str) -> bool:
    """Whether there is a word to recognise: of "...!" Whisper's normaliser leaves a full stop, which nobody says."""
    return any(character.isalnum() for character in normalised)


def closed_set_hits(references: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, bool]:
    """Whether the sentence that the recogniser chose is the one to be spoken, by utterance."""
    return {utt: plain_words(references[utt]) == plain_words(chosen[utt]) for utt in sorted(references)}


def repeated_words(reference: str, heard: str) -> str:
    """The first words heard more often than `reference` has them, "" if there are none; both of normalised words.

    Repetition is: a word three times in a row, two words twice in a row, or three words that come again anywhere.
    """
    wanted, said = reference.split(), heard.split()
    for size, times, running in ((3, 2, False), (2, 2, True), (1, 3, True)):
        known = _phrases(wanted, size, times, running)
        for phrase, count in _phrases(said, size, times, running).items():
            if count > max(known[phrase], 0 if running else 1):
                return " ".join(phrase)
    return ""


def _phrases(words: list[str], size: int, times: int, running: bool) -> Counter[tuple[str, ...]]:
    """How often each `size` words occur; `running`: only where they occur `times` times in a row."""
    length = size * times if running else size
    rows = (tuple(words[at : at + length]) for at in range(len(words) - length + 1))
    return Counter(row[:size] for row in rows if not running or row == row[:size] * times)


def _missing_end(alignment: list) -> int:
    """Words that the final edits of an alignment delete from the end of the reference."""
    missing = 0
    for chunk in reversed(alignment):
        if chunk.type != "delete":
            break
        missing += chunk.ref_end_idx - chunk.ref_start_idx
    return missing
