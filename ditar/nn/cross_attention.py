"""Cross-attention to a fixed sequence, such as an encoded text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ditar.nn.attention import SoftmaxAttention

KeysValues = tuple[Tensor, Tensor]  # (B, heads, L, d) each


@dataclass(frozen=True)
class CrossContext:
    """What the layers of a transformer attend to: hidden (B, L, width), additive mask (B, 1, 1, L), -inf at padding,
    and, if many steps follow, each layer's keys and values of it, computed once."""

    hidden: Tensor
    mask: Tensor
    computed: tuple[KeysValues, ...] = ()

    def layer(self, index: int) -> tuple[Tensor | KeysValues, Tensor]:
        """What CrossAttention reads in a layer."""
        return self.computed[index] if self.computed else self.hidden, self.mask

    def select(self, rows: Sequence[int]) -> "CrossContext":
        """The context of some of the rows."""
        computed = tuple((key[rows], value[rows]) for key, value in self.computed)
        return replace(self, hidden=self.hidden[rows], mask=self.mask[rows], computed=computed)


class CrossAttention(nn.Module):
    """Queries from x, keys and values from a context of the same width; no positions, no biases.

    A context of zeros gives zero: this is how a text is left out.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * width, bias=False)
        self.attend = SoftmaxAttention()
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, context: Tensor | KeysValues, mask: Tensor) -> Tensor:
        """x (B, S, width), context (B, L, width) or what `keys_values` made of it, additive mask (B, 1, 1, L) ->
        (B, S, width)."""
        query = self._split(self.query(x), self.heads)
        key, value = self.keys_values(context) if isinstance(context, Tensor) else context
        return self.out(self.attend(query, key, value, mask).transpose(1, 2).flatten(2))

    def keys_values(self, context: Tensor) -> KeysValues:
        """(B, L, width) -> keys and values."""
        key, value = self._split(self.kv(context), 2 * self.heads).chunk(2, 1)
        return key, value

    @staticmethod
    def _split(x: Tensor, heads: int) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def padding_mask(counts: Tensor, length: int, dtype: torch.dtype) -> Tensor:
    """Additive mask (B, 1, 1, L) that hides everything after the first `counts` (B,) of L places."""
    hidden = torch.arange(length, device=counts.device) >= counts[:, None]
    mask = torch.zeros(hidden.shape, dtype=dtype, device=counts.device)
    return mask.masked_fill_(hidden, float("-inf"))[:, None, None]
