import pytest
import torch
import torch.nn.functional as F

from ditar.nn.attention import ALL, CAUSAL, Attention, QueryKey, SoftmaxAttention, apply_rotary_emb, rope_tables


def heads_of(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def reference_rotation(x, positions):
    """RoPE as complex multiplication; the two halves of a head are real and imaginary parts."""
    real, imaginary = x.chunk(2, -1)
    half = real.shape[-1]
    angle = positions[:, None, :, None] * 10_000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    rotated = torch.complex(real, imaginary) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat((rotated.real, rotated.imag), -1)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("outputs", [ALL, slice(2, 4), slice(4, 5)])
def test_projection_equals_a_plain_one(kv_heads, outputs, gradients):
    torch.manual_seed(0)
    attention = Attention(32, 4, kv_heads).double()
    x = torch.randn(2, 5, 32, dtype=torch.float64)
    positions = torch.tensor([[0.0, 1.0, 2.5, 3.0, 4.0], [7.0, 8.0, 9.0, 10.0, 11.5]], dtype=torch.float64)
    q, k, v = attention.qkv(x).split((32, 8 * kv_heads, 8 * kv_heads), -1)
    q, k = (reference_rotation(heads_of(part, n), positions) for part, n in ((q, 4), (k, kv_heads)))
    tables, kept = rope_tables(positions, 8), QueryKey()
    with torch.set_grad_enabled(gradients):
        query, key, value = attention.split_heads(attention.qkv(x), tables)
        mixed = attention(x, tables, outputs=outputs, keep=kept)
    assert torch.allclose(query, q) and torch.allclose(kept.query, q[:, :, outputs])
    assert torch.allclose(key, k) and torch.allclose(value, heads_of(v, kv_heads))
    k, v = (part.repeat_interleave(4 // kv_heads, 1) for part in (k, heads_of(v, kv_heads)))
    assert torch.allclose(kept.key, k)
    expected = F.scaled_dot_product_attention(q, k, v)[:, :, outputs].transpose(1, 2).flatten(2)
    assert torch.allclose(mixed, expected @ attention.out.weight.T)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("queries", [1, 2])
def test_shared_keys_and_values_with_a_mask(queries, rows):
    """One query is every step of generation: heads that share keys are its queries then."""
    torch.manual_seed(0)
    query, (key, value) = torch.randn(3, 4, queries, 8), torch.randn(2, 3, 2, 6, 8)
    seen = torch.rand(rows, 1, queries, 6) < 0.7
    mask = torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))
    mask[..., 0] = 0.0
    found = SoftmaxAttention()(query, key, value, mask)
    scores = torch.einsum("bhqd,bhkd->bhqk", query, key.repeat_interleave(2, 1)) / 8**0.5 + mask
    expected = scores.softmax(-1) @ value.repeat_interleave(2, 1)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("outputs", [ALL, slice(1, 3)])
@pytest.mark.parametrize("rows", [2, 4])
def test_gradients_of_the_fused_layout(outputs, rows):
    torch.manual_seed(0)
    attention = Attention(8, 2, 1).double()
    x = torch.randn(rows, 3, 8, dtype=torch.float64, requires_grad=True)
    tables = rope_tables(torch.tensor([0.0, 1.5, 2.0]), 4)
    run = lambda x, _: attention(x, tables, outputs=outputs)  # noqa: E731
    assert torch.autograd.gradcheck(run, (x, attention.qkv.weight))


def test_only_distances_matter():
    torch.manual_seed(0)
    attention = Attention(16, 2).double()
    x = torch.randn(1, 6, 16, dtype=torch.float64)
    near, far = (attention(x, rope_tables(torch.arange(6) + o, 8)) for o in (0, 100))
    assert torch.allclose(near, far)
    assert not torch.allclose(near, attention(x, rope_tables(torch.arange(6) * 2, 8)))


def test_rows_have_their_own_positions_or_share_them():
    x = torch.randn(2, 3, 4, 8)
    shared, own = (rope_tables(p, 8, torch.float32) for p in (torch.arange(4), torch.arange(4).expand(2, 4)))
    assert shared[0].shape == (1, 1, 4, 8) and own[0].shape == (2, 1, 4, 8)
    assert torch.equal(apply_rotary_emb(x, shared), apply_rotary_emb(x, own))


@pytest.mark.parametrize("sequences", [2, 8])
def test_explicit_products_equal_torch(sequences):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, sequences, 2, 7, 8, dtype=torch.float64)
    mask = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    mask = mask.masked_fill(torch.ones(7, 7).triu(1).bool(), float("-inf"))
    assert torch.allclose(SoftmaxAttention()(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, mask))


@pytest.mark.parametrize("sequences", [2, 8])  # torch's kernel, and explicit products
def test_causal_is_a_mask_of_what_comes_later(sequences):
    torch.manual_seed(0)
    given = torch.randn(3, sequences, 4, 7, 8, dtype=torch.float64)
    mask = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    mask = mask.masked_fill(torch.ones(7, 7).triu(1).bool(), float("-inf"))
    found = []
    for how in (CAUSAL, mask):
        q, k, v = (x.clone().requires_grad_() for x in given)
        output = SoftmaxAttention()(q, k[:, :2], v[:, :2], how)  # two queries share a key
        output.square().sum().backward()
        found.append((output, q.grad, k.grad, v.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_causal_needs_as_many_queries_as_keys():
    attention, x, tables = Attention(16, 4), torch.randn(2, 5, 16), rope_tables(torch.arange(5), 4, torch.float32)
    with pytest.raises(ValueError, match="CAUSAL is for as many queries as keys"):
        attention(x, tables, CAUSAL, slice(1, 3))


def test_impossible_heads_are_named():
    with pytest.raises(ValueError, match="width 30 .* heads 4"):
        Attention(30, 4)
    with pytest.raises(ValueError, match="kv_heads 3"):
        Attention(32, 4, 3)


@pytest.mark.parametrize("outputs", [ALL, slice(1, 3)])
def test_without_gradients_the_numbers_are_the_same(outputs):
    torch.manual_seed(0)
    attention = Attention(16, 4, 2)
    x = torch.randn(2, 5, 16)
    tables = rope_tables(torch.arange(5), 4)
    with_gradients = (*attention.split_heads(attention.qkv(x), tables), attention(x, tables, outputs=outputs))
    with torch.no_grad():
        without = (*attention.split_heads(attention.qkv(x), tables), attention(x, tables, outputs=outputs))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(with_gradients, without, strict=True))
