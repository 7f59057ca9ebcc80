"""Multi-head attention with rotary positions (RoPE; Su et al., 2021). Heads are (B, heads, S, head_dim)."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.nn.kv_cache import LayerCache
from ditar.nn.linear import Linear

ALL = slice(None)
CAUSAL = "causal"  # in place of a mask: no query sees what comes after it. Without a mask a GPU has its fastest kernel.
Mask = Tensor | Literal["causal"] | None


def rope_tables(
    positions: Tensor, head_dim: int, dtype: torch.dtype = torch.float64, base: float = 10_000.0
) -> tuple[Tensor, Tensor]:
    """RoPE tables for explicit (also fractional) positions, (S,) or (B, S) -> two (1 or B, 1, S, head_dim): the
    cosines repeated, and the sines, negative for the first half of a head."""
    frequency = base ** (-torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float64) / head_dim)
    angle = torch.atleast_2d(positions).to(torch.float64)[:, None, :, None] * frequency
    cosine, sine = angle.cos().to(dtype), angle.sin().to(dtype)
    return torch.cat((cosine, cosine), -1), torch.cat((-sine, sine), -1)


def apply_rotary_emb(x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """(B, heads, S, head_dim), each head rotated by its position; tables: see `rope_tables`."""
    cosine, sine = (table.to(x.dtype) for table in tables)
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, -1), sine)


@dataclass
class QueryKey:
    """Where an attention stores its rotated queries (B, heads, Sq, head_dim) and keys (B, heads, S, head_dim, shared
    ones repeated) for the caller: an object, since wrappers of a block pass it on unchanged."""

    query: Tensor | None = None
    key: Tensor | None = None


class SoftmaxAttention(nn.Module):
    """The products only: queries (B, heads, Sq, d), keys and values (B, kv_heads, Sk, d), each shared by heads /
    kv_heads queries, additive mask (1 or B, 1, Sq, Sk), or CAUSAL if Sq is Sk -> (B, heads, Sq, d)."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Mask = None) -> Tensor:
        added = mask.to(query.dtype) if isinstance(mask, Tensor) else None
        heads, shared = query.shape[1], key.shape[1]
        if query.shape[2] == 1 and heads != shared:  # those that share keys as its queries: nothing cached is copied
            query = query.reshape(len(query), shared, heads // shared, query.shape[-1])
            mixed = F.scaled_dot_product_attention(query, key, value, added)
            return mixed.reshape(len(query), heads, 1, value.shape[-1])
        key, value = share_heads(key, heads), share_heads(value, heads)
        return F.scaled_dot_product_attention(query, key, value, added, is_causal=isinstance(mask, str))


def share_heads(x: Tensor, heads: int) -> Tensor:
    """(B, kv_heads, S, d) -> (B, heads, S, d)."""
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], 1)


class Attention(nn.Module):
    """Self-attention: fused query-key-value projection, RoPE, softmax, output projection.

    Keys and values may have fewer heads than queries (`kv_heads`). Only the first projection may have a bias
    (`qkv_bias`).
    """

    def __init__(self, width: int, heads: int, kv_heads: int | None = None, qkv_bias: bool = False):
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if width % heads or (width // heads) % 2 or heads % kv_heads:
            raise ValueError(
                f"width {width} must be a multiple of heads {heads} with an even quotient, heads of kv_heads {kv_heads}"
            )
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, width // heads
        self.qkv = Linear(width, (heads + 2 * kv_heads) * self.head_dim, qkv_bias)
        self.attend = SoftmaxAttention()
        self.out = Linear(width, width)

    def forward(
        self,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        mask: Mask = None,
        outputs: slice = ALL,
        cache: LayerCache | None = None,
        keep: QueryKey | None = None,
    ) -> Tensor:
        """x (B, S, width); tables: see `rope_tables`; mask additive (1 or B, 1, S, Sk), or CAUSAL -> (B, S', width).

        outputs: the S' positions that are queries, all of them if CAUSAL; cache: what came before x, to which x is
        added; keep: where queries and keys are stored. ValueError: CAUSAL with some outputs only, or with a cache.
        """
        if mask is CAUSAL and (cache is not None or outputs != ALL):
            raise ValueError("CAUSAL is for as many queries as keys; give a mask for a cache, or for some outputs only")
        query, key, value = self.split_heads(self.qkv(x), tables)
        query, mask = query[:, :, outputs], mask[:, :, outputs] if isinstance(mask, Tensor) else mask
        if keep is not None:
            keep.query, keep.key = query, share_heads(key, self.heads)
        if cache is not None:
            key, value = cache.write(key, value)
        return self.out(self.attend(query, key, value, mask).transpose(1, 2).flatten(2))

    def split_heads(self, qkv: Tensor, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries (B, heads, S, head_dim), rotated keys and values (B, kv_heads, S, head_dim)."""
        h, g = self.heads, self.kv_heads
        to_rotate, value = qkv.unflatten(-1, (h + 2 * g, -1)).transpose(1, 2).split((h + g, g), 1)
        query, key = apply_rotary_emb(to_rotate, tables).split((h, g), 1)
        return query, key, value
