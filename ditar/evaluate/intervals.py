"""Rates and means over utterances, and their intervals.

Every figure is errors over counts, pooled: word errors over words, or any measure over one per utterance, which is its
mean. Intervals are percentile bootstraps over utterances (Efron 1979; for word error: Bisani and Ney, ICASSP 2004).
Two systems are compared by pairs: a resample draws utterances once for both, so that hard sentences do not widen the
interval. One utterance says nothing about the variation: its interval is (NaN, NaN), and not the figure twice. Not
scipy.stats.bootstrap: it draws the same rows in more lines, and gives NaN if a ratio is infinite in a resample.
"""

from collections.abc import Sequence

import numpy as np

from ditar.evaluate.inputs import EvaluationError


def corpus_rate(errors: Sequence[float], counts: Sequence[float]) -> float:
    """Errors over counts, pooled: long utterances weigh more, as word error is usually reported."""
    errors, counts = _checked(errors, counts)
    return float(np.sum(errors) / np.sum(counts))


def bootstrap_interval(
    errors: Sequence[float], counts: Sequence[float], resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of `corpus_rate` when utterances are resampled with replacement: (low, high).

    Args:
        errors, counts: one of each for an utterance.
        resamples: how many are drawn, at least 1.
        seed: at least 0.
        level: the share of resamples inside, in (0, 1).
    """
    (rates,) = _resampled([_checked(errors, counts)], resamples, seed)
    return _percentiles(rates, level)


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

    A resample in which the base makes no error counts as infinite, or as 1 if neither system makes one.

    Args:
        base_errors, base_counts: of the system compared with, in the same order; its counts None: the same.

    For the others see `bootstrap_interval`.
    """
    systems = _checked(errors, counts), _checked(base_errors, counts if base_counts is None else base_counts)
    return _compared(_ratio, systems, resamples, seed, level)


def paired_difference(
    errors: Sequence[float],
    base_errors: Sequence[float],
    counts: Sequence[float],
    base_counts: Sequence[float],
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Difference of two systems' pooled rates over the *same* utterances, and its interval: (difference, low, high).
    For the arguments see `paired_ratio`."""
    systems = _checked(errors, counts), _checked(base_errors, base_counts)
    return _compared(np.subtract, systems, resamples, seed, level)


def _compared(function, systems, resamples: int, seed: int, level: float) -> tuple[float, float, float]:
    """function(rate, base rate) over all utterances, and its interval."""
    (errors, _), (base_errors, _) = systems
    if len(errors) != len(base_errors):
        raise EvaluationError(
            f"a paired comparison needs the same utterances, got {len(errors)} and {len(base_errors)}"
        )
    whole = function(*(np.array([wrong.sum() / count.sum()]) for wrong, count in systems))
    return float(whole[0]), *_percentiles(function(*_resampled(systems, resamples, seed)), level)


def _resampled(systems: Sequence[tuple[np.ndarray, np.ndarray]], resamples: int, seed: int) -> list[np.ndarray]:
    """The rate of each system in each resample, (resamples,); NaN if there is one utterance only."""
    utterances = len(systems[0][0])
    if utterances == 1:
        return [np.full(1, np.nan) for _ in systems]
    rows = np.random.default_rng(seed).integers(0, utterances, size=(resamples, utterances))
    return [errors[rows].sum(1) / counts[rows].sum(1) for errors, counts in systems]


def _ratio(rate: np.ndarray, base: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((rate == 0) & (base == 0), 1.0, rate / base)


def _percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    tail = 100 * (1 - level) / 2
    # "lower"/"higher" are defined with infinities, where interpolation gives NaN
    return (float(np.percentile(values, tail, method="lower")),
            float(np.percentile(values, 100 - tail, method="higher")))


def _checked(errors: Sequence[float], counts: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    errors, counts = np.asarray(errors, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if errors.size == counts.size == 0:
        raise EvaluationError("no utterance to score; give at least one with a word to recognise")
    if errors.ndim != 1 or errors.shape != counts.shape:
        raise EvaluationError(f"errors and counts must be two lists of one length, got {errors.shape}, {counts.shape}")
    if (counts <= 0).any():
        raise EvaluationError("an utterance without a word cannot be scored; remove it")
    return errors, counts
