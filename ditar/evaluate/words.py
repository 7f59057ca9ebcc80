"""Word and character error, closed-set accuracy, and what their intervals are.

The word normaliser here is part of every figure: lower case, digits to words, abbreviations of titles written out,
hyphens to spaces, other punctuation dropped, apostrophes inside words kept. `NORMALISER` names it in results.
Intervals are percentile bootstraps over utterances (Efron 1979; for word error: Bisani and Ney, ICASSP 2004).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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

    @property
    def wer(self) -> float:
        return self.word_errors / self.words

    @property
    def cer(self) -> float:
        return self.character_errors / self.characters


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


def word_errors(references: Mapping[str, str], hypotheses: Mapping[str, str]) -> list[WordErrors]:
    """Edits of each utterance, sorted by id; both texts go through `plain_words`. Ids must be the same."""
    jiwer = need("jiwer")
    if references.keys() != hypotheses.keys():
        odd = sorted(references.keys() ^ hypotheses.keys())
        raise EvaluationError(f"references and hypotheses differ in their utterances: {quote(odd)}")
    utts = sorted(references)
    wanted = [plain_words(references[utt]) for utt in utts]
    silent = [utt for utt, text in zip(utts, wanted) if not text]
    if silent:
        raise EvaluationError(f"no word to recognise in the text of {quote(silent)}; remove these lines")
    errors = []
    for utt, reference in zip(utts, wanted):
        heard = plain_words(hypotheses[utt])
        by_word = jiwer.process_words(reference, heard)
        by_character = jiwer.process_characters(reference, heard)
        errors.append(WordErrors(
            utt=utt,
            words=len(reference.split()),
            word_errors=by_word.substitutions + by_word.deletions + by_word.insertions,
            characters=len(reference),
            character_errors=by_character.substitutions + by_character.deletions + by_character.insertions,
        ))
    return errors


def corpus_rate(errors: Sequence[float], counts: Sequence[float]) -> float:
    """Errors over counts, pooled: long utterances weigh more, as word error is usually reported."""
    errors, counts = _checked(errors, counts)
    return float(np.sum(errors) / np.sum(counts))


def bootstrap_interval(
    errors: Sequence[float], counts: Sequence[float], resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of `corpus_rate` when utterances are drawn again with replacement."""
    errors, counts = _checked(errors, counts)
    rows = _draws(len(errors), resamples, seed)  # (resamples, utterances)
    return _percentiles(errors[rows].sum(1) / counts[rows].sum(1), level)


def paired_ratio(
    errors: Sequence[float],
    base_errors: Sequence[float],
    counts: Sequence[float],
    base_counts: Sequence[float] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Ratio of two systems' pooled rates over the *same* utterances, and its interval: (ratio, low, high).

    Each resample draws utterances once for both systems, so that hard sentences do not widen the interval.
    A resample where the base makes no error counts as infinite, or as 1 where neither system makes one.
    """
    errors, counts = _checked(errors, counts)
    base_errors, base_counts = _checked(base_errors, counts if base_counts is None else base_counts)
    if len(errors) != len(base_errors):
        raise EvaluationError(f"a paired ratio needs the same utterances, got {len(errors)} and {len(base_errors)}")
    rows = _draws(len(errors), resamples, seed)
    ratios = _ratio(errors[rows].sum(1) / counts[rows].sum(1), base_errors[rows].sum(1) / base_counts[rows].sum(1))
    whole = _ratio(np.array([errors.sum() / counts.sum()]), np.array([base_errors.sum() / base_counts.sum()]))
    return float(whole[0]), *_percentiles(ratios, level)


def closed_set_hits(references: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, bool]:
    """Whether the sentence that the recogniser chose is the one that was to be spoken, by utterance."""
    return {utt: plain_words(references[utt]) == plain_words(chosen[utt]) for utt in sorted(references)}


def _ratio(rate: np.ndarray, base: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((rate == 0) & (base == 0), 1.0, rate / base)


def _percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    tail = 100 * (1 - level) / 2
    # "lower"/"higher" are defined with infinities, where interpolation gives NaN
    return (float(np.percentile(values, tail, method="lower")),
            float(np.percentile(values, 100 - tail, method="higher")))


def _draws(utterances: int, resamples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, utterances, size=(resamples, utterances))


def _checked(errors: Sequence[float], counts: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    errors, counts = np.asarray(errors, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if errors.size == counts.size == 0:
        raise EvaluationError("no utterance to score; give at least one with a word to recognise")
    if errors.ndim != 1 or errors.shape != counts.shape:
        raise EvaluationError(f"errors and counts must be two lists of one length, got {errors.shape}, {counts.shape}")
    if (counts <= 0).any():
        raise EvaluationError("an utterance without a word cannot be scored; remove it")
    return errors, counts


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
