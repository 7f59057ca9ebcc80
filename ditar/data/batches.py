"""Batches of DiTAR: joined utterances as padded patches of latents with their symbols."""

from dataclasses import dataclass

import torch

from ditar.config import DiTARDataConfig
from ditar.data.errors import DataError
from ditar.data.epoch_plan import FrameGrid
from ditar.data.examples import Example, JoinedExamples
from ditar.data.frame_symbols import alignment, helper_targets
from ditar.data.latents import LatentStore
from ditar.nn.alignment import NO_TARGET
from ditar.nn.movable import Movable
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT
from ditar.units import LATENT_RATE_HZ

__all__ = ["NO_TARGET", "DiTARBatch", "DiTARBatches"]


@dataclass(frozen=True)
class DiTARBatch(Movable):
    """Padded examples.

    symbol_ids (B, L) padded with 0, symbol_counts (B,); latents (B, N, P, C) normalised, padded with 0, patch_counts
    (B,). For the helpers of small models: frame_symbols (B, N, P), the id of the symbol spoken in each frame, the
    number of symbols for silence, NO_TARGET if unknown; spoken (B, N, L) bool, the symbols that patch i speaks. For
    monotonic reading: alignment (B, N, P), the place of the symbol that each frame speaks, see `frame_symbols`, without
    it NO_TARGET. trained (B, N) bool: the patches that losses cover, but for those of the helpers; without monotonic
    reading, all but those of poor recordings.
    `examples` names each row by its utterances, joined by "+"; no two rows of an epoch have the same name.

    B is 0 (and so are L and N) for a rank that gets none of a batch with fewer examples than there are ranks.
    """

    symbol_ids: torch.Tensor
    symbol_counts: torch.Tensor
    latents: torch.Tensor
    patch_counts: torch.Tensor
    frame_symbols: torch.Tensor
    spoken: torch.Tensor
    alignment: torch.Tensor
    trained: torch.Tensor
    utterances: list[str]
    examples: list[str]


class DiTARBatches(JoinedExamples):
    """Batches of a latent store. `patch_frames` is P; `monotonic`: for monotonic reading, so that references are
    whole patches and losses cover what follows them, as far as its symbols have times."""

    def __init__(
        self,
        store: LatentStore,
        config: DiTARDataConfig,
        patch_frames: int,
        symbols: tuple[str, ...],
        seed: int,
        monotonic: bool = False,
        poor: LatentStore | None = None,
    ):
        if config.transcript_unknown + config.transcript_wrong > 0 and UNKNOWN_TRANSCRIPT not in symbols:
            raise DataError(
                "the model's vocabulary has no symbol for unknown transcripts, as in older ones; set "
                "data.transcript_unknown and data.transcript_wrong to 0"
            )
        grid = FrameGrid(patch_frames, config.batch_patches, LATENT_RATE_HZ, config.crop_frames)
        self.monotonic = monotonic
        super().__init__(store, config, grid, symbols, seed, config, config.most_per_speaker, monotonic, poor)

    def collate(self, examples: list[Example]) -> DiTARBatch:
        """Pad examples to one batch and place the helpers' targets."""
        rows, patch, channels = len(examples), self.grid.unit_frames, len(self.store.mean)
        ids, symbol_counts = self.pad_symbols(examples)
        latents = self.pad_values(examples, channels)
        patches = latents.shape[1] // patch
        frame_symbols, spoken = helper_targets(examples, self.ids, self.grid)
        places = torch.full_like(frame_symbols, NO_TARGET)
        counts = torch.tensor([len(e.values) // patch for e in examples], dtype=torch.long)
        poor = torch.tensor([e.poor for e in examples], dtype=torch.long)
        starts = torch.arange(patches) * patch
        trained = (starts < counts[:, None] * patch) & (starts >= poor[:, None])
        if self.monotonic:
            places = alignment(examples, self.grid.rate_hz)
            trained = trained & (places.view(rows, patches, patch) != NO_TARGET).all(-1)
        return DiTARBatch(
            symbol_ids=ids,
            symbol_counts=symbol_counts,
            latents=latents.view(rows, patches, patch, channels),
            patch_counts=counts,
            frame_symbols=frame_symbols.view(rows, patches, patch),
            spoken=spoken,
            alignment=places.view(rows, patches, patch),
            trained=trained,
            utterances=[u for e in examples for u in e.utterances],
            examples=["+".join(e.utterances) for e in examples],
        )
