"""Blends of voices: rows of a batch for which the LM reads the text after each of several references (ours).

The LM has as many rows of its own for such a row as it has voices; all read the same patches. LocDiT gets the mean of
their outputs h, weighted by the voices' shares, so that it makes each patch once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from ditar.model.reading import ReadingState


@dataclass(frozen=True)
class Blend:
    """shares: of the voices of each row of a batch, 1 in all; the LM's rows are the voices, row by row."""

    shares: tuple[tuple[float, ...], ...]

    @cached_property
    def owners(self) -> list[int]:
        """The row that each of the LM's rows belongs to."""
        return [row for row, shares in enumerate(self.shares) for _ in shares]

    def voices(self, rows: Sequence[int]) -> list[int]:
        """The LM's rows of some of the rows."""
        ends = [0, *accumulate(map(len, self.shares))]
        return [voice for row in rows for voice in range(ends[row], ends[row + 1])]

    def expand(self, x: Tensor | ReadingState | None) -> Any:
        """(B, ...) of the rows -> (R, ...) of those of the LM; likewise how far they have read."""
        if self._plain or x is None:
            return x
        return x[self.owners] if isinstance(x, Tensor) else x.select(self.owners)

    def mean(self, h: Tensor) -> Tensor:
        """The LM's (R, width) -> (B, width) for the rows."""
        return h if self._plain else self._weights.to(h) @ h

    def select(self, rows: Sequence[int]) -> "Blend":
        """Of some of the rows."""
        return Blend(tuple(self.shares[row] for row in rows))

    def join(self, other: "Blend") -> "Blend":
        """Of these rows, then of the other's."""
        return Blend(self.shares + other.shares)

    @cached_property
    def _plain(self) -> bool:
        return all(len(shares) == 1 for shares in self.shares)

    @cached_property
    def _weights(self) -> Tensor:
        return torch.block_diag(*(torch.tensor([shares], dtype=torch.float64) for shares in self.shares))  # (B, R)
