import pytest
import torch
import torch.nn.functional as F

from ditar.nn.attention import Attention, attend, rotation


def heads_of(x, heads):
    return x.unflatten(-1, (heads, -1)).permute(2, 0, 1, 3)


def reference_rotation(x, positions):
    """RoPE as complex multiplication; the two halves of a head are real and imaginary parts."""
    real, imaginary = x.chunk(2, -1)
    half = real.shape[-1]
    angle = positions[..., None] * 10_000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    turned = torch.complex(real, imaginary) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat((turned.real, turned.imag), -1)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("outputs", [None, slice(2, 4)])
def test_projection_equals_a_plain_one(kv_heads, outputs):
    torch.manual_seed(0)
    attention = Attention(32, 4, kv_heads).double()
    x = torch.randn(2, 5, 32, dtype=torch.float64)
    positions = torch.tensor([[0.0, 1.0, 2.5, 3.0, 4.0], [7.0, 8.0, 9.0, 10.0, 11.5]], dtype=torch.float64)
    q, k, v = attention.qkv(x).split((32, 8 * kv_heads, 8 * kv_heads), -1)
    q, k = (reference_rotation(heads_of(part, n), positions) for part, n in ((q, 4), (k, kv_heads)))
    query, key, value = attention.project(x, rotation(positions, 8), outputs)
    assert torch.allclose(query, q if outputs is None else q[:, :, outputs])
    assert torch.allclose(key, k) and torch.allclose(value, heads_of(v, kv_heads))


@pytest.mark.parametrize("outputs", [None, slice(1, 3)])
def test_gradients_of_the_fused_layout(outputs):
    torch.manual_seed(0)
    attention = Attention(8, 2, 1).double()
    x = torch.randn(2, 3, 8, dtype=torch.float64, requires_grad=True)
    tables = rotation(torch.tensor([0.0, 1.5, 2.0]), 4)
    run = lambda x, _: attention.merge(*attention.project(x, tables, outputs), None)  # noqa: E731
    assert torch.autograd.gradcheck(run, (x, attention.qkv.weight))


def test_only_distances_matter():
    torch.manual_seed(0)
    attention = Attention(16, 2).double()
    x = torch.randn(1, 6, 16, dtype=torch.float64)
    near, far = (attention.merge(*attention.project(x, rotation(torch.arange(6) + o, 8), None), None) for o in (0, 100))
    assert torch.allclose(near, far)
    turned = attention.merge(*attention.project(x, rotation(torch.arange(6) * 2, 8), None), None)
    assert not torch.allclose(near, turned)


@pytest.mark.parametrize("sequences", [2, 8])
def test_explicit_products_equal_torch(sequences):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, sequences, 7, 8, dtype=torch.float64)
    mask = torch.zeros(1, 7, 7, dtype=torch.float64).masked_fill(torch.ones(7, 7).triu(1).bool(), float("-inf"))
    assert torch.allclose(attend(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, mask))


def test_impossible_heads_are_named():
    with pytest.raises(ValueError, match="width 30 .* heads 4"):
        Attention(30, 4)
    with pytest.raises(ValueError, match="kv_heads 3"):
        Attention(32, 4, 3)


@pytest.mark.parametrize("outputs", [None, slice(1, 3)])
def test_without_gradients_the_numbers_are_the_same(outputs):
    torch.manual_seed(0)
    attention = Attention(16, 4, 2)
    x = torch.randn(2, 5, 16)
    tables = rotation(torch.arange(5), 4)
    with_gradients = attention.project(x, tables, outputs)
    with torch.no_grad():
        without = attention.project(x, tables, outputs)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(with_gradients, without, strict=True))
