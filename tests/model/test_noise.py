"""What is drawn in a training pass has the distributions that the configuration names."""

import pytest
import torch

from ditar.config import DiTARLossConfig
from ditar.model.noise import draw_training_noise

QUIET = {"h_dropout": 0.0, "time_end": 0.0}


def draw(rows=1, patches=1000, **changes):
    counts = torch.full((rows,), patches, device="cpu")
    generators = [torch.Generator().manual_seed(row) for row in range(rows)]
    return draw_training_noise((rows, patches, 2, 3), counts, DiTARLossConfig(**{**QUIET, **changes}), generators)


def test_paths_that_begin_without_noise_begin_at_the_end_of_time():
    """A share has x = 0 at t = 1, where temperature < 1 starts; all others have noise of unit variance."""
    drawn = draw(time_end=0.05)
    empty = (drawn.noise == 0).all(dim=(1, 2))
    assert empty.sum() == 50 and torch.equal(empty, drawn.times == 1)
    assert drawn.noise[~empty].std().item() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("name, kept, other", [
    ("h_dropout", "keep_h", "keep_history"), ("history_dropout", "keep_history", "keep_h"),
])  # fmt: skip
def test_dropout_hides_its_share_of_what_it_is_named_after(name, kept, other):
    drawn = draw(**{name: 0.2})
    assert getattr(drawn, other) is None
    assert (~getattr(drawn, kept)).double().mean().item() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("name, added, other", [
    ("lm_noise", "on_patches", "on_history"), ("history_noise", "on_history", "on_patches"),
])  # fmt: skip
def test_a_row_has_a_level_of_noise_of_its_own(name, added, other):
    drawn = draw(rows=200, patches=100, **{name: 0.4})
    assert getattr(drawn, other) is None
    levels = getattr(drawn, added).std(dim=(1, 2, 3)).sort().values / 0.4  # uniform in [0, 1]
    assert (levels - (torch.arange(200) + 0.5) / 200).abs().max() < 0.12  # 1.7 / sqrt(200)


def test_draws_are_the_same_whatever_torch_s_default_device():
    every = {"lm_noise": 0.4, "history_noise": 0.3, "h_dropout": 0.2, "history_dropout": 0.1}
    with torch.device("meta"):
        found = draw(patches=20, **every)
    for one, other in zip(vars(found).values(), vars(draw(patches=20, **every)).values()):
        assert torch.equal(one, other)
