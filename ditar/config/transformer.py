"""Shape of one stack of transformer blocks."""

from dataclasses import dataclass
from typing import Literal

from ditar.config.ranges import Count, Positive, Ranged


@dataclass(frozen=True)
class BlockConfig(Ranged):
    """One stack of transformer blocks: pre-norm RMSNorm, RoPE, attention, feed-forward (arXiv 2502.03930, Table 8)."""

    layers: Count
    width: Count
    heads: Count
    ffn: Count
    ffn_kind: Literal["plain", "gated"] = "plain"
    kv_heads: Count | None = None  # None: as many as heads
    # As in the paper by default; language models of text have others.
    qkv_bias: bool = False
    rope_base: Positive = 10_000.0  # positions turn the slowest pair of a head by almost 1 / rope_base a place
    norm_epsilon: Positive = 1e-6  # of all RMSNorms
