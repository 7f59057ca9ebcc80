"""Distillation of a trained DiTAR's LocDiT on latents on disk: losses, batches, validation, free-running samples."""

import torch
from torch import nn

from ditar.config import DistilConfig, SamplingOptions
from ditar.data.batches import DiTARBatch, DiTARBatches
from ditar.data.examples import take_rows
from ditar.data.latents import LatentStore
from ditar.model.adapter import base_fingerprint
from ditar.model.distillation import DistillationLoss, end_errors, make_student, patch_conditions
from ditar.model.ditar import DiTAR, in_pieces
from ditar.storage.weights import ModelError
from ditar.train.keys import keyed_generators
from ditar.train.listener import Listener
from ditar.train.samples import sample_words
from ditar.train.speech_system import Shares, SpeechSystem, check_channels
from ditar.train.tracker import Tracker

STEPS = (1, 2, 4)  # of the student, in validation
FAITHFUL_STEPS = 10  # of the teacher that it is compared with


class DistilSystem(SpeechSystem):
    """See `ditar.train.loop.System`. `teacher` is not changed; `listener` turns waveforms into words for the word
    errors of `sample`, for which the student is sampled by `sampling`; `poor`: the training latents as poor recordings
    (`DiTARBatches`). ModelError: the teacher is distilled itself."""

    def __init__(
        self,
        config: DistilConfig,
        train: LatentStore,
        valid: LatentStore,
        teacher: DiTAR,
        listener: Listener | None = None,
        sampling: SamplingOptions = SamplingOptions(),
        poor: LatentStore | None = None,
    ):
        if teacher.config.is_distilled:
            raise ModelError("the teacher is a distilled model, without guidance of its own; give the faithful one")
        for store in (train, valid) if poor is None else (train, valid, poor):
            check_channels(store, teacher.config.latent_channels)
        torch.manual_seed(config.run.seed)
        self.listener, self.valid, self.sampling = listener, valid, sampling
        self.model = make_student(teacher, config.loss.guidance_scale[1])
        self.loss = DistillationLoss(config.loss, self.model, teacher.locdit)
        self.optimised = {"model": self.loss}
        self.constant_rates: dict[str, float] = {}
        told = teacher.config.patch_frames, teacher.config.symbols, config.run.seed, teacher.config.reads_monotonically
        self.valid_batches = DiTARBatches(valid, config.data.with_whole_references(), *told)
        # The teacher belongs to the data: another one teaches something else.
        made_from = [train.made_from, str(train.mean.tolist()), str(train.std.tolist()), base_fingerprint(teacher)]
        made_from += [] if poor is None else [poor.made_from]
        super().__init__(config, DiTARBatches(train, config.data, *told, poor), made_from)

    def counts(self, batch: DiTARBatch) -> torch.Tensor:
        """What the losses are averaged over."""
        return DistillationLoss.counts(batch) * bool(batch.utterances)

    def forward(
        self, loss: nn.Module, phase: str, batch: DiTARBatch, step: int, counts: torch.Tensor
    ) -> tuple[torch.Tensor, dict]:
        """This batch's share of the loss, and its parts; paths are keyed by (seed, step, utterances)."""
        generators = keyed_generators(self.config.run.seed, step, batch.examples)
        losses = loss(batch, generators, counts)
        parts = {**losses, "patches": batch.patch_counts.sum()}
        counted = bool(batch.utterances)
        return losses["loss"] * counted, {name: value * counted for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, model: DiTAR, step: int, rank: int = 0, ranks: int = 1) -> Shares:
        """From fixed starts at t = 1, half of them without noise, after the true patches: how far the data that the
        student makes in a few steps lies from the teacher's guided ones, beside the teacher's own in as few."""
        device = next(model.parameters()).device
        low, high = self.config.loss.guidance_scale
        teacher = self.loss.teacher

        def compute(batch: DiTARBatch, rows: slice) -> dict[str, torch.Tensor]:
            counts, mine = DistillationLoss.counts(batch), take_rows(batch, rows).to(device)
            starts, scales = [], []
            generators = keyed_generators(self.config.run.seed, 0, mine.examples)
            for trained, count, generator in zip(mine.trained.cpu(), mine.patch_counts.tolist(), generators):
                noise = torch.randn(count, *mine.latents.shape[2:], generator=generator)
                scale, empty = torch.rand(2, count, generator=generator)
                noise[empty < 0.5] = 0.0
                starts.append(noise[trained[:count]])
                scales.append(low + (high - low) * scale[trained[:count]])
            x, scale = torch.cat(starts).to(device), torch.cat(scales).to(device)
            told = patch_conditions(model, mine, mine.latents)

            def errors(*pieces: torch.Tensor) -> torch.Tensor:
                found = end_errors(model.locdit, teacher, pieces[0], pieces[1], STEPS, FAITHFUL_STEPS, *pieces[2:])
                return torch.stack(list(found.values()), dim=1)

            sums = in_pieces(errors, x, scale, *told).sum(dim=0).double() / counts.clamp(min=1).item()
            names = [f"{who}_{number}" for number in STEPS for who in ("student", "teacher")]
            return dict(zip(names, sums, strict=True))

        return self.over_validation(self.valid_batches, device, compute, rank, ranks)

    def figures(self, found: Shares) -> dict[str, float]:
        """`validation`: the mean over the numbers of steps."""
        figures = super().figures(found)
        return {"validation": sum(figures[f"student_{number}"] for number in STEPS) / len(STEPS), **figures}

    @torch.no_grad()
    def sample(self, model: DiTAR, step: int, tracker: Tracker) -> dict[str, float]:
        """With a listener: word error, quality and the audio of free-running speech."""
        if self.listener is None or not self.listener.pairs(self.valid):
            return {}
        return sample_words(model, self.valid, self.listener, self.sampling, tracker, step)
