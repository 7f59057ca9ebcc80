"""Training of a SpeechVAE: reconstruction and KL, later with discriminators."""

from pathlib import Path

import torch
from torch import nn

from ditar.config import VAEConfig, to_dict
from ditar.data.crops import AudioBatch, AudioCrops
from ditar.train.tracker import Tracker
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae import SpeechVAE
from ditar.vae.losses import VAELoss


class VAESystem:
    """See `ditar.train.loop.System`. Data directories hold mono 24 kHz audio."""

    def __init__(self, config: VAEConfig, train_dirs: list[str], valid_dirs: list[str]):
        torch.manual_seed(config.run.seed)
        self.config = config
        self.model = SpeechVAE(**to_dict(config.model))
        self.loss = VAELoss(self.model, config.loss)
        self.optimised = {"generator": self.model, "discriminator": self.loss.discriminators}
        self.train_crops = AudioCrops(train_dirs, config.data.level_db, config.run.seed)
        self.valid_crops = AudioCrops(valid_dirs, (0.0, 0.0), config.run.seed)

    def adversarial(self, step: int) -> bool:
        """Whether discriminators take part in this step."""
        return step >= self.config.loss.adversarial_from

    def phases(self, step: int) -> tuple[str, ...]:
        """The discriminators move first, on what the generator makes now."""
        return ("discriminator", "generator") if self.adversarial(step) else ("generator",)

    def batch(self, step: int, part: int, phases: tuple[str, ...]) -> AudioBatch:
        """Crops; fewer with discriminators, which cost many times the VAE."""
        data = self.config.data
        size = data.adversarial_batch if "discriminator" in phases else data.batch
        return self.train_crops.batch(step, part, size, data.crop_seconds)

    def forward(self, loss: nn.Module, phase: str, batch: AudioBatch, step: int) -> tuple[torch.Tensor, dict]:
        """Loss of one phase; noise is keyed by (seed, step)."""
        frozen = self.adversarial(step) and self.config.loss.freeze_encoder_when_adversarial
        self.model.encoder.requires_grad_(not frozen)
        generator = torch.Generator(batch.waveform.device).manual_seed(self.config.run.seed * 1_000_003 + step)
        progress = step / self.config.optimiser.steps
        return loss(batch.waveform, phase, progress, generator, self.adversarial(step))

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
