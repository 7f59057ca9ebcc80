"""Training of a SpeechVAE: reconstruction and KL, later with discriminators."""

from pathlib import Path

import torch
from torch import nn

from ditar.config import VAEConfig, to_dict
from ditar.data.crops import AudioBatch, AudioCrops
from ditar.train.checkpoint import start_from
from ditar.train.keys import fingerprint, keyed_generators
from ditar.train.tracker import Tracker
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae import SpeechVAE
from ditar.vae.losses import VAELoss


class VAESystem:
    """See `ditar.train.loop.System`. Data directories hold mono 24 kHz audio; `init` is a trained VAE to start from."""

    def __init__(
        self, config: VAEConfig, train_dirs: list[str], valid_dirs: list[str], init: SpeechVAE | None = None
    ):
        torch.manual_seed(config.run.seed)
        self.config = config
        self.model = SpeechVAE(**to_dict(config.model))
        if init is not None:
            theirs = {k: v for k, v in init.config.items() if not k.startswith("_")}
            start_from(self.model, init, to_dict(config.model), theirs)
        self.loss = VAELoss(self.model, config.loss)
        self.optimised = {"generator": self.model, "discriminator": self.loss.discriminators}
        data, seed, bandwidth_hz = config.data, config.run.seed, config.model.bandwidth_hz
        self.train_crops = AudioCrops(train_dirs, data.level_db, seed, data.speed, bandwidth_hz)
        self.fingerprint = fingerprint([*map(str, self.train_crops.lengths), *(u for u, _ in self.train_crops.files)])
        self.valid_crops = AudioCrops(valid_dirs, (0.0, 0.0), seed, bandwidth_hz=bandwidth_hz)

    def adversarial(self, step: int) -> bool:
        """Whether discriminators take part in this step."""
        return step >= self.config.loss.adversarial_from

    def phases(self, step: int) -> tuple[str, ...]:
        """The discriminators move first, on what the generator makes now."""
        return ("discriminator", "generator") if self.adversarial(step) else ("generator",)

    def batch(self, step: int, part: int, phases: tuple[str, ...], rank: int = 0, ranks: int = 1) -> AudioBatch:
        """This rank's crops; fewer with discriminators, which cost many times the VAE."""
        data = self.config.data
        size = data.adversarial_batch if "discriminator" in phases else data.batch
        return self.train_crops.batch(step, part, size, data.crop_seconds, rank, ranks)

    def counts(self, batch: AudioBatch) -> torch.Tensor:
        """Rows, which the losses are means over."""
        return torch.tensor([len(batch.waveform)], dtype=torch.float64)

    def forward(
        self, loss: nn.Module, phase: str, batch: AudioBatch, step: int, counts: torch.Tensor
    ) -> tuple[torch.Tensor, dict]:
        """This batch's share of the loss of one phase; noise is keyed by (seed, step, utterance and row)."""
        frozen_from = self.config.loss.freeze_encoder_from
        self.model.encoder.requires_grad_(frozen_from is None or step < frozen_from)
        generators = keyed_generators(self.config.run.seed, step, batch.examples)
        progress = step / self.config.optimiser.steps
        total, parts = loss(batch.waveform, phase, progress, generators, self.adversarial(step))
        share = len(batch.waveform) / counts[0].item()
        return total * share, {name: value * share for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, model: SpeechVAE, step: int) -> dict[str, float]:
        """Spectral losses of decoding the mean, and how the latents use their channels, on fixed crops."""
        device = next(model.parameters()).device
        mel = stft = 0.0
        means, variances = [], []
        batches = 4
        for part in range(batches):
            batch = self.valid_crops.batch(0, part, 8, 2.0).to(device)
            posterior = model.encode(batch.waveform)
            one = self.loss.spectral(model.decode(posterior.mean).float(), batch.waveform)
            mel, stft = mel + one[0].item() / batches, stft + one[1].item() / batches
            means.append(posterior.mean.flatten(0, 1))
            variances.append(posterior.log_variance.exp().flatten(0, 1))
        signal, noise = torch.cat(means).var(dim=0), torch.cat(variances).mean(dim=0)
        share = signal / (signal + noise)
        return {"validation": mel, "mel": mel, "stft": stft, "signal_channels": float((share > 0.5).sum())}

    @torch.no_grad()
    def sample(self, model: SpeechVAE, step: int, tracker: Tracker) -> dict[str, float]:
        """Two resyntheses beside their originals."""
        batch = self.valid_crops.batch(1, 0, 2, 3.0).to(next(model.parameters()).device)
        made = model.decode(model.encode(batch.waveform).mean)
        for row, name in enumerate(batch.utterances):
            tracker.audio(f"original/{name}", batch.waveform[row], step, SAMPLE_RATE_HZ)
            tracker.audio(f"resynthesis/{name}", made[row], step, SAMPLE_RATE_HZ)
        return {}

    def export(self, model: SpeechVAE, folder: Path) -> None:
        """`SpeechVAE.from_pretrained` reads it."""
        model.save_pretrained(folder)
