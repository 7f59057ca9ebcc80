"""Training of a base on one voice, or a few: the system of ditar.train, with all weights or an adapter, judged by what
it says."""

from pathlib import Path
from typing import Any

import torch

from ditar.config import DiTARConfig, SamplingOptions
from ditar.data.batches import DiTARBatch
from ditar.data.latents import LatentStore
from ditar.model.adapter import add_adapter, base_fingerprint, save_adapter
from ditar.model.ditar import DiTAR
from ditar.train.ditar_system import DiTARSystem
from ditar.train.listener import Listener
from ditar.train.samples import sample_words
from ditar.train.speech_system import VALIDATION_BATCHES, Shares
from ditar.train.tracker import Tracker

SAID = "free_running_"  # prefix of the figures of free-running speech


class FinetuneSystem(DiTARSystem):
    """See `ditar.train.loop.System`. With a listener, the best model is the one whose free-running speech has the
    lowest word error plus distance (1 - similarity) from the voice; without, the one with the lowest validation loss.

    Args:
        base: the model to start from, which is not changed.
        rank: of an adapter; None: all weights are trained.
        sampling: how held-out sentences are spoken.
    """

    def __init__(
        self,
        config: DiTARConfig,
        train: LatentStore,
        valid: LatentStore,
        listener: Listener | None,
        base: DiTAR,
        rank: int | None,
        sampling: SamplingOptions,
    ):
        super().__init__(config, train, valid, listener, base)
        self.rank, self.sampling, self.base = rank, sampling, base_fingerprint(base)
        self.loss.helpers.requires_grad_(False)  # for models that begin to attend
        if rank is not None:
            add_adapter(self.model, rank)

    @torch.no_grad()
    def validate(self, model: DiTAR, step: int, rank: int = 0, ranks: int = 1) -> Shares:
        """The losses, and what is heard."""
        found = super().validate(model, step, rank, ranks)
        if self.listener is None or rank > 0 or not self.listener.pairs(self.valid):
            return found
        silent = Tracker(Path(), active=False)
        heard = sample_words(model, self.valid, self.listener, self.sampling, silent, step)
        return [*found, (VALIDATION_BATCHES, heard)]  # after the places of batches

    def figures(self, found: Shares) -> dict[str, float]:
        """`validation` is what the class says."""
        figures = super().figures(found)
        if f"{SAID}wer" in figures:
            distance = 1.0 - figures.get(f"{SAID}similarity", 1.0)
            figures["validation"] = figures[f"{SAID}wer"] + distance
        return figures

    def _with_wrong_text(self, batch: DiTARBatch) -> None:
        """The information taken from the text is no question here."""

    def sample(self, model: DiTAR, step: int, tracker: Tracker) -> dict[str, float]:
        """Nothing: validation has heard it."""
        return {}

    def export(self, model: Any, folder: Path) -> None:
        """Write what `DiTAR.from_pretrained` or `model.adapter.merge_adapter` reads."""
        if self.rank is None:
            super().export(model, folder)
        else:
            save_adapter(model, folder, self.base)
