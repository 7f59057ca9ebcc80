"""Causal language model over [symbols | begin of audio | patch embeddings] (arXiv 2502.03930, section 3.1).

In training the audio of a row follows its text, and padding comes last, where no place that counts attends to it: no
mask is needed but that of time. In generation the audio of all rows ends at the same place, whatever precedes it, so
that new patches have the same places in every row; the gap between text and audio is never attended to and does not
count as positions. So a row gives the same numbers in any batch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.attention import CAUSAL
from ditar.nn.kv_cache import KVCache
from ditar.nn.transformer import Transformer


def _at(x: Tensor, places: Tensor) -> Tensor:
    """x (B, ..., S, width) at places (B, 1, ..., S') of its sequences -> (B, ..., S', width)."""
    shape = (*x.shape[:-2], places.shape[-1], x.shape[-1])
    return x.gather(-2, places[..., None].expand(shape))


@dataclass
class LMOutput:
    """h (B, N, width): h[:, i] conditions patch i. kept: per kept layer the rotated queries of h (B, heads, N, d), and
    keys (B, heads, L + N, d), those of the text, padded to L, first."""

    h: Tensor
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class LMState:
    """What the LM has read: its cache, and the RoPE tables (B, 1, capacity, d) of the places after the prefill, of
    which `used` are filled."""

    cache: KVCache
    tables: tuple[Tensor, Tensor]
    used: int = 0

    def select(self, rows: Sequence[int]) -> "LMState":
        """The state of some of the rows."""
        tables = tuple(table[rows] for table in self.tables)
        return replace(self, cache=self.cache.select(rows), tables=tables)

    def join(self, other: "LMState", capacity: int) -> "LMState":
        """The state of these rows, then of the other's; at most `capacity` patches may follow."""
        following = [[table[:, :, s.used : s.used + capacity] for table in s.tables] for s in (self, other)]
        tables = []
        for own, others in zip(*following):
            padded = own.new_zeros(len(own) + len(others), 1, capacity, own.shape[3])
            padded[: len(own), :, : own.shape[2]] = own
            padded[len(own) :, :, : others.shape[2]] = others
            tables.append(padded)
        return LMState(self.cache.join(other.cache, capacity), tuple(tables))


class LM(nn.Module):
    """Embeds text and audio in one causal sequence; `vocabulary` counts the padding id 0."""

    def __init__(self, config: BlockConfig, vocabulary: int, audio_positions: str):
        super().__init__()
        self.symbols = nn.Embedding(vocabulary, config.width, padding_idx=0)
        self.begin = nn.Parameter(torch.randn(config.width))  # begin of audio; its output makes the first patch
        self.transformer = Transformer(config)
        self.audio_positions = audio_positions

    def forward(
        self,
        symbol_ids: Tensor,
        symbol_counts: Tensor,
        audio: Tensor,
        keep: Collection[int] = (),
        reading: Tensor | None = None,
    ) -> LMOutput:
        """symbol_ids (B, L), symbol_counts (B,), audio (B, N - 1, width): embeddings of all patches but the last.
        reading (B, N, width): what is added to begin of audio and to them."""
        symbols = self.symbols(symbol_ids)  # (B, L, width)
        begin = self.begin.to(symbols.dtype).expand(len(symbols), 1, -1)
        heard = torch.cat((begin, audio.to(symbols.dtype)), dim=1)  # (B, N, width)
        if reading is not None:
            heard = heard + reading.to(heard.dtype)
        x = torch.cat((symbols, heard), dim=1)  # (B, L + N, width)
        text, places = symbol_ids.shape[1], torch.arange(x.shape[1], device=x.device)
        counts = symbol_counts[:, None]
        # Where each place of a row, text and then audio, comes from, and where text and audio went: (B, L + N) each.
        sources = torch.where(places < counts, places, text + places - counts).clamp(max=len(places) - 1)
        targets = torch.where(places < text, places, counts + places - text)
        positions = torch.where(places < counts, places, self._first_position(counts) + places - counts)
        output = self.transformer(_at(x, sources), self.transformer.positions(positions), mask=CAUSAL, keep=keep)
        audio_places = targets[:, text:]
        kept = {
            layer: (_at(query, audio_places[:, None]), _at(key, targets[:, None]))
            for layer, (query, key) in output.kept.items()
        }
        return LMOutput(_at(output.hidden, audio_places), kept)

    def prefill(
        self,
        symbol_ids: Sequence[Tensor],
        audio: Sequence[Tensor],
        capacity: int,
        reading: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, LMState]:
        """Read each row's text (L,), begin of audio and the patches of its prompt (N0, width); reading (N0 + 1, width)
        is added to the latter two.

        Returns h of the next patch, (B, width), and the state; `capacity` is how many patches may follow.
        """
        lengths = [len(ids) + 1 + len(heard) for ids, heard in zip(symbol_ids, audio, strict=True)]
        rows, total, weight = len(lengths), max(lengths), self.symbols.weight
        x = weight.new_zeros(rows, total, weight.shape[1])
        cache = self.transformer.allocate(rows, total + capacity, x, ragged=min(lengths) < total)
        positions = torch.zeros(rows, total + capacity, dtype=torch.long, device=x.device)
        for row, (ids, heard) in enumerate(zip(symbol_ids, audio)):
            text, begin = len(ids), total - 1 - len(heard)
            x[row, :text], x[row, begin], x[row, begin + 1 :] = self.symbols(ids), self.begin, heard
            if reading is not None:
                x[row, begin:] += reading[row]
            cache.valid[row, text:begin] = False
            positions[row, :text] = torch.arange(text, device=x.device)
            places = torch.arange(total + capacity - begin, device=x.device)
            positions[row, begin:] = self._first_position(text) + places
        tables = self.transformer.positions(positions)
        read, following = zip(*(table.split((total, capacity), dim=2) for table in tables))
        output = self.transformer(x, read, outputs=slice(-1, None), cache=cache)
        return output.hidden[:, 0], LMState(output.cache, following)

    def step(self, audio: Tensor, state: LMState) -> tuple[Tensor, LMState]:
        """Read one patch embedding (B, width): h of the next patch, (B, width), and the state after it."""
        tables = tuple(table[:, :, state.used : state.used + 1] for table in state.tables)
        output = self.transformer(audio[:, None], tables, cache=state.cache)
        return output.hidden[:, 0], replace(state, cache=output.cache, used=state.used + 1)

    def _first_position(self, symbol_counts: Tensor | int) -> Tensor | int:
        """Of the begin of audio, after texts of these lengths."""
        return symbol_counts if self.audio_positions == "continue" else 0 * symbol_counts
