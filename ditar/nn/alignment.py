"""Help for small models in learning which symbol to speak when (ours; plain training of a small decoder-only model
babbles): targets from the symbols' exact times, for a layer's attention and for a head on the LM's output.

A place is whatever the LM makes one output for: a patch of latent frames, or a step of tokens.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.nn.precision import widened

NO_TARGET = -100  # cross-entropy's "ignore" value


class AlignmentHelpers(nn.Module):
    """Training only: a linear head on the LM's output at a place, which predicts the symbol spoken in each of its
    `frames`. Not part of a checkpoint.

    The classes are the `symbols` ids and, last, silence.
    """

    def __init__(self, width: int, frames: int, symbols: int):
        super().__init__()
        self.frames, self.classes = frames, symbols + 1
        self.head = nn.Linear(width, self.frames * self.classes)

    def forward(self, h: Tensor, frame_symbols: Tensor) -> Tensor:
        """h (B, N, width), frame_symbols (B, N, frames), NO_TARGET if unknown -> sum of cross-entropies."""
        known = (frame_symbols != NO_TARGET).any(-1)  # (B, N)
        logits = widened(self.head(h[known])).unflatten(-1, (self.frames, self.classes))
        if not len(logits):
            return logits.sum() * 0.0
        targets = frame_symbols[known].flatten()
        return F.cross_entropy(logits.flatten(0, 1), targets, ignore_index=NO_TARGET, reduction="sum")


def text_attention(query: Tensor, key: Tensor, symbol_counts: Tensor, symbols: int, places: int) -> Tensor:
    """Log attention from places to symbols, normalised over the symbols of a row only: (B, heads, N, L), float32 or
    wider.

    query (B, heads, Sq, d), of which the last N are the places'; key (B, heads, L + N, d), of which the first L are the
    symbols'. Padding gets -inf.
    """
    query, key = widened(query[:, :, -places:]), widened(key[:, :, :symbols])
    with torch.autocast(query.device.type, enabled=False):  # which would multiply in bfloat16
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    padding = torch.arange(symbols, device=key.device) >= symbol_counts[:, None]  # (B, L)
    return scores.masked_fill(padding[:, None, None], -torch.inf).log_softmax(-1)


def attention_error(kept: tuple[Tensor, Tensor], heads: int, symbol_counts: Tensor, spoken: Tensor) -> Tensor:
    """-log of the attention on the symbols spoken at a place: mean over the first `heads`, sum over places.

    kept: a layer's queries and keys, as for `text_attention`; spoken (B, N, L) bool, all False if nothing is known.
    """
    query, key = (x[:, :heads] for x in kept)
    speaks = spoken.any(-1)  # (B, N)
    if not speaks.any():
        return query.sum() * 0.0
    log_attention = text_attention(query, key, symbol_counts, spoken.shape[2], spoken.shape[1])  # (B, heads, N, L)
    on_target = log_attention.masked_fill(~spoken[:, None], -torch.inf).transpose(1, 2)[speaks]  # (places, heads, L)
    return -on_target.logsumexp(-1).mean(dim=1).sum()
