import copy

import pytest
import torch
import torch.nn.functional as F
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from ditar.nn import cpu_kernels
from ditar.nn.cpu_kernels import FEWEST_WEIGHTS, MOST_ROWS, PLAIN
from ditar.nn.linear import Linear
from ditar.nn.transformer import FeedForward


@pytest.fixture(autouse=True)
def small_matrices_too(monkeypatch):
    monkeypatch.setitem(FEWEST_WEIGHTS, torch.float32, 1)


def packed(dtype=torch.float32, bias=False):
    torch.manual_seed(0)
    linear = Linear(32, 48, bias).to(dtype)
    pack(linear)
    return linear, torch.randn(3, 4, 32, dtype=dtype)


@torch.inference_mode()
def pack(linear):
    linear(torch.ones(4, 32, dtype=linear.weight.dtype))


def is_used(linear, x):
    with torch.no_grad():
        return cpu_kernels._prepacked(linear, x) is not None


def packs(dtype):
    return dtype == torch.float32 or cpu_kernels.packs_bfloat16()


def test_bfloat16_is_not_packed_where_the_cpu_cannot(monkeypatch):
    monkeypatch.setattr(cpu_kernels, "packs_bfloat16", lambda: False)
    linear, x = packed(torch.bfloat16, False)
    assert not is_used(linear, x) and linear(x).dtype == torch.bfloat16


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("shape", [(), (1, 1), (3, 2), (40, 2), (1, MOST_ROWS + 1), (2, 3, 45), (2 * MOST_ROWS,)])
@pytest.mark.parametrize("bias", [False, True])
def test_packed_weights_give_the_same_numbers(dtype, tolerance, shape, bias):
    linear, _ = packed(dtype, bias)
    x = torch.randn(*shape, 32, dtype=dtype)
    assert is_used(linear, x) == packs(dtype)
    plain = F.linear(x, linear.weight, linear.bias)
    with torch.no_grad():
        assert torch.allclose(linear(x), plain, atol=tolerance)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_a_feed_forward_with_prepacked_weights_gives_the_same_and_its_hooks_fire(dtype, tolerance):
    torch.manual_seed(0)
    ffn, fired, x = FeedForward(32, 48).to(dtype), [], torch.randn(3, 4, 32, dtype=dtype)
    with torch.inference_mode():
        plain = PLAIN[FeedForward, "forward"](ffn, x)
        assert is_used(ffn.up, x) == packs(dtype) and torch.allclose(ffn(x), plain, atol=tolerance)
        ffn.up.register_forward_hook(lambda *_: fired.append(1))
        assert torch.allclose(ffn(x), plain, atol=tolerance) and fired == [1]


def hook(up, monkeypatch):
    return up.register_forward_hook(lambda _, __, y: 0.0 * y)


def pre_hook(up, monkeypatch):
    return up.register_forward_pre_hook(lambda _, x: (0.0 * x[0],))


def hook_on_all(up, monkeypatch):
    return register_module_forward_hook(lambda one, _, y: 0.0 * y if one is up else y)


def pre_hook_on_all(up, monkeypatch):
    return register_module_forward_pre_hook(lambda one, x: (0.0 * x[0],) if one is up else x)


def other_method(up, monkeypatch):
    """As accelerate's hooks do it."""
    forward = up.forward
    monkeypatch.setattr(up, "forward", lambda x: 0.0 * forward(x))


@pytest.mark.parametrize("change", [hook, pre_hook, hook_on_all, pre_hook_on_all, other_method])
def test_what_changes_a_part_of_a_feed_forward_is_heeded(change, monkeypatch):
    ffn, x = FeedForward(32, 48), torch.randn(3, 4, 32)
    with torch.inference_mode():
        assert ffn(x).any() and is_used(ffn.up, x)
        handle = change(ffn.up, monkeypatch)
        try:
            assert not ffn(x).any()
        finally:
            if handle is not None:
                handle.remove()


