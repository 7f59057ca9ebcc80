import numpy as np
import pytest

from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.intervals import bootstrap_interval, corpus_rate, paired_difference, paired_ratio


def test_bootstrap_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    counts = np.full(80, 10)
    covered = 0
    for seed in range(200):
        low, high = bootstrap_interval(rng.binomial(10, 0.2, 80), counts, resamples=300, seed=seed)
        covered += low <= 0.2 <= high
    assert 180 <= covered <= 198  # 95 % of 200


def test_rates_are_pooled_and_not_averaged_over_utterances():
    """One word of one wrong and none of nine: one in ten, in every figure and in every resample that holds both."""
    assert corpus_rate([1, 0], [1, 9]) == 0.1
    # Both once in half of the resamples; either twice in a quarter each.
    assert bootstrap_interval([1, 0], [1, 9], level=0.4) == (0.1, 0.1)
    assert bootstrap_interval([1, 0], [1, 9], level=0.9) == (0.0, 1.0)
    assert paired_ratio([1, 3], [1, 1], [1, 9], level=0.4) == pytest.approx((2, 2, 2))
    assert paired_difference([1, 3], [1, 0], [1, 9], [1, 4], level=0.4) == pytest.approx((0.2, 0.2, 0.2))


def test_bootstrap_is_seeded_and_degenerate_without_spread():
    rng = np.random.default_rng(0)
    errors, counts = rng.integers(0, 5, 60), rng.integers(5, 9, 60)
    intervals = [bootstrap_interval(errors, counts, resamples=50, seed=seed) for seed in (3, 3, 4)]
    assert intervals[0] == intervals[1] != intervals[2]
    assert bootstrap_interval([1, 1, 1], [4, 4, 4]) == (0.25, 0.25)


def test_paired_ratio_of_proportional_systems_has_no_spread():
    base, counts = np.array([1, 4, 2, 7, 3]), np.array([9, 9, 9, 9, 9])
    assert paired_ratio(base, base, counts) == (1.0, 1.0, 1.0)
    assert paired_ratio(2 * base, base, counts) == pytest.approx((2.0, 2.0, 2.0))


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(0)
    difficulty = rng.integers(0, 8, 200)  # sentences differ a lot, the systems hardly
    errors = difficulty + (rng.random(200) < 0.1)
    counts = np.full(200, 8)
    _, low, high = paired_ratio(errors, difficulty, counts)
    shuffled = rng.permutation(difficulty)
    _, unpaired_low, unpaired_high = paired_ratio(errors, shuffled, counts)
    assert high - low < 0.5 * (unpaired_high - unpaired_low)
    assert low > 1.0  # the difference is there, and only pairing shows it
    assert unpaired_low < 1.0 < unpaired_high


def test_paired_ratio_against_a_faultless_base():
    assert paired_ratio([0, 0], [0, 0], [5, 5]) == (1.0, 1.0, 1.0)
    value, low, high = paired_ratio([1, 0], [0, 0], [5, 5])
    assert value == high == np.inf and low == 1.0


def test_one_utterance_has_no_interval():
    assert np.isnan(bootstrap_interval([1], [4])).all()
    for function in (paired_ratio, paired_difference):
        value, *interval = function([2], [1], [4], [4])
        assert np.isfinite(value) and np.isnan(interval).all()


def test_scores_need_words():
    with pytest.raises(EvaluationError, match="without a word"):
        corpus_rate([0, 0], [0, 0])
    with pytest.raises(EvaluationError, match="no utterance to score"):
        corpus_rate([], [])
    with pytest.raises(EvaluationError, match="one length"):
        bootstrap_interval([1, 2], [3])
    with pytest.raises(EvaluationError, match="no utterance to score"):
        bootstrap_interval([], [])
    with pytest.raises(EvaluationError, match="without a word"):
        bootstrap_interval([1, 2], [3, 0])
    with pytest.raises(EvaluationError, match="2 and 1"):
        paired_ratio([1, 2], [1], [3, 3], [3])


def test_paired_difference_of_shifted_means_has_no_spread():
    base, ones = np.array([0.2, 0.9, 0.4, 0.7]), np.ones(4)
    assert paired_difference(base + 0.25, base, ones, ones) == pytest.approx((0.25, 0.25, 0.25))
    value, low, high = paired_difference([3, 0], [0, 0], [4, 4], [4, 4])
    assert (value, low, high) == (0.375, 0.0, 0.75)
