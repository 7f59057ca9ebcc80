"""Batches of the discrete baseline: the joined utterances of the continuous model, with codes instead of latents."""

from dataclasses import dataclass, field

import torch

from ditar.config import BaselineDataConfig
from ditar.data.codes import CodeStore
from ditar.data.epoch_plan import FrameGrid
from ditar.data.examples import Example, JoinedExamples
from ditar.data.frame_symbols import helper_targets


@dataclass(frozen=True)
class CodeBatch:
    """Padded examples.

    symbol_ids (B, L) padded with 0, symbol_counts (B,); codes (B, Q, T) int64, 0 after a row's frame_counts (B,). For
    helpers: frame_symbols (B, T) and spoken (B, T, L), see `helper_targets`. texts: what each row says.
    `examples` names each row by its utterances, joined by "+".
    """

    symbol_ids: torch.Tensor
    symbol_counts: torch.Tensor
    codes: torch.Tensor
    frame_counts: torch.Tensor
    frame_symbols: torch.Tensor
    spoken: torch.Tensor
    texts: list[str]
    utterances: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)


class CodeBatches(JoinedExamples):
    """Batches of a store of codes; all examples are whole utterances, since tokens have no patch grid to align with."""

    def __init__(self, store: CodeStore, config: BaselineDataConfig, symbols: tuple[str, ...], seed: int):
        super().__init__(store, config, FrameGrid(1, config.batch_frames, store.codec.frame_rate_hz), symbols, seed)
        self._texts = {entry.utt: entry for entry in store.entries}

    def collate(self, examples: list[Example]) -> CodeBatch:
        """Pad examples to one batch and place the helpers' targets."""
        ids, symbol_counts = self.pad_symbols(examples)
        frame_symbols, spoken = helper_targets(examples, self.ids, self.grid)
        return CodeBatch(
            symbol_ids=ids,
            symbol_counts=symbol_counts,
            codes=self.pad_values(examples, self.store.codec.codebooks).long().transpose(1, 2).contiguous(),
            frame_counts=torch.tensor([len(e.values) for e in examples], dtype=torch.long),
            frame_symbols=frame_symbols,
            spoken=spoken,
            texts=[" ".join(self._texts[u].text for u in e.utterances) for e in examples],
            utterances=[u for e in examples for u in e.utterances],
            examples=["+".join(e.utterances) for e in examples],
        )
