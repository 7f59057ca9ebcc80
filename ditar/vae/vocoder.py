"""Latents (B, T, C) at 40 Hz -> waveform (B, 600 T): a Vocos (Siuzdak 2023, arXiv 2306.00814) on latents.

Each latent is unfolded to two vocoder frames right away, so every layer works at 80 Hz and the decoder looks
ahead only 13 latents: 3 frames for each 7-wide convolution, and 2 for the overlapping windows of the ISTFT.
"""

import torch
from einops import rearrange
from torch import nn

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import VocosConfig
from ditar.units import HOP_SAMPLES

import_torchaudio()

from vocos.heads import ISTFTHead  # noqa: E402
from vocos.models import VocosBackbone  # noqa: E402


class Vocoder(nn.Module):
    """Vocos backbone and ISTFT head after a linear layer that makes `600 / hop` frames of each latent."""

    def __init__(self, config: VocosConfig, latent_channels: int):
        super().__init__()
        if HOP_SAMPLES % config.hop or (config.n_fft - config.hop) % 2:
            raise ValueError(f"vocos.hop must divide {HOP_SAMPLES} and n_fft - hop be even, got {config}")
        self.frames_per_latent = HOP_SAMPLES // config.hop
        self.unfold = nn.Linear(latent_channels, self.frames_per_latent * config.width)
        self.backbone = VocosBackbone(config.width, config.width, config.ffn, config.layers)
        self.head = ISTFTHead(config.width, config.n_fft, config.hop, padding="same")
        # Frames on either side that a sample depends on; streaming and seams read it.
        reach = 3 * (config.layers + 1) + -(-(config.n_fft - config.hop) // (2 * config.hop))
        self.context_latents = -(-reach // self.frames_per_latent)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, T, C) -> (B, 600 T)."""
        x = rearrange(self.unfold(latents), "b t (k d) -> b d (t k)", k=self.frames_per_latent)
        x = self.backbone(x)  # (B, 2T, D)
        with torch.autocast(x.device.type, enabled=False):  # phases and magnitudes need float32
            return self.head(x.float())
