"""Latents (B, T, C) at 40 Hz -> waveform (B, 600 T): a Vocos (Siuzdak 2023, arXiv 2306.00814) on latents.

Each latent is unfolded to two vocoder frames right away, so every layer works at 80 Hz and the decoder looks
ahead only a few latents: 3 frames for each 7-wide convolution, and 2 for the overlapping windows of the ISTFT.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from ditar.config import VocosConfig
from ditar.nn.linear import Linear
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ
from ditar.vae.convnext import ISTFT, Backbone
from ditar.vae.formants import deepened
from ditar.vae.source import PitchHead, SourceStart, harmonics, noise_at, turns_of

HIGHEST_LOG_GAIN = math.log(1e2)  # as vocos limits magnitudes


@dataclass(frozen=True)
class Decoded:
    """Waveform (B, 600 T) and, for a head with a source, the phase of its harmonics at each sample (B, 600 T) in turns
    and the logits of the pitch (B, 2T, bins)."""

    waveform: torch.Tensor
    turns: torch.Tensor | None = None
    pitch_logits: torch.Tensor | None = None


class Vocoder(nn.Module):
    """Vocos backbone and head after a linear layer that makes `600 / hop` frames of each latent. The head is Vocos's
    ISTFT of magnitudes and phases or, with `source_filter`, a filter of harmonics and noise."""

    def __init__(self, config: VocosConfig, latent_channels: int):
        super().__init__()
        self.frames_per_latent = HOP_SAMPLES // config.hop
        self.unfold = Linear(latent_channels, self.frames_per_latent * config.width, bias=True)
        self.backbone = Backbone(config.width, config.ffn, config.layers)
        overlap = -(-(config.n_fft - config.hop) // (2 * config.hop))
        reach = overlap
        if config.source_filter:
            self.head = SourceFilterHead(config.width, config.n_fft, config.hop)
            reach += overlap + 1  # the spectrum of the source, and the pitch between two frames
        else:
            self.head = ISTFTHead(config.width, config.n_fft, config.hop)
        # On either side of a sample, what it depends on: latents in all, frames by the head alone. Streaming and seams
        # read it.
        self.context_latents = -(-(self.backbone.reach + reach) // self.frames_per_latent)
        self.head_context_frames = reach

    @property
    def has_source(self) -> bool:
        """Whether the head filters harmonics and noise."""
        return isinstance(self.head, SourceFilterHead)

    def start_from_plain(self, plain: "Vocoder") -> None:
        """Take the weights of a vocoder of the same shape without a source: its magnitudes are the first gains."""
        self.unfold.load_state_dict(plain.unfold.state_dict())
        self.backbone.load_state_dict(plain.backbone.state_dict())
        with torch.no_grad():
            own, given = self.head.out, plain.head.out
            for values, of_plain in ((own.weight, given.weight), (own.bias, given.bias)):
                gain, phase, noise_gain = values.chunk(3)
                magnitude, _ = of_plain.chunk(2)
                gain.copy_(magnitude), phase.zero_(), noise_gain.copy_(magnitude)

    def features(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, T, C) -> the input of the head, (B, 2T, D) float32."""
        return self.backbone(self._frames(latents)).float()

    def further_features(
        self, latents: torch.Tensor, kept: Sequence[torch.Tensor] | None, within: bool, final: bool
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Further latents (B, T, C) -> those features that are final by now, and what to give to the next call: see
        `Backbone.go_on`. kept: None in the first call; within: whether it begins within an utterance."""
        frames = self._frames(latents)
        x, kept = self.backbone.go_on(frames, self.backbone.beginning(frames, within) if kept is None else kept, final)
        return x.float(), kept

    def _frames(self, latents: torch.Tensor) -> torch.Tensor:
        return rearrange(self.unfold(latents), "b t (k d) -> b d (t k)", k=self.frames_per_latent)

    def forward(
        self,
        latents: torch.Tensor,
        start: SourceStart = SourceStart(),
        pitch_hz: torch.Tensor | None = None,
        contrast: float = 0.0,
    ) -> Decoded:
        """Latents (B, T, C); `start` is their place in the utterance. `pitch_hz` (B, 2T), of every frame: used for the
        harmonics instead of the features' prediction. contrast: of formants, 0 in training, see `formants.deepened`."""
        return self.decode_features(self.features(latents), start, pitch_hz, contrast)

    def decode_features(
        self,
        x: torch.Tensor,
        start: SourceStart = SourceStart(),
        pitch_hz: torch.Tensor | None = None,
        contrast: float = 0.0,
    ) -> Decoded:
        """The rest of `forward`: features (B, L, D), of which the first begins at `start`."""
        with torch.autocast(x.device.type, enabled=False):  # phases and magnitudes need float32
            if isinstance(self.head, ISTFTHead):
                return Decoded(self.head(x, contrast))
            return self.head(x, start, pitch_hz, contrast)


class ISTFTHead(nn.Module):
    """Features (B, L, D) -> waveform (B, hop * L): Vocos's head, magnitudes and phases of an ISTFT."""

    def __init__(self, width: int, n_fft: int, hop: int):
        super().__init__()
        self.bin_hz = SAMPLE_RATE_HZ / n_fft
        self.out = Linear(width, n_fft + 2, bias=True)
        self.istft = ISTFT(n_fft, hop)

    def forward(self, x: torch.Tensor, contrast: float = 0.0) -> torch.Tensor:
        log_magnitude, phase = self.out(x).transpose(1, 2).chunk(2, dim=1)  # (B, F, L) each
        if contrast:
            (log_magnitude,) = deepened((log_magnitude,), contrast, self.bin_hz)
        return self.istft(torch.polar(log_magnitude.clamp(max=HIGHEST_LOG_GAIN).exp(), phase))


class SourceFilterHead(nn.Module):
    """Features (B, L, D) and pitch -> waveform: the spectra of harmonics and of noise, each filtered as the features of
    its frame say (gain and phase of the harmonics, gain of the noise), in an ISTFT like vocos's."""

    def __init__(self, width: int, n_fft: int, hop: int):
        super().__init__()
        self.n_fft, self.hop, self.bin_hz = n_fft, hop, SAMPLE_RATE_HZ / n_fft
        self.out = Linear(width, 3 * (n_fft // 2 + 1), bias=True)
        self.pitch = PitchHead(width)
        self.istft = ISTFT(n_fft, hop)

    def forward(
        self, x: torch.Tensor, start: SourceStart, pitch_hz: torch.Tensor | None, contrast: float = 0.0
    ) -> Decoded:
        """Features (B, L, D), pitch (B, L) in Hz or None for that of the features -> all of Decoded."""
        logits = self.pitch(x)
        if pitch_hz is None:
            pitch_hz = self.pitch.pitch_hz(logits)
        log_gain, phase, log_noise_gain = self.out(x).transpose(1, 2).chunk(3, dim=1)  # (B, F, L) each
        if contrast:
            log_gain, log_noise_gain = deepened((log_gain, log_noise_gain), contrast, self.bin_hz)
        of_samples, turns = turns_of(pitch_hz, self.hop, start)
        position = torch.as_tensor(start.position, device=x.device).reshape(-1, 1)
        positions = (position + torch.arange(turns.shape[1], device=x.device)).expand_as(turns)
        harmonic, noise = self._spectrum(harmonics(of_samples, turns)), self._spectrum(noise_at(positions))
        gain = torch.polar(log_gain.clamp(max=HIGHEST_LOG_GAIN).exp(), phase)
        spectrum = harmonic * gain + noise * log_noise_gain.clamp(max=HIGHEST_LOG_GAIN).exp()
        return Decoded(self.istft(spectrum), turns, logits)

    def _spectrum(self, source: torch.Tensor) -> torch.Tensor:
        """(B, hop * L) -> (B, n_fft / 2 + 1, L) of mean power 1 where that of the source is 1."""
        window, pad = self.istft.window, (self.n_fft - self.hop) // 2
        padded = F.pad(source, (pad, pad))
        spectrum = torch.stft(padded, self.n_fft, self.hop, window=window, center=False, return_complex=True)
        return spectrum / window.square().sum().sqrt()
