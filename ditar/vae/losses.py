"""The VAE's losses: multi-resolution spectra, KL or commitment, and vocos's adversarial losses."""

import torch
from torch import nn

from ditar.audio.spectra import limit_band
from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import ConfigError, VAELossConfig
from ditar.diffusion.schedule import Generators
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae.discriminators import (
    LogSpectrumDiscriminator,
    multi_period_discriminator,
    multi_resolution_discriminator,
)
from ditar.vae.source import PitchHead, held_through
from ditar.vae.speech_vae import SpeechVAE

import_torchaudio()  # vocos imports it, and a binary that does not fit torch would stop it

from torchaudio.functional import melscale_fbanks  # noqa: E402
from vocos.loss import DiscriminatorLoss, FeatureMatchingLoss, GeneratorLoss  # noqa: E402

# Window and mel bins: short windows locate onsets, long ones resolve harmonics.
RESOLUTIONS = ((512, 40), (1024, 80), (2048, 128))
# Differences below these are inaudible: the sum of a mel band's magnitudes, and a magnitude.
MEL_FLOOR, MAGNITUDE_FLOOR = 1e-3, 1e-3
# Norm of a second of magnitudes below which a row counts as silence, where the ratio to it would dominate.
SILENT_NORM = 1.0


class SpectralLoss(nn.Module):
    """L1 between log-mel spectra; L1 between log-magnitudes plus spectral convergence: means over three resolutions and
    over rows, so that the rows of a batch may be computed anywhere."""

    def __init__(self):
        super().__init__()
        for window, bins in RESOLUTIONS:
            self.register_buffer(f"window_{window}", torch.hann_window(window), persistent=False)
            bank = melscale_fbanks(window // 2 + 1, 0.0, SAMPLE_RATE_HZ / 2, bins, SAMPLE_RATE_HZ)
            self.register_buffer(f"bank_{window}", bank, persistent=False)

    def forward(self, made: torch.Tensor, true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (B, S), float32 -> (mel loss, STFT loss), scalars."""
        mel_loss = stft_loss = 0.0
        for size, _ in RESOLUTIONS:
            window, bank = getattr(self, f"window_{size}"), getattr(self, f"bank_{size}")
            a, b = (
                torch.stft(x, size, size // 4, window=window, return_complex=True).abs().clamp_min(1e-5)
                for x in (made, true)
            )  # (B, F, frames)
            mel_a, mel_b = (torch.log((x.transpose(1, 2) @ bank).clamp_min(MEL_FLOOR)) for x in (a, b))
            mel_loss = mel_loss + (mel_a - mel_b).abs().mean()
            convergence = ((a - b).norm(dim=(1, 2)) / b.norm(dim=(1, 2)).clamp_min(SILENT_NORM)).mean()
            logs = (x.clamp_min(MAGNITUDE_FLOOR).log() for x in (a, b))
            stft_loss = stft_loss + (next(logs) - next(logs)).abs().mean() + convergence
        return mel_loss / len(RESOLUTIONS), stft_loss / len(RESOLUTIONS)


class Discriminators(nn.Module):
    """vocos's multi-resolution discriminator and, where wanted, its multi-period one and one of logarithmic spectra."""

    def __init__(self, config: VAELossConfig):
        super().__init__()
        self.multi_resolution = multi_resolution_discriminator(config.multi_resolution_channels)
        self.multi_period = multi_period_discriminator(config.multi_period_divisor) if config.multi_period else None
        channels = config.log_spectrum_channels
        self.log_spectrum = LogSpectrumDiscriminator(channels) if channels else None
        self.multi_resolution_weight = config.multi_resolution_weight
        self.discriminator_loss, self.generator_loss = DiscriminatorLoss(), GeneratorLoss()
        self.feature_loss = FeatureMatchingLoss()

    def _weighted(self):
        others = [(part, 1.0) for part in (self.multi_period, self.log_spectrum) if part is not None]
        # On its own, the multi-resolution discriminator has the whole weight.
        return [*others, (self.multi_resolution, self.multi_resolution_weight if others else 1.0)]

    def forward(self, true: torch.Tensor, made: torch.Tensor, phase: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (B, S). phase "discriminator": (hinge loss, 0); phase "generator": (adversarial, feature)
        losses."""
        first = second = torch.zeros((), device=true.device)
        for discriminator, weight in self._weighted():
            real, fake, features_real, features_fake = discriminator(y=true, y_hat=made)
            if phase == "discriminator":
                loss, parts, _ = self.discriminator_loss(real, fake)
                first = first + weight * loss.squeeze() / len(parts)
            else:
                loss, parts = self.generator_loss(fake)
                first = first + weight * loss.squeeze() / len(parts)
                second = second + weight * self.feature_loss(features_real, features_fake).squeeze() / len(parts)
        return first, second


class VAELoss(nn.Module):
    """The complete objective of a SpeechVAE and its discriminators; one forward per phase. ConfigError: weights of the
    Gaussian for a VAE with a quantiser."""

    def __init__(self, vae: SpeechVAE, config: VAELossConfig):
        super().__init__()
        of_gaussian = {name: getattr(config, name) for name in ("kl_weight", "kl_final_weight", "latent_noise")}
        if vae.is_codec and any(of_gaussian.values()):
            raise ConfigError(f"a VAE with a quantiser has no Gaussian; set these keys of loss to 0.0: {of_gaussian}")
        self.vae, self.config = vae, config
        self.spectral = SpectralLoss()
        self.discriminators = Discriminators(config)

    def forward(
        self,
        waveform: torch.Tensor,
        phase: str,
        progress: float,
        generators: Generators,
        adversary: float,
        codebook_seed: int | None = None,
        heard: torch.Tensor | None = None,
        bandwidth_hz: torch.Tensor | None = None,
        discriminated_samples: int = 0,
        sampled: bool = True,
        pitch_hz: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """One phase's loss and its parts by name, all means over rows.

        Args:
            waveform: the target (B, S) at 24 kHz.
            phase: "generator" or "discriminator".
            progress: share of the run that is done, in [0, 1].
            generators: one, or one a row, which draw the latents.
            adversary: share of the discriminators' weight in [0, 1].
            codebook_seed: lets a quantiser learn.
            heard: the encoder's input, of the same shape (None: the target).
            bandwidth_hz: (B,); nothing above it is compared (None: everything is).
            discriminated_samples: how many in the middle the discriminators hear (0: all).
            sampled: see SpeechVAE.forward.
            pitch_hz: the true pitch (B, S / hop of the vocoder), 0 where unvoiced: what a vocoder with a source filters
                and learns to predict.
        """
        config = self.config
        heard = waveform if heard is None else heard
        held = None if pitch_hz is None else held_through(pitch_hz)
        first = (waveform.shape[-1] - discriminated_samples) // 2 if discriminated_samples else 0
        middle = slice(first, waveform.shape[-1] - first)
        if phase == "discriminator":
            with torch.no_grad():
                decoded, _ = self.vae(heard, generators, config.latent_noise, codebook_seed, sampled, held)
                made, waveform = self._limited(decoded.waveform, waveform, bandwidth_hz)
            loss, _ = self.discriminators(waveform[:, middle], made[:, middle], phase)
            return loss, {"discriminator": loss}
        decoded, bottleneck = self.vae(heard, generators, config.latent_noise, codebook_seed, sampled, held)
        made, waveform = self._limited(decoded.waveform, waveform, bandwidth_hz)
        with torch.autocast(waveform.device.type, enabled=False):
            mel, stft = self.spectral(made.float(), waveform)
            if self.vae.is_codec:
                name, penalty = "commitment", bottleneck.commitment
                weight = self.vae.residual_quantiser.config.commitment_weight
            else:
                name, penalty = "kl", bottleneck.kl()
                weight = config.kl_weight + progress * (config.kl_final_weight - config.kl_weight)
        loss = config.mel_weight * mel + config.stft_weight * stft + weight * penalty
        parts = {"mel": mel, "stft": stft, name: penalty}
        if pitch_hz is not None:
            parts["pitch"] = PitchHead.loss(decoded.pitch_logits, pitch_hz)
            loss = loss + config.pitch_weight * parts["pitch"]
        if adversary > 0:
            fooled, features = self.discriminators(waveform[:, middle], made[:, middle], phase)
            loss = loss + adversary * (config.adversarial_weight * fooled + config.feature_weight * features)
            parts |= {"adversarial": fooled, "features": features}
        return loss, parts

    @staticmethod
    def _limited(made: torch.Tensor, true: torch.Tensor, bandwidth_hz: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        if bandwidth_hz is None:
            return made, true
        return limit_band(made, bandwidth_hz), limit_band(true, bandwidth_hz)
