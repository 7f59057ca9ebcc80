"""Training of a DiTAR on latents on disk: losses, batches, validation, free-running samples."""

from bisect import bisect_right
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ditar.config import DiTARConfig, to_dict
from ditar.data.batches import DiTARBatch, DiTARBatches
from ditar.data.latents import LatentStore
from ditar.diffusion.ddim import DDIM
from ditar.model.ditar import DiTAR
from ditar.model.loss import AlignmentHelpers, DiTARLoss
from ditar.train.checkpoint import start_from
from ditar.train.keys import fingerprint, keyed_generators
from ditar.train.samples import Listener, sample_words, speaker_pairs, teacher_forced_words
from ditar.train.tracker import Tracker

VALIDATION_BATCHES = 4


class DiTARSystem:
    """See `ditar.train.loop.System`. `listener` turns waveforms into words for the word errors of `sample`;
    `init` is a trained model to start from."""

    def __init__(
        self,
        config: DiTARConfig,
        train: LatentStore,
        valid: LatentStore,
        listener: Listener | None = None,
        init: DiTAR | None = None,
    ):
        torch.manual_seed(config.run.seed)
        self.config, self.listener, self.valid = config, listener, valid
        self.model = DiTAR(config.model)
        if init is not None:
            # What the corpus has to say of itself does not belong to the weights.
            mine = self.model.config
            of_corpus = {n: getattr(mine, n) for n in ("seconds_per_symbol", "trained_symbols", "trained_seconds")}
            start_from(self.model, init, to_dict(mine), to_dict(replace(init.config, **of_corpus)))
        symbols = self.model.config.symbols
        self.loss = DiTARLoss(config.loss, self.model, AlignmentHelpers(self.model.config))
        self.optimised = {"model": self.loss}
        patch_frames, seed = config.model.patch_frames, config.run.seed
        self.batches = DiTARBatches(train, config.data, patch_frames, symbols, seed)
        self.valid_batches = DiTARBatches(valid, config.data, patch_frames, symbols, seed)
        described = [entry.line.decode() for entry in train.entries]
        self.fingerprint = fingerprint([*described, train.made_from, str(train.mean.tolist()), str(train.std.tolist())])
        self.steps_place_data = config.data.curriculum_until > 0
        self.epoch_starts = [0]  # the first batch of each epoch, as far as it is known

    def helper_scale(self, step: int) -> float:
        """1 for most of the helped part of the run, falling to 0 over its last third."""
        end = self.config.loss.helper_until * self.config.optimiser.steps
        return 0.0 if end == 0 else float(np.clip(3.0 * (1.0 - step / end), 0.0, 1.0))

    def phases(self, step: int) -> tuple[str, ...]:
        """One."""
        return ("model",)

    def batch(self, step: int, part: int, phases: tuple[str, ...], rank: int = 0, ranks: int = 1) -> DiTARBatch:
        """This rank's rows of the next batch of the epoch in which this step falls."""
        index = step * self.config.optimiser.accumulation + part
        starts = self.epoch_starts
        while starts[-1] <= index:  # the next epoch's length is only known from its plan
            starts.append(starts[-1] + len(self.batches.plan(len(starts) - 1, self._limit(starts[-1]))))
        epoch = bisect_right(starts, index) - 1
        place = epoch, index - starts[epoch], self._limit(starts[epoch])
        batch = self.batches.batch(*place, rank, ranks)
        if batch.examples:
            return batch
        # More ranks than examples: every rank must take part in every step, so this one computes something for nothing.
        return replace(self.batches.batch(*place, 0, ranks), utterances=[])

    def counts(self, batch: DiTARBatch) -> torch.Tensor:
        """What the losses are means over."""
        return DiTARLoss.counts(batch) * bool(batch.utterances)

    def _limit(self, index: int) -> float:
        """Longest example in seconds (the curriculum) of an epoch that begins at this batch."""
        data, optimiser = self.config.data, self.config.optimiser
        end = data.curriculum_until * optimiser.steps * optimiser.accumulation
        share = 1.0 if end == 0 else min(1.0, index / end)
        return data.first_seconds + share * (data.max_seconds - data.first_seconds)

    def forward(
        self, loss: nn.Module, phase: str, batch: DiTARBatch, step: int, counts: torch.Tensor
    ) -> tuple[torch.Tensor, dict]:
        """This batch's share of the loss, and its parts; noise is keyed by (seed, step, utterances)."""
        generators = keyed_generators(self.config.run.seed, step, batch.examples)
        losses = loss(batch, generators, self.helper_scale(step), counts)
        places = torch.tensor(batch.latents.shape[0] * batch.latents.shape[1])
        parts = {**losses, "patches": batch.patch_counts.sum(), "padded_patches": places}
        counted = bool(batch.utterances)
        return losses["loss"] * counted, {name: value * counted for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, model: DiTAR, step: int) -> dict[str, float]:
        """Losses on fixed batches with fixed noise, and the information taken from the text: the diffusion loss with
        another utterance's text minus that with the right one (zero means babble)."""
        device = next(model.parameters()).device
        quiet = replace(self.config.loss, lm_noise=0.0, history_noise=0.0, history_dropout=0.0, h_dropout=0.0)
        loss = DiTARLoss(quiet, model, self.loss.helpers)
        figures: dict[str, float] = {}
        plan = self.valid_batches.plan(0, self.config.data.max_seconds)
        count = min(VALIDATION_BATCHES, len(plan))
        for position in range(count):
            batch = self.valid_batches.batch(0, position, self.config.data.max_seconds).to(device)
            wrong = replace(batch, symbol_ids=batch.symbol_ids.roll(1, 0), symbol_counts=batch.symbol_counts.roll(1, 0))
            for name, one in (("", batch), ("wrong_text_", wrong)):
                with torch.autocast(device.type, torch.bfloat16, enabled=self.config.optimiser.precision == "bf16"):
                    generators = keyed_generators(self.config.run.seed, 0, one.examples)
                    losses = loss(one, generators, 0.0 if name else 1.0)
                for key, value in losses.items():
                    figures[name + key] = figures.get(name + key, 0.0) + value.item() / count
        figures["text_gain"] = figures["wrong_text_diffusion"] - figures["diffusion"]
        return {"validation": figures["diffusion"], **figures}

    @torch.no_grad()
    def sample(self, model: DiTAR, step: int, tracker: Tracker) -> dict[str, float]:
        """Attention plot; with a listener, teacher-forced and free-running word error and the audio."""
        self._attention_plot(model, step, tracker)
        if self.listener is None or not speaker_pairs(self.valid):
            return {}
        solver = DDIM(10)
        teacher = teacher_forced_words(model, self.valid, self.listener, solver)
        free = sample_words(model, self.valid, self.listener, solver, tracker, step)
        return {"teacher_forced_wer": teacher, **free}

    def _attention_plot(self, model: DiTAR, step: int, tracker: Tracker) -> None:
        """The head whose attention lies most on what is spoken, for the first validation example."""
        device = next(model.parameters()).device
        batch = self.valid_batches.batch(0, 0, self.config.data.max_seconds).to(device)
        row = slice(0, 1)
        maps = model.attention_maps(
            batch.symbol_ids[row], batch.symbol_counts[row], batch.latents[row], batch.patch_counts[row]
        )[0].flatten(0, 1)  # (layers * heads, N, L)
        mass = (maps * batch.spoken[row]).sum(dim=(1, 2))
        patches, symbols = int(batch.patch_counts[0]), int(batch.symbol_counts[0])
        best = maps[mass.argmax(), :patches, :symbols]
        tracker.image("attention", best / best.max(), step)
        tracker.scalars({"sample/attention_on_spoken": float(mass.max() / max(1, batch.spoken[0].any(-1).sum()))}, step)

    def export(self, model: DiTAR, folder: Path) -> None:
        """`DiTAR.from_pretrained` reads it."""
        model.save_pretrained(folder)


