import pytest
import torch

from ditar.baseline.depth import DepthTransformer, PerStreamLinear
from ditar.config import BlockConfig


def build(**changes):
    torch.manual_seed(0)
    block = BlockConfig(**{"layers": 2, "width": 16, "heads": 4, "ffn": 24, **changes})
    depth = DepthTransformer(block, 12, 10, (7, 7, 9), (6, 6, 8)).double()
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(5, 12, generator=generator, dtype=torch.float64)
    before = torch.randint(0, 10, (5, 2), generator=generator)
    return depth, hidden, before, torch.randint(0, 6, (5, 3), generator=generator)


@pytest.mark.parametrize("changes", [{}, {"ffn_kind": "gated"}, {"kv_heads": 2}])
def test_one_stream_after_the_other_equals_all_at_once(changes):
    depth, hidden, before, tokens = build(**changes)
    whole = depth(hidden, before, tokens)
    assert [tuple(x.shape) for x in whole] == [(5, 6), (5, 6), (5, 8)]
    state, read = depth.begin(hidden), depth.embed_before(before)
    for k in range(3):
        logits, state = depth.step(state, read)
        assert torch.allclose(logits, whole[k], atol=1e-12)
        read = depth.embed_token(tokens[:, k], k) if k < 2 else None


def test_a_stream_sees_those_before_it_and_no_other():
    depth, hidden, before, tokens = build()
    whole = depth(hidden, before, tokens)
    changed = tokens.clone()
    changed[:, 1] = (tokens[:, 1] + 1) % 6
    after = depth(hidden, before, changed)
    assert torch.equal(whole[0], after[0]) and torch.equal(whole[1], after[1])
    assert not torch.allclose(whole[2], after[2])
    assert not torch.allclose(whole[0], depth(hidden, (before + 1) % 10, tokens)[0])


def test_no_token_is_no_embedding():
    depth, _, before, _ = build()
    assert torch.equal(depth.embed_before(torch.full_like(before, -1)), torch.zeros(5, 16, dtype=torch.float64))


def test_each_stream_has_its_own_weights():
    torch.manual_seed(0)
    linear = PerStreamLinear(3, 4, 5, 1.0)
    x = torch.randn(2, 2, 4)
    expected = torch.stack([x[:, i] @ linear.weight[1 + i].T for i in range(2)], dim=1)
    assert torch.allclose(linear(x, first=1), expected)


def test_it_predicts_what_streams_of_one_step_share():
    """The second stream is the first and 1, the first is noise: only who sees the first in the same step can know."""
    torch.manual_seed(0)
    depth = DepthTransformer(BlockConfig(1, 16, 2, 32), 4, 1, (6, 6), (6, 6))
    optimiser = torch.optim.Adam(depth.parameters(), lr=1e-2)
    hidden, before = torch.zeros(64, 4), torch.zeros(64, 1, dtype=torch.long)
    for _ in range(60):
        first = torch.randint(0, 6, (64,))
        tokens = torch.stack((first, (first + 1) % 6), dim=1)
        logits = depth(hidden, before, tokens)
        losses = [torch.nn.functional.cross_entropy(logits[k], tokens[:, k]) for k in range(2)]
        optimiser.zero_grad()
        sum(losses).backward()
        optimiser.step()
    assert losses[0] > 1.5 and losses[1] < 0.2  # log 6 = 1.79 cannot be beaten