def test_all_numbers_of_rows_are_filled_up_to_a_few(monkeypatch):
    """oneDNN keeps code for every number of rows that it has met."""
    linear, seen = packed()[0], {}
    product = torch.ops.mkldnn._linear_pointwise

    def counted(x, *others):
        seen[count] = x[..., 0].numel()
        return product(x, *others)

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", counted)
    with torch.no_grad():
        for count in range(1, 1025):
            for x in (torch.randn(1, count, 32), torch.randn(count, 1, 32)):
                assert torch.allclose(linear(x), F.linear(x, linear.weight), atol=1e-6)
    assert all(count == filled for count, filled in seen.items() if count <= MOST_ROWS)
    assert all(count <= filled < 1.125 * count for count, filled in seen.items())
    assert len(set(seen.values())) == MOST_ROWS + 5 * 8  # eight an octave


def test_a_wrong_width_is_told_as_torch_tells_it():
    linear, _ = packed()
    with torch.no_grad(), pytest.raises(RuntimeError, match="cannot be multiplied"):
        linear(torch.randn(3, 31))


def test_nothing_is_computed_of_no_rows():
    linear, _ = packed()
    with torch.no_grad():
        assert linear(torch.randn(2, 0, 32)).shape == (2, 0, 48)


def test_gradients_and_other_dtypes_pass_by_them():
    linear, x = packed()
    linear(x).sum().backward()
    assert linear.weight.grad is not None
    double = Linear(32, 48).double()
    pack(double)
    assert not is_used(double, x.double())
    with torch.no_grad():
        assert torch.allclose(double(x.double()), F.linear(x.double(), double.weight))


@pytest.mark.parametrize(
    "change",
    [
        lambda linear: linear.weight.add_(1.0),
        lambda linear: linear.load_state_dict({"weight": torch.ones(48, 32)}),
        lambda linear: linear.load_state_dict({"weight": torch.ones(48, 32)}, assign=True),
        lambda linear: linear.to(torch.bfloat16).float(),
    ],
)
def test_weights_that_change_are_never_served_from_the_old_layout(change):
    linear, x = packed()
    assert is_used(linear, x)
    with torch.no_grad():
        change(linear)
        assert not is_used(linear, x)
        assert torch.allclose(linear(x), F.linear(x, linear.weight))
    pack(linear)
    assert is_used(linear, x)
    with torch.no_grad():
        assert torch.allclose(linear(x), F.linear(x, linear.weight), atol=1e-6)


@pytest.mark.parametrize("when", ["at once", "after speech", "before the gradient goes"])
def test_a_step_of_a_fused_optimiser_is_served(when):
    """It writes the weights without raising their version."""
    linear, x = packed()
    optimiser = torch.optim.AdamW(linear.parameters(), lr=0.1, fused=True)
    linear(x).square().sum().backward()
    if when == "after speech":
        pack(linear)
    optimiser.step()
    if when != "before the gradient goes":
        optimiser.zero_grad()
    with torch.inference_mode():
        assert torch.allclose(linear(x), F.linear(x, linear.weight), atol=1e-6)
        assert is_used(linear, x) == (when != "before the gradient goes")


def test_copies_do_not_share_the_layout():
    linear, x = packed()
    other = copy.deepcopy(linear)
    assert torch.equal(other.weight, linear.weight) and not is_used(other, x) and is_used(linear, x)


def test_nothing_is_prepacked_outside_of_generation_or_for_frozen_weights():
    """An adapter is merged into frozen weights through `.data`, which changes neither their place nor their version."""
    linear, x = Linear(32, 48), torch.randn(3, 4, 32)
    with torch.no_grad():
        linear(x)
    assert not is_used(linear, x)
    linear.requires_grad_(False)
    pack(linear)
    assert not is_used(linear, x)
    linear.weight.data += 1.0
    with torch.inference_mode():
        assert torch.allclose(linear(x), F.linear(x, linear.weight))


def test_what_was_merged_while_weights_were_frozen_is_served():
    linear, x = packed()
    linear.requires_grad_(False)
    with torch.no_grad():
        linear(x)
        linear.weight.data += 1.0
        linear.requires_grad_(True)
        assert torch.allclose(linear(x), F.linear(x, linear.weight))


def test_small_matrices_in_float32_are_left_alone(monkeypatch):
    monkeypatch.undo()
    linear, x = packed()
    assert not is_used(linear, x)
