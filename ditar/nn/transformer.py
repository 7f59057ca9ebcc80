"""Transformer: pre-norm RMSNorm, RoPE attention, two-matrix (or gated) feed-forward (arXiv 2502.03930, section 3)."""

from collections.abc import Collection
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.attention import ALL, Attention, Mask, QueryKey, rope_tables
from ditar.nn.cross_attention import CrossAttention, CrossContext, KeysValues, padding_mask
from ditar.nn.kv_cache import KVCache, LayerCache
from ditar.nn.linear import Linear
from ditar.nn.norm import RMSNorm


class FeedForward(nn.Module):
    """`plain`: GELU between two matrices; `gated`: SiLU gate (SwiGLU), three. (..., width) -> (..., width)."""

    def __init__(self, width: int, ffn: int, kind: str = "plain"):
        super().__init__()
        self.gated = kind == "gated"
        self.up = Linear(width, ffn * (2 if self.gated else 1))
        self.down = Linear(ffn, width)

    def forward(self, x: Tensor) -> Tensor:
        if not self.gated:
            return self.down(F.gelu(self.up(x)))
        gate, x = self.up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * x)


class Block(nn.Module):
    """One layer; `cross`: with cross-attention to a context between attention and feed-forward."""

    def __init__(self, config: BlockConfig, cross: bool = False):
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.norm_epsilon)
        self.attention = Attention(config.width, config.heads, config.kv_heads, config.qkv_bias)
        self.ffn_norm = RMSNorm(config.width, config.norm_epsilon)
        self.ffn = FeedForward(config.width, config.ffn, config.ffn_kind)
        if cross:
            self.cross_norm = RMSNorm(config.width, config.norm_epsilon)
            self.cross = CrossAttention(config.width, config.heads)

    def forward(
        self,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        mask: Mask = None,
        outputs: slice = ALL,
        cache: LayerCache | None = None,
        context: tuple[Tensor | KeysValues, Tensor] | None = None,
        keep: QueryKey | None = None,
        modulation: Tensor | None = None,
    ) -> Tensor:
        """(B, S, width) -> (B, S', width); context and its mask: see CrossAttention; modulation (B, 4, width), for all
        places of a row: by how much more than 1 the norm's output is multiplied before attention, what is added behind
        attention, and the same of the feed-forward; the others: see Attention."""
        normed, by = self.attention_norm(x), None if modulation is None else modulation[:, :, None].unbind(1)
        normed = normed if by is None else normed * (1 + by[0])
        x = x[:, outputs] + self.attention(normed, tables, mask, outputs, cache, keep)
        x = x if by is None else x + by[1]
        if context is not None:
            x = x + self.cross(self.cross_norm(x), *context)
        if by is None:
            return x + self.ffn(self.ffn_norm(x))
        return x + self.ffn(self.ffn_norm(x) * (1 + by[2])) + by[3]


@dataclass
class TransformerOutput:
    """Hidden states (B, S, width) after the last norm, the advanced cache, and per kept layer its rotated queries
    and keys, see QueryKey."""

    hidden: Tensor
    cache: KVCache | None = None
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


class Transformer(nn.Module):
    """A stack of blocks and a final norm; the mask decides whether it is causal. `cross`: every block also attends to a
    context, see `read_context`."""

    def __init__(self, config: BlockConfig, cross: bool = False):
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config, cross) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.norm_epsilon)
        for block in self.blocks:  # unit gain; contributions to the residual stream shrink with depth
            for linear in (block.attention.qkv, block.ffn.up):
                nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            if config.qkv_bias:
                nn.init.zeros_(block.attention.qkv.bias)
            for linear in (block.attention.out, block.ffn.down):
                nn.init.normal_(linear.weight, std=(2 * config.layers * linear.in_features) ** -0.5)
            if cross:
                for linear in (block.cross.query, block.cross.kv):
                    nn.init.normal_(linear.weight, std=config.width**-0.5)
                nn.init.normal_(block.cross.out.weight, std=(2 * config.layers * config.width) ** -0.5)

    @property
    def head_dim(self) -> int:
        return self.config.width // self.config.heads

    def allocate(self, batch: int, capacity: int, like: Tensor, ragged: bool = False, causal: bool = True) -> KVCache:
        """An empty cache for `capacity` slots, with the dtype and device of `like`; see KVCache."""
        kv_heads = self.blocks[0].attention.kv_heads
        return KVCache.allocate(len(self.blocks), kv_heads, batch, capacity, self.head_dim, like, ragged, causal)

    def positions(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """RoPE tables for positions (S,) or (B, S), float or integer; compute them once if they do not change."""
        return rope_tables(positions, self.head_dim, self.norm.weight.dtype, self.config.rope_base)

    def read_context(self, context: Tensor, counts: Tensor, steps: bool = False) -> CrossContext:
        """What all blocks attend to: context (B, L, width), of which the first `counts` (B,) places of each row exist.
        `steps`: many steps will follow, so keys and values are computed here."""
        computed = tuple(block.cross.keys_values(context) for block in self.blocks) if steps else ()
        return CrossContext(context, padding_mask(counts, context.shape[1], context.dtype), computed)

    def forward(
        self,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        *,
        mask: Mask = None,
        outputs: slice = ALL,
        cache: KVCache | None = None,
        keep: Collection[int] = (),
        context: CrossContext | None = None,
        modulation: Tensor | None = None,
    ) -> TransformerOutput:
        """x (B, S, width); tables: see `positions`; mask (1 or B, S, Sk) bool, True = attend, or CAUSAL, without cache.

        Args:
            outputs: the positions whose hidden states are wanted; the last layer computes no others.
            cache: what came before x (the mask then comes from it).
            keep: layers whose queries and keys are returned.
            context: what blocks with cross-attention attend to.
            modulation: (B, layers, 4, width), see Block.
        """
        if cache is not None:
            mask = cache.mask(x.shape[1])
        if isinstance(mask, Tensor):  # (1 or B, 1, S, Sk), additive
            mask = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill_(~mask, float("-inf"))[:, None]
        kept = {index: QueryKey() for index in keep}
        for index, block in enumerate(self.blocks):
            x = block(
                x,
                tables,
                mask,
                outputs if index == len(self.blocks) - 1 else ALL,
                None if cache is None else cache.layer(index),
                None if context is None else context.layer(index),
                kept.get(index),
                None if modulation is None else modulation[:, index],
            )
        after = None if cache is None else cache.advance(tables[0].shape[-2])
        return TransformerOutput(self.norm(x), after, {index: (k.query, k.key) for index, k in kept.items()})
