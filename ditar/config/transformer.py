"""Shape of one stack of transformer blocks."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BlockConfig:
    """One stack of transformer blocks: pre-norm RMSNorm, RoPE, attention, feed-forward (arXiv 2502.03930, Table 8)."""

    layers: int
    width: int
    heads: int
    ffn: int
    ffn_kind: Literal["plain", "gated"] = "plain"
    kv_heads: int | None = None  # None: as many as heads
