"""The two encoders: waveform (B, S) -> mean and log-variance (B, T, C), one latent frame per 600 samples."""

import torch
from einops import rearrange
from torch import nn

from ditar.audio.spectra import log_mel
from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import OobleckEncoderConfig, SpectralEncoderConfig
from ditar.vae.convnext import ConvNeXtBlock
from ditar.vae.posterior import Posterior

# exp(-12) is a std of 0.0025: below it a channel is exact for all purposes, and its KL would only push weights around.
LOG_VARIANCE_RANGE = (-12.0, 4.0)


def deciding_tensors(encoder: nn.Module) -> list[torch.Tensor]:
    """What determines latents, for fingerprints: the weights, and the floor of the spectra if there is one (older
    models have none and keep their fingerprints)."""
    floor = getattr(encoder, "noise_floor", 0.0)
    floors = [torch.tensor(1e5 * floor, dtype=torch.float64, device="cpu")] if floor else []
    return [*encoder.state_dict().values(), *floors]


class SpectralEncoder(nn.Module):
    """Log-mel frames at 80 Hz, folded in pairs to 40 Hz, then ConvNeXt blocks (ours; the paper convolves the
    waveform)."""

    def __init__(self, config: SpectralEncoderConfig, latent_channels: int):
        super().__init__()
        self.mel_bins, self.noise_floor = config.mel_bins, config.noise_floor
        self.embed = nn.Conv1d(2 * config.mel_bins, config.width, kernel_size=7, padding=3)
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.width, config.ffn, 1.0 / config.layers) for _ in range(config.layers)
        )
        self.final_norm = nn.LayerNorm(config.width, eps=1e-6)
        self.out = nn.Linear(config.width, 2 * latent_channels)

    def forward(self, waveform: torch.Tensor) -> Posterior:
        """(B, S) at 24 kHz -> posterior (B, S // 600, C)."""
        with torch.autocast(waveform.device.type, enabled=False):
            mel = log_mel(waveform.float(), mel_bins=self.mel_bins, noise_floor=self.noise_floor)  # (B, M, 2T)
        x = rearrange(0.25 * (mel + 4.0), "b m (t two) -> b (two m) t", two=2)  # about unit range
        x = self.embed(x)  # (B, D, T)
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        mean, log_variance = self.out(self.final_norm(x.transpose(1, 2))).float().chunk(2, dim=-1)
        return Posterior(mean, (log_variance - 4.0).clamp(*LOG_VARIANCE_RANGE))


class OobleckEncoder(nn.Module):
    """The strided convolutional encoder (Snake) of diffusers' AutoencoderOobleck: close to the paper's."""

    def __init__(self, config: OobleckEncoderConfig, latent_channels: int):
        super().__init__()
        import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it
        from diffusers.models.autoencoders.autoencoder_oobleck import OobleckEncoder as Convolutions

        self.convolutions = Convolutions(
            encoder_hidden_size=2 * latent_channels,  # mean and scale together
            audio_channels=1,
            downsampling_ratios=list(config.ratios),
            channel_multiples=list(config.channel_multiples),
        )

    def forward(self, waveform: torch.Tensor) -> Posterior:
        """(B, S) at 24 kHz -> posterior (B, S // 600, C)."""
        mean, log_variance = self.convolutions(waveform.unsqueeze(1)).transpose(1, 2).float().chunk(2, dim=-1)
        return Posterior(mean, (log_variance - 4.0).clamp(*LOG_VARIANCE_RANGE))
