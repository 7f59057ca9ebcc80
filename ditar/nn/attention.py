"""Multi-head attention with rotary positions (RoPE; Su et al., 2021).

Inside, heads come first: (heads, B, S, head_dim). One pass rotates, splits and lays out queries, keys and values so
that the batched products that follow need no copies.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.nn.linear import Linear

# Off the GPU, many short sequences are trained with explicit products, since torch's kernel works on blocks of hundreds
# of keys (measured: 640 sequences of 9 tokens, forward and backward, 7.5 ms against 87 ms); it wins for one or two, and
# forward alone (8 sequences, one query and 200 keys each, in bfloat16: 44 us against 377).
EXPLICIT_FROM, EXPLICIT_BELOW = 4, 512  # sequences, keys


def rotation(
    positions: Tensor, head_dim: int, dtype: torch.dtype = torch.float64, base: float = 10_000.0
) -> tuple[Tensor, Tensor]:
    """Tables of RoPE for explicit (also fractional) positions, (S,) or (B, S) -> two (S or B, S, head_dim): the cosines
    twice over, and the sines with their sign for the first half of a head and the second."""
    frequency = base ** (-torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float64) / head_dim)
    angle = positions.to(torch.float64)[..., None] * frequency
    cosine, sine = angle.cos().to(dtype), angle.sin().to(dtype)
    return torch.cat((cosine, cosine), -1), torch.cat((-sine, sine), -1)


class _Arrange(torch.autograd.Function):
    """(B, S, heads * head_dim) -> one (n, B, S, head_dim) for each n in `groups`; all groups but the last, or all
    where `turn_last`, are turned by their positions. Groups come out of one buffer and their gradients go into one,
    where slicing would add up padded copies."""

    @staticmethod
    def forward(ctx, x: Tensor, cosine: Tensor, sine: Tensor, groups: tuple[int, ...], turn_last: bool):
        ctx.tables, ctx.groups = (cosine, sine), groups
        ctx.turned = sum(groups) if turn_last else sum(groups[:-1])
        source = x.unflatten(-1, (sum(groups), -1)).permute(2, 0, 1, 3)
        out = torch.empty(source.shape, dtype=x.dtype, device=x.device)
        _turn(source, out, cosine, sine, ctx.turned, 1)
        return out.split(groups)

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        _, batch, length, width = gradients[0].shape
        heads = sum(ctx.groups)
        out = torch.empty(batch, length, heads, width, dtype=gradients[0].dtype, device=gradients[0].device)
        start = 0
        for gradient, size in zip(gradients, ctx.groups):
            target = out.permute(2, 0, 1, 3)[start : start + size]
            _turn(gradient, target, *ctx.tables, max(0, min(size, ctx.turned - start)), -1)
            start += size
        return out.flatten(2), None, None, None, None


def _turn(source: Tensor, out: Tensor, cosine: Tensor, sine: Tensor, rotated: int, sign: int) -> None:
    half = source.shape[-1] // 2
    cosine, sine = cosine[..., half:], sine[..., half:]
    a, b = source[:rotated, ..., :half], source[:rotated, ..., half:]
    first, second = out[:rotated, ..., :half], out[:rotated, ..., half:]
    if rotated:
        torch.mul(a, cosine, out=first).addcmul_(b, sine, value=-sign)
        torch.mul(b, cosine, out=second).addcmul_(a, sine, value=sign)
    if rotated < source.shape[0]:
        out[rotated:].copy_(source[rotated:])


def arrange(
    x: Tensor, tables: tuple[Tensor, Tensor], groups: tuple[int, ...], turn_last: bool = False
) -> tuple[Tensor, ...]:
    """(B, S, heads * head_dim) -> one (n, B, S, head_dim) for each n in `groups`, turned by their positions; the last
    group only where `turn_last`."""
    cosine, sine = (table.to(x.dtype) for table in tables)
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # a compiler fuses the plain form itself
        return _Arrange.apply(x, cosine, sine, groups, turn_last)
    # Small steps of generation: fewer calls count for more than fewer passes.
    heads = x.unflatten(-1, (sum(groups), -1)).permute(2, 0, 1, 3)
    rest = heads[:0] if turn_last else heads[-groups[-1] :]
    turned = heads if turn_last else heads[: -groups[-1]]
    turned = torch.addcmul(turned * cosine, turned.roll(turned.shape[-1] // 2, -1), sine)
    return turned.split(groups) if turn_last else (*turned.split(groups[:-1]), rest)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax attention. query (H, B, Sq, d), key and value (H, B, Sk, d), additive mask (1 or B, Sq, Sk) ->
    (H, B, Sq, d)."""
    many = query.shape[1] >= EXPLICIT_FROM and key.shape[-2] < EXPLICIT_BELOW and torch.is_grad_enabled()
    if many and query.device.type != "cuda":
        scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
        if mask is not None:
            scores = scores + mask
        return scores.softmax(-1).to(value.dtype) @ value
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


class Attention(nn.Module):
    """Self-attention: fused query-key-value projection, RoPE, softmax, output projection; no biases.

    Keys and values may have fewer heads than queries (`kv_heads`), each shared by heads / kv_heads queries.
    """

    def __init__(self, width: int, heads: int, kv_heads: int | None = None):
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if width % heads or (width // heads) % 2 or heads % kv_heads:
            raise ValueError(
                f"width {width} must be a multiple of heads {heads} with an even quotient, heads of kv_heads {kv_heads}"
            )
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, width // heads
        self.qkv = Linear(width, (heads + 2 * kv_heads) * self.head_dim)
        self.out = Linear(width, width)

    def project(self, x: Tensor, tables: tuple[Tensor, Tensor], outputs: slice | None) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries (of the positions in `outputs` only), rotated keys, values: (heads, B, S, head_dim) each."""
        h, g = self.heads, self.kv_heads
        if outputs is None or not torch.is_grad_enabled():
            # Without gradients sequences are short: one product, some of whose queries nobody wants.
            query, key, value = arrange(self.qkv(x), tables, (h, g, g))
            return query if outputs is None else query[:, :, outputs], key, value
        weight_q, weight_kv = self.qkv.weight.split((h * self.head_dim, 2 * g * self.head_dim))
        q, kv = F.linear(x[:, outputs], weight_q), F.linear(x, weight_kv)
        (query,) = arrange(q, tuple(table[..., outputs, :] for table in tables), (h,), turn_last=True)
        return query, *arrange(kv, tables, (g, g))

    def merge(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Attend and project: (heads, B, S, head_dim) -> (B, S, width). mask additive (1 or B, Sq, Sk) or None."""
        if self.kv_heads != self.heads:
            repeat = self.heads // self.kv_heads
            key, value = key.repeat_interleave(repeat, 0), value.repeat_interleave(repeat, 0)
        mixed = attend(query, key, value, None if mask is None else mask.to(query.dtype))
        return self.out(mixed.permute(1, 2, 0, 3).flatten(2))
