"""Shape of one stack of transformer blocks."""

from dataclasses import dataclass
from typing import Literal

from ditar.config.ranges import ConfigError, Count, Positive, Ranged


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

    def __post_init__(self) -> None:
        super().__post_init__()
        kv_heads = self.kv_heads or self.heads
        if self.width % self.heads or (self.width // self.heads) % 2 or self.heads % kv_heads:
            raise ConfigError(
                f"width must be an even multiple of heads, and heads a multiple of kv_heads, got {self.width}, "
                f"{self.heads} and {kv_heads}"
            )
