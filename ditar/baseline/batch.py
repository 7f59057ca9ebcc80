"""What the token LM is trained on, and its text."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ditar.nn.movable import Movable


@dataclass(frozen=True)
class TextCondition(Movable):
    """A text for each row: symbol ids (B, L) int64 padded with 0, or an encoded text (B, L, W); counts (B,), at least
    1: how many of the L places exist. keep (B,) bool: False leaves the row's text out (None: none is left out)."""

    text: Tensor
    counts: Tensor
    keep: Tensor | None = None

    def with_and_without(self) -> "TextCondition":
        """2 B rows for guidance: these, followed by the same without their text."""
        keep = torch.ones(len(self.counts), dtype=torch.bool, device=self.counts.device)
        text, counts = torch.cat((self.text, self.text)), torch.cat((self.counts, self.counts))
        return TextCondition(text, counts, torch.cat((keep, ~keep)))


@dataclass(frozen=True)
class Alignment(Movable):
    """When each symbol is spoken, for a text before the audio: frame_symbols (B, T) and spoken (B, T, L), see
    `ditar.data.code_batches.CodeBatch`."""

    frame_symbols: Tensor
    spoken: Tensor


@dataclass(frozen=True)
class TokenBatch(Movable):
    """Padded examples: tokens (B, Q, T) int64, arbitrary after a row's frame_counts (B,) frames; the text, unless it is
    a stream; loss_from (B,): the first frame that carries loss, if a prompt precedes it (None: 0). `examples` names
    each row; alignment: None if the times of symbols are unknown."""

    tokens: Tensor
    frame_counts: Tensor
    condition: TextCondition | None = None
    loss_from: Tensor | None = None
    alignment: Alignment | None = None
    examples: list[str] = field(default_factory=list)
    utterances: list[str] = field(default_factory=list)
