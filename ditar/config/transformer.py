"""Shape of one stack of transformer blocks."""

from dataclasses import dataclass
from typing import Literal

from ditar.config.ranges import Count, Ranged


@dataclass(frozen=True)
class BlockConfig(Ranged):
    """One stack of transformer blocks: pre-norm RMSNorm, RoPE, attention, feed-forward (arXiv 2502.03930, Table 8)."""

    layers: Count
    width: Count
    heads: Count
    ffn: Count
    ffn_kind: Literal["plain", "gated"] = "plain"
    kv_heads: Count | None = None  # None: as many as heads
