"""Training of a DiTAR on latents on disk: losses, batches, validation, free-running samples."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ditar.config import DiTARConfig, SamplingOptions
from ditar.data.batches import DiTARBatch, DiTARBatches
from ditar.data.examples import take_rows
from ditar.data.latents import LatentStore
from ditar.model.ditar import DiTAR
from ditar.model.loss import DiTARLoss
from ditar.model.qwen2 import start_from_qwen2
from ditar.nn.alignment import AlignmentHelpers
from ditar.storage.weights import ModelError
from ditar.train.keys import keyed_generators
from ditar.train.listener import Listener
from ditar.train.samples import sample_words, teacher_forced_words
from ditar.train.speech_system import Shares, SpeechSystem, check_channels, plot_attention, start_from_trained
from ditar.train.tracker import Tracker

WRONG_TEXT = "wrong_text_"  # prefix of losses with another utterance's text


class DiTARSystem(SpeechSystem):
    """See `ditar.train.loop.System`. `listener` turns waveforms into words for the word errors of `sample`;
    `init` is a trained model to start from, `init_lm` the folder of a text LM as which the LM begins, `poor` the
    training latents as poor recordings (`DiTARBatches`). ModelError: a distilled model. DataError: latents of another
    width than the model's."""

    def __init__(
        self,
        config: DiTARConfig,
        train: LatentStore,
        valid: LatentStore,
        listener: Listener | None = None,
        init: DiTAR | None = None,
        init_lm: Path | None = None,
        poor: LatentStore | None = None,
    ):
        if config.model.is_distilled or (init is not None and init.config.is_distilled):
            raise ModelError(
                "a distilled model cannot be trained as DiTAR is: that would undo what it was taught; train the model "
                "that it was distilled from, and distil that with recipes/distil.py"
            )
        for store in (train, valid) if poor is None else (train, valid, poor):
            check_channels(store, config.model.latent_channels)
        torch.manual_seed(config.run.seed)
        self.listener, self.valid = listener, valid
        self.model = DiTAR(config.model)
        if init is not None:
            start_from_trained(self.model, init)
        if init_lm is not None:
            start_from_qwen2(self.model, init_lm)
        symbols = self.model.config.symbols
        monotonic = config.model.reads_monotonically
        lm, patch_frames, seed = config.model.lm, config.model.patch_frames, config.run.seed
        # Subwords have no times, so nothing could help, and there are 150,000 of them.
        helpers = None if config.model.tokenizer else AlignmentHelpers(lm.width, patch_frames, len(symbols))
        self.loss = DiTARLoss(config.loss, self.model, helpers)
        self.optimised = {"model": self.loss}
        self.constant_rates: dict[str, float] = {}
        whole = config.data.with_whole_references()
        self.valid_batches = DiTARBatches(valid, whole, patch_frames, symbols, seed, monotonic)
        batches = DiTARBatches(train, config.data, patch_frames, symbols, seed, monotonic, poor)
        made_from = [train.made_from, str(train.mean.tolist()), str(train.std.tolist())]
        super().__init__(config, batches, made_from + ([] if poor is None else [poor.made_from]))

    def counts(self, batch: DiTARBatch) -> torch.Tensor:
        """What the losses are averaged over."""
        return DiTARLoss.counts(batch) * bool(batch.utterances)

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
    def validate(self, model: DiTAR, step: int, rank: int = 0, ranks: int = 1) -> Shares:
        """Losses on fixed batches with fixed noise, and with another utterance's text."""
        device = next(model.parameters()).device
        off = ("own_share", "lm_noise", "history_noise", "history_dropout", "h_dropout")
        quiet = replace(self.config.loss, **dict.fromkeys(off, 0.0))
        loss = DiTARLoss(quiet, model, self.loss.helpers)

        def compute(batch: DiTARBatch, rows: slice) -> dict[str, torch.Tensor]:
            found = {}
            for name, one in (("", batch), (WRONG_TEXT, self._with_wrong_text(batch))):
                if one is not None:
                    counts, mine = DiTARLoss.counts(one), take_rows(one, rows).to(device)
                    generators = keyed_generators(self.config.run.seed, 0, mine.examples)
                    losses = loss(mine, generators, 0.0 if name else 1.0, counts)
                    found |= {name + key: value for key, value in losses.items()}
            return found

        return self.over_validation(self.valid_batches, device, compute, rank, ranks, quiet.noise_draws)

    def figures(self, found: Shares) -> dict[str, float]:
        """Also the information taken from the text: the diffusion loss with another utterance's text minus that with
        the right one (zero means babble); no figure if there is no other text."""
        figures = super().figures(found)
        if f"{WRONG_TEXT}diffusion" in figures:
            figures["text_gain"] = figures[f"{WRONG_TEXT}diffusion"] - figures["diffusion"]
        return {"validation": figures["diffusion"], **figures}

    def _with_wrong_text(self, batch: DiTARBatch) -> DiTARBatch | None:
        """Each row with the text of another, for the loss only: the helpers' targets do not fit. None: no other
        text."""
        ids, counts = batch.symbol_ids.roll(1, 0), batch.symbol_counts.roll(1, 0)
        if len(ids) == 1:
            other = self.another_text(self.valid_batches, batch)
            if other is None:
                return None
            ids = ids.new_tensor([[self.valid_batches.ids[symbol] for symbol in other.symbols]])
            counts = counts.new_tensor([ids.shape[1]])
        return replace(batch, symbol_ids=ids, symbol_counts=counts)

    @torch.no_grad()
    def sample(self, model: DiTAR, step: int, tracker: Tracker) -> dict[str, float]:
        """Attention plot; with a listener, teacher-forced and free-running word error, quality and the audio."""
        self._attention_plot(model, step, tracker)
        if self.listener is None or not self.listener.pairs(self.valid):
            return {}
        sampling = SamplingOptions()
        teacher = teacher_forced_words(model, self.valid, self.listener, sampling)
        free = sample_words(model, self.valid, self.listener, sampling, tracker, step)
        return {"teacher_forced_wer": teacher, **free}

    def _attention_plot(self, model: DiTAR, step: int, tracker: Tracker) -> None:
        """The head that attends most to what is spoken, for the first validation example."""
        device = next(model.parameters()).device
        batch = self.valid_batches.batch(0, 0, self.config.data.max_seconds).to(device)
        row = slice(0, 1)
        maps = model.attention_maps(
            batch.symbol_ids[row], batch.symbol_counts[row], batch.latents[row], batch.patch_counts[row]
        )[0].flatten(0, 1)  # (layers * heads, N, L)
        patches, symbols = int(batch.patch_counts[0]), int(batch.symbol_counts[0])
        plot_attention(tracker, step, maps[:, :patches, :symbols], batch.spoken[0, :patches, :symbols])
