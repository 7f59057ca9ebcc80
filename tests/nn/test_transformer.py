import copy
from dataclasses import replace

import pytest
import torch
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from ditar.config import BlockConfig
from ditar.nn.time_embedding import TimeEmbedding, sinusoids
from ditar.nn.transformer import Transformer


def build(**changes):
    torch.manual_seed(0)
    config = BlockConfig(**{"layers": 2, "width": 16, "heads": 2, "ffn": 24, **changes})
    return Transformer(config).double(), torch.randn(2, 6, 16, dtype=torch.float64)


def causal(length):
    return torch.ones(1, length, length, dtype=torch.bool).tril()


@pytest.mark.parametrize("changes", [{}, {"kv_heads": 1}, {"ffn_kind": "gated"}, {"rope_base": 1e6}])
def test_cached_equals_uncached(changes):
    model, x = build(**changes)
    positions = torch.arange(6) * 0.5
    whole = model(x, model.positions(positions), mask=causal(6)).hidden
    cache, parts = model.allocate(2, 6, x), []
    for start, end in ((0, 3), (3, 4), (4, 6)):
        output = model(x[:, start:end], model.positions(positions[start:end]), cache=cache)
        parts.append(output.hidden)
        cache = output.cache
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-12)
    assert cache.length == 6


def test_cache_skips_padding_of_shorter_rows():
    model, x = build()
    x[0, 2] = 100.0  # padding in row 0
    cache = replace(model.allocate(2, 6, x), ragged=True)
    cache.valid[0, 2] = False
    positions = torch.tensor([[0, 1, 0, 2, 3, 4], [0, 1, 2, 3, 4, 5]])
    first = model(x[:, :4], model.positions(positions[:, :4]), cache=cache)
    rest = model(x[:, 4:], model.positions(positions[:, 4:]), cache=first.cache).hidden
    alone = model(x[:1, [0, 1, 3, 4, 5]], model.positions(torch.arange(5)), mask=causal(5)).hidden
    assert torch.allclose(rest[0], alone[0, -2:], atol=1e-12)


@pytest.mark.parametrize("changes", [{}, {"kv_heads": 1}, {"ffn_kind": "gated"}])
def test_a_modulation_is_what_other_weights_would_do(changes):
    """Gains of its norms, and biases behind its halves; rows may have different ones."""
    model, x = build(**changes)
    modulation = 0.3 * torch.randn(2, 2, 4, 16, dtype=torch.float64)
    rest = {"tables": model.positions(torch.arange(6)), "mask": causal(6)}
    made = model(x, modulation=modulation, **rest).hidden
    for row, layers in enumerate(modulation):
        other = copy.deepcopy(model)
        for block, (scale, shift, ffn_scale, ffn_shift) in zip(other.blocks, layers):
            block.attention_norm.weight.data *= 1 + scale
            block.ffn_norm.weight.data *= 1 + ffn_scale
            for part, by in ((block.attention, shift), (block.ffn, ffn_shift)):
                part.register_forward_hook(lambda _, __, y, by=by: y + by)
        alone = other(x[row : row + 1], **rest).hidden
        assert torch.allclose(alone, made[row : row + 1], atol=1e-12)
    none = torch.zeros_like(modulation)
    assert torch.equal(model(x, modulation=none, **rest).hidden, model(x, **rest).hidden)


def test_full_cache_is_an_error():
    model, x = build()
    with pytest.raises(ValueError, match="holds 4 slots, but 6 are needed"):
        model(x, model.positions(torch.arange(6)), cache=model.allocate(2, 4, x))


@pytest.mark.parametrize("mask", [None, causal(6)])
@pytest.mark.parametrize("outputs", [slice(0, 1), slice(-2, None)])
def test_fewer_outputs_are_the_same_numbers(mask, outputs):
    model, x = build()
    tables = model.positions(torch.arange(6))
    whole = model(x, tables, mask=mask).hidden[:, outputs]
    assert torch.allclose(model(x, tables, mask=mask, outputs=outputs).hidden, whole, atol=1e-12)


def test_no_place_sees_what_the_mask_hides():
    model, x = build()
    changed = x.clone()
    changed[:, 4] += 1.0
    before, after = (model(v, model.positions(torch.arange(6)), mask=causal(6)).hidden for v in (x, changed))
    assert torch.equal(before[:, :4], after[:, :4]) and not torch.allclose(before[:, 4:], after[:, 4:])


