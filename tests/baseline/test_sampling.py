import pytest
import torch

from ditar.baseline.sampling import draw_uniforms, sample
from ditar.config import SamplingConfig
from tests.baseline.examples import MOST_LIKELY

LOGITS = torch.tensor([0.1, 0.5, 0.25, 0.15]).log()  # by share: 1, 2, 3, 0


def shares(config, logits=LOGITS, count=4000):
    """Of each token, over evenly spread uniform numbers."""
    uniforms = (torch.arange(count) + 0.5) / count
    found = sample(logits.expand(count, -1), uniforms, config)
    return [round(x, 3) for x in (found.bincount(minlength=len(logits)) / count).tolist()]


def test_it_draws_the_softmax():
    assert shares(SamplingConfig()) == pytest.approx([0.1, 0.5, 0.25, 0.15], abs=1e-3)
    hot = (LOGITS / 2).softmax(-1).tolist()
    assert shares(SamplingConfig(temperature=2.0)) == pytest.approx(hot, abs=1e-3)


def test_top_k_and_top_p_leave_the_most_likely():
    assert shares(SamplingConfig(top_k=2)) == pytest.approx([0, 2 / 3, 1 / 3, 0], abs=1e-3)
    assert shares(SamplingConfig(top_k=9)) == pytest.approx([0.1, 0.5, 0.25, 0.15], abs=1e-3)
    # 0.5 and 0.25 stay below 0.8, so the third is still in.
    assert shares(SamplingConfig(top_p=0.8)) == pytest.approx([0, 5 / 9, 2.5 / 9, 1.5 / 9], abs=1e-3)
    assert shares(SamplingConfig(top_p=0.4)) == [0, 1, 0, 0]
    assert shares(SamplingConfig(top_k=3, top_p=0.6)) == pytest.approx([0, 2 / 3, 1 / 3, 0], abs=1e-3)


@pytest.mark.parametrize("config", [MOST_LIKELY, SamplingConfig(temperature=0.0), SamplingConfig(top_p=1e-9),
                                    SamplingConfig(temperature=5e-324)])  # fmt: skip
def test_the_most_likely_whatever_the_number(config):
    assert shares(config) == [0, 1, 0, 0]


def test_what_is_forbidden_is_never_drawn():
    logits = torch.tensor([0.0, float("-inf"), 0.0, float("-inf")])
    assert shares(SamplingConfig(), logits) == pytest.approx([0.5, 0, 0.5, 0], abs=1e-3)
    last = torch.tensor([1.0 - 2**-53], dtype=torch.float64)
    assert sample(logits[None].half(), last, SamplingConfig(temperature=0.7)).item() in (0, 2)


def test_numbers_come_from_each_rows_generator():
    def rows(*seeds):
        return draw_uniforms(3, [torch.Generator().manual_seed(s) for s in seeds], torch.device("cpu"))

    assert torch.equal(rows(1, 2)[1], rows(2)[0]) and not torch.equal(rows(1), rows(2))
    assert rows(1).shape == (1, 3) and rows(1).min() >= 0 and rows(1).max() < 1


def test_top_p_out_of_range():
    with pytest.raises(ValueError, match="top_p must be in \\(0, 1\\], got 1.5"):
        sample(LOGITS, torch.tensor(0.5), SamplingConfig(top_p=1.5))
