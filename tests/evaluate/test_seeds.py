import numpy as np
import pytest

from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.seeds import ordering, rate_over_seeds


def test_one_seed_is_the_bootstrap_over_utterances():
    random = np.random.default_rng(0)
    errors = random.integers(0, 5, 60)
    rate, low, high = rate_over_seeds([errors.tolist()], [[5] * 60], resamples=4000)
    drawn = random.choice(errors, (4000, 60)).sum(axis=1) / 300
    assert rate == pytest.approx(errors.sum() / 300)
    assert (low, high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.01)


def test_rates_are_pooled_and_not_averaged():
    assert rate_over_seeds([[1, 0], [0, 1]], [[1, 9], [1, 9]])[0] == 0.1
    assert rate_over_seeds([[1, 0]], [[1, 9]], level=0.4) == pytest.approx((0.1, 0.1, 0.1))


def test_seeds_that_differ_widen_the_interval():
    same, other = [[1] * 50, [1] * 50, [1] * 50], [[0] * 50, [1] * 50, [2] * 50]
    counts = [[4] * 50] * 3
    assert rate_over_seeds(same, counts) == (0.25, 0.25, 0.25)
    rate, low, high = rate_over_seeds(other, counts)
    assert rate == 0.25 and low < 0.1 and high > 0.4


def test_it_covers_the_truth_as_often_as_it_says():
    """Seeds with rates around 0.3: over many draws, the interval holds it in most (few seeds: somewhat under 95 %)."""
    random, held = np.random.default_rng(1), 0
    for number in range(100):
        rates = np.clip(random.normal(0.3, 0.05, 8), 0.01, 0.99)
        errors = random.binomial(10, rates[:, None], (8, 40))
        _, low, high = rate_over_seeds(errors.tolist(), [[10] * 40] * 8, resamples=300, seed=number)
        held += low <= 0.3 <= high
    assert 84 <= held <= 100


def test_no_ordering_where_intervals_touch():
    assert ordering((0.1, 0.0, 0.2), (0.4, 0.3, 0.5)) == -1
    assert ordering((0.4, 0.3, 0.5), (0.1, 0.0, 0.2)) == 1
    assert ordering((0.1, 0.0, 0.2), (0.3, 0.2, 0.4)) == 0


@pytest.mark.parametrize(("errors", "counts", "named"), [([], [], "same"), ([[1], [1, 2]], [[2], [2]], "same"),
                                                         ([[1]], [[0]], "without a word")])  # fmt: skip
def test_what_cannot_be_scored(errors, counts, named):
    with pytest.raises(EvaluationError, match=named):
        rate_over_seeds(errors, counts)
