"""Rates over several training seeds: variation between seeds belongs in the interval, like that between utterances."""

from collections.abc import Sequence

import numpy as np

from ditar.evaluate.inputs import EvaluationError


def rate_over_seeds(
    errors: Sequence[Sequence[float]], counts: Sequence[Sequence[float]], resamples: int = 2000, seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float, float]:  # fmt: skip
    """(rate, low, high) of errors over counts, both (seeds, utterances), pooled.

    The interval is a percentile bootstrap on two levels: seeds are drawn with replacement, and so are the utterances,
    the same ones for all seeds of a resample, since a hard sentence is hard for each. One seed says nothing about
    others. EvaluationError if seeds have different numbers of utterances.
    """
    if not len(errors) or len({len(row) for row in (*errors, *counts)}) != 1 or len(errors) != len(counts):
        shapes = [len(row) for row in errors], [len(row) for row in counts]
        raise EvaluationError(
            f"every seed must have the same utterances, got {shapes[0]} errors and {shapes[1]} counts"
        )
    wrong, whole = np.asarray(errors, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if not wrong.size or (whole <= 0).any():
        raise EvaluationError("no utterance to score, or one without a word; leave such utterances out")
    draw = np.random.default_rng(seed)
    rates = np.empty(resamples)
    for number in range(resamples):
        rows = draw.integers(0, wrong.shape[0], wrong.shape[0])
        columns = draw.integers(0, wrong.shape[1], wrong.shape[1])
        drawn = np.ix_(rows, columns)
        rates[number] = wrong[drawn].sum() / whole[drawn].sum()
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(rates, [tail, 100 - tail])
    return float(wrong.sum() / whole.sum()), float(low), float(high)


def ordering(one: tuple[float, float, float], other: tuple[float, float, float]) -> int:
    """-1 if `one` is lower, 1 if it is higher, 0 if the intervals (rate, low, high) overlap: no ordering."""
    if one[2] < other[1]:
        return -1
    return 1 if one[1] > other[2] else 0