def test_sinusoids_and_embedding_shapes():
    times = torch.tensor([0.0, 0.25, 1.0])
    features = sinusoids(times, 8)
    assert torch.allclose(features[0], torch.tensor([1.0] * 4 + [0.0] * 4))
    assert torch.allclose(features[1, 0], torch.tensor(250.0).cos())
    assert TimeEmbedding(16)(times).shape == (3, 16)


def test_compiled_it_computes_the_same_and_keeps_what_is_asked_for():
    torch.manual_seed(0)
    plain = Transformer(BlockConfig(2, 32, 2, 64, "plain", None))
    compiled = Transformer(BlockConfig(2, 32, 2, 64, "plain", None))
    compiled.load_state_dict(plain.state_dict())
    # Dynamo alone: what it captures is what a GPU's kernels would be made from.
    compiled.compile(backend="eager", fullgraph=True)
    for rows, length in ((5, 7), (3, 6)):
        x = torch.randn(rows, length, 32)
        made = [m(x, m.positions(torch.arange(length)), keep=(1,), outputs=slice(3, None)) for m in (plain, compiled)]
        torch.testing.assert_close(made[1].hidden, made[0].hidden)
        assert set(made[1].kept) == {1}
        torch.testing.assert_close(made[1].kept[1], made[0].kept[1])
        pairs = zip(made, (plain, compiled))
        gradients = [torch.autograd.grad(o.hidden.square().sum(), m.parameters()) for o, m in pairs]
        torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize("gradients", [True, False])
def test_derivatives_of_any_order_and_kind_are_those_of_the_plain_modules(gradients):
    """MeanFlow and its like need forward-mode derivatives, penalties second ones, ensembles `vmap` over weights."""
    torch.manual_seed(0)
    model = Transformer(BlockConfig(2, 8, 2, 16)).double()
    tables = model.positions(torch.arange(3))
    x, other = torch.randn(2, 4, 3, 8, dtype=torch.float64)

    def run(x, weights=dict(model.named_parameters())):
        return torch.func.functional_call(model, weights, (x, tables)).hidden

    with torch.set_grad_enabled(gradients), sdpa_kernel(SDPBackend.MATH):  # torch's others have no such derivatives
        many = {name: torch.stack((p, 2 * p)).detach() for name, p in model.named_parameters()}
        for row, hidden in enumerate(torch.func.vmap(run, (None, 0))(x, many)):
            torch.testing.assert_close(hidden, run(x, {name: p[row] for name, p in many.items()}))
        slope = torch.func.jvp(run, (x,), (other,))[1]
        with forward_ad.dual_level():
            dual = forward_ad.unpack_dual(run(forward_ad.make_dual(x, other))).tangent
        near = (run(x + 1e-6 * other) - run(x - 1e-6 * other)) / 2e-6
    torch.testing.assert_close(slope, near, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(dual, slope)
    x.requires_grad_()
    (wanted,) = torch.autograd.grad(run(x).square().sum(), x)
    torch.testing.assert_close(torch.func.grad(lambda x: run(x).square().sum())(x.detach()), wanted)


def test_second_derivatives():
    torch.manual_seed(0)
    model = Transformer(BlockConfig(1, 8, 2, 16, kv_heads=1)).double()
    torch.nn.init.normal_(model.norm.weight)
    x = torch.randn(4, 3, 8, dtype=torch.float64, requires_grad=True)
    tables, weights = model.positions(torch.arange(3)), (model.norm.weight, model.blocks[0].attention.qkv.weight)
    assert torch.autograd.gradgradcheck(lambda x, *_: model(x, tables).hidden, (x, *weights), fast_mode=True)


def test_the_residual_stream_begins_at_the_same_scale_at_any_depth():
    """Projections keep unit gain; what 2 x layers branches add to the stream has the variance of one in all."""
    torch.manual_seed(0)
    for layers in (2, 8):
        model = Transformer(BlockConfig(layers, 128, 4, 512))
        for block in model.blocks:
            for linear, gain in (
                (block.attention.qkv, 1.0), (block.ffn.up, 1.0), (block.attention.out, (2 * layers) ** -0.5),
                (block.ffn.down, (2 * layers) ** -0.5),
            ):  # fmt: skip
                assert linear.weight.std().item() == pytest.approx(gain * linear.in_features**-0.5, rel=0.02)
