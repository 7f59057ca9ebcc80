"""Causal language model over [symbols | begin of audio | patch embeddings] (arXiv 2502.03930, section 3.1).

Rows of a batch hold their text padded on the right to L places, then their audio from place L on, so that audio
stands at the same places in every row. Padding is never attended to and takes part in no position, so a row gives
the same numbers in any batch.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.kv_cache import KVCache
from ditar.nn.transformer import Transformer


@dataclass
class LMOutput:
    """h (B, N, width): h[:, i] conditions patch i. kept: per kept layer the rotated queries (heads, B, Sq, d), whose
    last N are those of h, and keys (heads, B, L + N, d)."""

    h: Tensor
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class LMState:
    """What the LM has read: its cache and the position of the next audio embedding, (B,)."""

    cache: KVCache
    position: Tensor


class LM(nn.Module):
    """Embeds text and audio in one causal sequence; `vocabulary` counts the padding id 0."""

    def __init__(self, config: BlockConfig, vocabulary: int, audio_positions: str):
        super().__init__()
        self.symbols = nn.Embedding(vocabulary, config.width, padding_idx=0)
        self.begin = nn.Parameter(torch.randn(config.width))  # begin of audio; its output makes the first patch
        self.transformer = Transformer(config)
        self.audio_positions = audio_positions

    def forward(
        self, symbol_ids: Tensor, symbol_counts: Tensor, audio: Tensor, keep: Collection[int] = ()
    ) -> LMOutput:
        """symbol_ids (B, L), symbol_counts (B,), audio (B, N - 1, width): embeddings of the patches but the last."""
        x = self._sequence(symbol_ids, audio)
        positions, _ = self._positions(symbol_ids, symbol_counts, audio.shape[1] + 1)
        length = x.shape[1]
        mask = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        mask = mask & self._valid(symbol_ids, symbol_counts, length)[:, None]
        text = symbol_ids.shape[1]
        tables = self.transformer.positions(positions)
        output = self.transformer(x, tables, mask=mask, outputs=slice(text, None), keep=keep)
        return LMOutput(output.hidden, output.kept)

    def prefill(
        self, symbol_ids: Tensor, symbol_counts: Tensor | None, audio: Tensor, capacity: int
    ) -> tuple[Tensor, LMState]:
        """Read text, begin of audio and the patches of a prompt, audio (B, N0, width).

        Returns h of the next patch, (B, width), and the state; `capacity` is how many patches may follow.
        symbol_counts None: no row is padded, and no mask is needed afterwards.
        """
        rows, text = symbol_ids.shape
        ragged = symbol_counts is not None
        counts = symbol_counts if ragged else torch.full((rows,), text, device=symbol_ids.device)
        x = self._sequence(symbol_ids, audio)
        positions, following = self._positions(symbol_ids, counts, audio.shape[1] + 1)
        cache = self.transformer.allocate(rows, x.shape[1] + capacity, x)
        if ragged:
            cache.valid[:, :text] = self._valid(symbol_ids, counts, text)
        cache, tables = replace(cache, ragged=ragged), self.transformer.positions(positions)
        output = self.transformer(x, tables, outputs=slice(-1, None), cache=cache)
        return output.hidden[:, 0], LMState(output.cache, following)

    def step(self, audio: Tensor, state: LMState) -> tuple[Tensor, LMState]:
        """Read one patch embedding (B, width): h of the next patch, (B, width), and the state behind it."""
        tables = self.transformer.positions(state.position[:, None])
        output = self.transformer(audio[:, None], tables, cache=state.cache)
        return output.hidden[:, 0], LMState(output.cache, state.position + 1)

    def _sequence(self, symbol_ids: Tensor, audio: Tensor) -> Tensor:
        text = self.symbols(symbol_ids)  # (B, L, width)
        begin = self.begin.to(text.dtype).expand(len(text), 1, -1)
        return torch.cat((text, begin, audio.to(text.dtype)), dim=1)  # (B, L + N, width)

    def _positions(self, symbol_ids: Tensor, symbol_counts: Tensor, audio: int) -> tuple[Tensor, Tensor]:
        """Positions of all places, (B, L + audio), and of what would follow, (B,)."""
        rows, text = symbol_ids.shape
        start = symbol_counts if self.audio_positions == "continue" else torch.zeros_like(symbol_counts)
        along_text = torch.arange(text, device=symbol_ids.device).expand(rows, -1)
        along_audio = start[:, None] + torch.arange(audio, device=symbol_ids.device)
        return torch.cat((along_text, along_audio), dim=1), start + audio

    @staticmethod
    def _valid(symbol_ids: Tensor, symbol_counts: Tensor, length: int) -> Tensor:
        places = torch.arange(length, device=symbol_ids.device)
        return (places < symbol_counts[:, None]) | (places >= symbol_ids.shape[1])  # (B, length)
