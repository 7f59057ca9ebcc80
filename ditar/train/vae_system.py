"""Training of a SpeechVAE, with a Gaussian or a quantiser: reconstruction and rate, later with discriminators."""

from pathlib import Path

import torch
from torch import nn

from ditar.audio.spectra import limit_band
from ditar.config import VAEConfig, to_dict
from ditar.data.crops import AudioBatch, AudioCrops
from ditar.storage.digests import digest_lines
from ditar.train.checkpoint import start_from
from ditar.train.errors import TrainingError
from ditar.train.keys import keyed_generators
from ditar.train.tracker import Tracker
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae import SpeechVAE
from ditar.vae.losses import VAELoss
from ditar.vae.quantiser import code_use

VALIDATION_BATCHES = 4  # of 8 crops of 2 s


class VAESystem:
    """See `ditar.train.loop.System`. Data directories hold mono 24 kHz audio; `init` is a trained VAE to start from.
    One with a Gaussian may lend its encoder and decoder to a codec."""

    def __init__(
        self, config: VAEConfig, train_dirs: list[str], valid_dirs: list[str], init: SpeechVAE | None = None
    ):
        torch.manual_seed(config.run.seed)
        self.config = config
        self.model = SpeechVAE(**to_dict(config.model))
        if init is not None:
            mine, theirs = to_dict(config.model), to_dict(init.config)
            theirs["vocos"]["formant_contrast"] = mine["vocos"]["formant_contrast"]  # of what is heard, not learnt
            if self.model.is_codec and not init.is_codec:
                mine["quantiser"] = None  # the codebooks start from the first batch
                start_from(self.model.encoder, init.encoder, mine, theirs)
                start_from(self.model.decoder, init.decoder, mine, theirs)
            elif config.model.vocos.source_filter and not init.decoder.has_source:
                mine["vocos"].pop("source_filter"), theirs["vocos"].pop("source_filter", None)
                start_from(self.model.encoder, init.encoder, mine, theirs)
                self.model.decoder.start_from_plain(init.decoder)
                self.model.latent_mean.copy_(init.latent_mean), self.model.latent_std.copy_(init.latent_std)
            else:
                start_from(self.model, init, mine, theirs)
            if config.loss.freeze_encoder_from != 0:  # other latents will have other statistics
                self.model.latent_mean.zero_()
                self.model.latent_std.fill_(1.0)
        self.loss = VAELoss(self.model, config.loss)
        self.optimised = {"generator": self.model, "discriminator": self.loss.discriminators}
        own_rate = config.loss.discriminator_learning_rate
        self.constant_rates = {} if own_rate is None else {"discriminator": own_rate}
        self.steps_place_data = False
        self.sometimes_unused, self.never_used = True, ()  # two phases, and an encoder that may be frozen on the way
        self.epoch_starts: list[int] = []  # no epochs: every step draws its crops
        data, seed, bandwidth_hz = config.data, config.run.seed, config.model.bandwidth_hz
        self.train_crops = AudioCrops(
            train_dirs, data.level_db, seed, data.speed, bandwidth_hz, data.degraded_share,
            config.model.vocos.hop if config.model.vocos.source_filter else None,
        )
        self.data_digest = digest_lines([*map(str, self.train_crops.lengths), *(u for u, _ in self.train_crops.files)])
        self.valid_crops = AudioCrops(valid_dirs, (0.0, 0.0), seed, bandwidth_hz=bandwidth_hz)
        self.more_digests = {"sound": self.train_crops.sound(), "held-out sound": self.valid_crops.sound()}

    def adversary(self, step: int) -> float:
        """The share of the discriminators' weight in the generator's loss: 0 until they have learnt, then rising."""
        loss = self.config.loss
        heard = step - loss.adversarial_from - loss.adversarial_warmup + 1
        return min(1.0, max(0.0, heard / max(1, loss.adversarial_ramp)))

    def phases(self, step: int) -> tuple[str, ...]:
        """The discriminators are updated first, on the generator's current output."""
        return ("discriminator", "generator") if step >= self.config.loss.adversarial_from else ("generator",)

    def batch(self, step: int, part: int, phases: tuple[str, ...], rank: int = 0, ranks: int = 1) -> AudioBatch:
        """This rank's crops; fewer with discriminators, which cost many times as much as the VAE."""
        data = self.config.data
        size = data.adversarial_batch if "discriminator" in phases else data.batch
        least = min(data.batch, data.adversarial_batch)
        if least < ranks:
            raise TrainingError(f"{ranks} processes need data.batch and data.adversarial_batch of as many, got {least}")
        return self.train_crops.batch(step, part, size, data.crop_seconds, rank, ranks)

    def counts(self, batch: AudioBatch) -> torch.Tensor:
        """Rows, over which the losses are averaged."""
        return torch.tensor([len(batch.waveform)], dtype=torch.float64)

    def forward(
        self, loss: nn.Module, phase: str, batch: AudioBatch, step: int, counts: torch.Tensor
    ) -> tuple[torch.Tensor, dict]:
        """This batch's share of the loss of one phase; noise is keyed by (seed, step, utterance and row).

        A quantiser learns in the first phase of a step, and only as long as the encoder: codes on disk stay valid too.
        """
        seed, frozen_from = self.config.run.seed, self.config.loss.freeze_encoder_from
        learning = frozen_from is None or step < frozen_from
        self.model.encoder.requires_grad_(learning)
        # In the generator's phase their own gradients would be thrown away, and are most of the backward pass.
        self.loss.discriminators.requires_grad_(phase == "discriminator")
        generators = keyed_generators(seed, step, batch.examples)
        codebook_seed = None
        if learning and self.model.is_codec and phase == self.phases(step)[0]:
            codebook_seed = keyed_generators(seed, step, ["codebooks"])[0].initial_seed()
        progress = step / self.config.optimiser.steps
        total, parts = loss(
            batch.waveform,
            phase,
            progress,
            generators,
            self.adversary(step),
            codebook_seed,
            batch.heard,
            batch.bandwidth_hz,
            self.config.data.adversarial_samples,
            # With a frozen encoder the decoder learns from means, as DiTAR does: sampling noise hides the pitch of high
            # harmonics.
            sampled=learning,
            pitch_hz=batch.pitch_hz,
        )
        share = len(batch.waveform) / counts[0].item()
        return total * share, {name: value * share for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, model: SpeechVAE, step: int, rank: int = 0, ranks: int = 1) -> list[tuple[int, dict]]:
        """For each of this rank's fixed crops: spectral losses of decoding the posterior's mean, with its mean and
        variance (T, C); with a quantiser those of decoding the codes, and the codes."""
        device = next(model.parameters()).device
        found = []
        for part in range(rank, VALIDATION_BATCHES, ranks):
            batch = self.valid_crops.batch(0, part, 8, 2.0).to(device)
            one: dict = {}
            if model.is_codec:
                quantised = model.quantise(batch.waveform)
                latents, one["codes"] = quantised.values, quantised.codes.cpu()
            else:
                posterior = model.encode(batch.waveform)
                latents = posterior.mean
                one["mean"] = latents.flatten(0, 1).cpu()
                one["variance"] = posterior.log_variance.exp().flatten(0, 1).cpu()
            decoded = model.decoder(latents).waveform.float()  # without what is only heard, as in training
            made, true = (limit_band(x, batch.bandwidth_hz) for x in (decoded, batch.waveform))
            mel, stft = self.loss.spectral(made, true)
            found.append((part, {"mel": mel.item(), "stft": stft.item(), **one}))
        return found

    def figures(self, found: list[tuple[int, dict]]) -> dict[str, float]:
        """Means of the spectral losses, and how the latents use their channels; with a quantiser, for each codebook the
        perplexity and the share of unused codes."""
        parts = [one for _, one in found]
        mel, stft = (sum(one[name] for one in parts) / len(parts) for name in ("mel", "stft"))
        figures = {"validation": mel, "mel": mel, "stft": stft}
        if self.model.is_codec:
            codes = torch.cat([one["codes"] for one in parts])
            perplexity, dead = code_use(codes, self.model.residual_quantiser.config.codebook_size)
            for number, (one, other) in enumerate(zip(perplexity.tolist(), dead.tolist()), 1):
                figures |= {f"perplexity_{number}": one, f"dead_{number}": other}
            return figures
        signal = torch.cat([one["mean"] for one in parts]).var(dim=0)
        noise = torch.cat([one["variance"] for one in parts]).mean(dim=0)
        return figures | {"signal_channels": float((signal / (signal + noise) > 0.5).sum())}

    @torch.no_grad()
    def sample(self, model: SpeechVAE, step: int, tracker: Tracker) -> dict[str, float]:
        """Two resyntheses with their originals."""
        batch = self.valid_crops.batch(1, 0, 2, 3.0).to(next(model.parameters()).device)
        waveform = batch.waveform
        made = model.decode(model.quantise(waveform).values if model.is_codec else model.encode(waveform).mean)
        for row, name in enumerate(batch.utterances):
            tracker.audio(f"original/{name}", batch.waveform[row], step, SAMPLE_RATE_HZ)
            tracker.audio(f"resynthesis/{name}", made[row], step, SAMPLE_RATE_HZ)
        return {}

    def export(self, model: SpeechVAE, folder: Path) -> None:
        """Write what `SpeechVAE.from_pretrained` reads."""
        model.save_pretrained(folder)
