"""Cross-attention to a sequence that stays as it is, such as an encoded text."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ditar.nn.attention import attend


@dataclass(frozen=True)
class CrossContext:
    """What the layers of a transformer attend to, read once: of each layer the keys and values (heads, B, L, d), and an
    additive mask (B, 1, L), -inf at padding."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor

    def select(self, rows: Sequence[int]) -> "CrossContext":
        """Of some of the rows."""
        keys, values = (tuple(x[:, rows] for x in layers) for layers in (self.keys, self.values))
        return CrossContext(keys, values, self.mask[rows])


class CrossAttention(nn.Module):
    """Queries from x, keys and values from a context of the same width; no positions, no biases.

    A context of zeros gives zero: that is how a text is left out.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def read(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, width) -> keys and values (heads, B, L, d)."""
        key, value = self._split(self.kv(context), 2 * self.heads).chunk(2)
        return key, value

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """x (B, S, width), keys and values (heads, B, L, d), additive mask (B, 1, L) -> (B, S, width)."""
        query = self._split(self.query(x), self.heads)
        mixed = attend(query, key, value, mask.to(query.dtype))
        return self.out(mixed.permute(1, 2, 0, 3).flatten(2))

    @staticmethod
    def _split(x: Tensor, heads: int) -> Tensor:
        return x.unflatten(-1, (heads, -1)).permute(2, 0, 1, 3)


def padding_mask(counts: Tensor, length: int, dtype: torch.dtype) -> Tensor:
    """Additive mask (B, 1, L) that hides what lies behind the first `counts` (B,) of L places."""
    hidden = torch.arange(length, device=counts.device) >= counts[:, None]
    mask = torch.zeros(hidden.shape, dtype=dtype, device=counts.device)
    return mask.masked_fill_(hidden, float("-inf"))[:, None]
