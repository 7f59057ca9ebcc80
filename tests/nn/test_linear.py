import copy

import pytest
import torch
import torch.nn.functional as F

from ditar.nn.linear import FEWEST_ROWS, FEWEST_WEIGHTS, LONGEST, Linear, pack_linears


@pytest.fixture(autouse=True)
def small_matrices_too(monkeypatch):
    monkeypatch.setitem(FEWEST_WEIGHTS, torch.float32, 1)


def packed(dtype=torch.float32):
    torch.manual_seed(0)
    linear = Linear(32, 48).to(dtype)
    pack_linears(torch.nn.Sequential(linear))
    return linear, torch.randn(3, 4, 32, dtype=dtype)


def is_used(linear, x):
    with torch.no_grad():
        return linear._serves(x)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_packed_weights_give_the_same_numbers(dtype, tolerance, rows):
    linear, _ = packed(dtype)
    x = torch.randn(rows, 2, 32, dtype=dtype)
    assert is_used(linear, x) == (2 * rows >= FEWEST_ROWS[dtype])
    plain = F.linear(x, linear.weight)
    with torch.no_grad():
        assert torch.allclose(linear(x), plain, atol=tolerance)
        assert torch.allclose(linear(x, "gelu"), F.gelu(plain), atol=tolerance)


def test_long_sequences_pass_by_them():
    linear, _ = packed()
    assert is_used(linear, torch.randn(2, LONGEST, 32)) and not is_used(linear, torch.randn(2, LONGEST + 1, 32))


def test_gradients_and_other_dtypes_pass_by_them():
    linear, x = packed()
    linear(x).sum().backward()
    assert linear.weight.grad is not None
    double = Linear(32, 48).double()
    pack_linears(double)
    assert not is_used(double, x.double())
    with torch.no_grad():
        assert torch.allclose(double(x.double(), "gelu"), F.gelu(F.linear(x.double(), double.weight)))


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
    pack_linears(linear)
    assert is_used(linear, x)


def test_copies_do_not_share_the_layout():
    linear, x = packed()
    other = copy.deepcopy(linear)
    assert torch.equal(other.weight, linear.weight) and not is_used(other, x) and is_used(linear, x)


def test_small_matrices_in_float32_are_left_alone(monkeypatch):
    monkeypatch.undo()
    linear, x = packed()
    assert not is_used(linear, x)
