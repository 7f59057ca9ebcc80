"""vocos's discriminators at other widths, since narrow ones suit a CPU (Siuzdak 2023, arXiv 2306.00814; HiFi-GAN), and
one of logarithmic spectra.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import weight_norm

from ditar.audio.torchaudio_shim import import_torchaudio

import_torchaudio()  # vocos imports it, and a binary that does not fit torch would stop it

from vocos.discriminators import (  # noqa: E402
    DiscriminatorP,
    DiscriminatorR,
    MultiPeriodDiscriminator,
    MultiResolutionDiscriminator,
)

WINDOWS = (2048, 1024, 512)
PERIODS = (2, 3, 5, 7, 11)
LOG_WEIGHT = 0.25  # brings log power, from about -10 to 10, near 1
POWER_FLOOR = 1e-7  # for each sample of a window: hiss 66 dB below full scale
WIDTHS = (32, 128, 512, 1024, 1024)  # of HiFi-GAN's multi-period discriminator


def multi_resolution_discriminator(channels: int) -> MultiResolutionDiscriminator:
    """On complex spectra of three windows, in bands, with `channels` in every layer (vocos: 32)."""
    made = MultiResolutionDiscriminator(())
    made.discriminators.extend(DiscriminatorR(window, channels=channels) for window in WINDOWS)
    return made


def multi_period_discriminator(divisor: int) -> MultiPeriodDiscriminator:
    """On the waveform folded by five primes; HiFi-GAN's widths divided by `divisor`. ValueError: a divisor that leaves
    a layer without channels."""
    if not 1 <= divisor <= WIDTHS[0]:
        raise ValueError(f"loss.multi_period_divisor must be a whole number from 1 to {WIDTHS[0]}, got {divisor}")
    made = MultiPeriodDiscriminator(())
    made.discriminators.extend(DiscriminatorP(period) for period in PERIODS)
    if divisor > 1:
        for discriminator in made.discriminators:
            _narrow(discriminator, divisor)
    return made


def _narrow(discriminator: DiscriminatorP, divisor: int) -> None:
    before = 1
    for number, layer in enumerate(discriminator.convs):
        width = WIDTHS[number] // divisor
        discriminator.convs[number] = weight_norm(
            nn.Conv2d(before, width, layer.kernel_size, layer.stride, layer.padding)
        )
        before = width
    last = discriminator.conv_post
    discriminator.conv_post = weight_norm(nn.Conv2d(before, 1, last.kernel_size, last.stride, last.padding))


class LogSpectrumDiscriminator(nn.Module):
    """One for each of three windows, on logarithmic power spectra; called as vocos's are.

    The others hear waveforms and complex spectra as they are, in which the loudest harmonics outweigh all else by tens
    of decibels; here quiet bands, breath and the gaps between harmonics count as much. Phases are left to the others.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.discriminators = nn.ModuleList(LogSpectrumOfWindow(window, channels) for window in WINDOWS)

    def forward(self, y: torch.Tensor, y_hat: torch.Tensor) -> tuple[list, list, list, list]:
        """Waveforms (B, S), true and made -> of each window: logits of both, and all layers' outputs of both."""
        true, made = ([part(x) for part in self.discriminators] for x in (y, y_hat))
        (logits, features), (logits_made, features_made) = zip(*true), zip(*made)
        return list(logits), list(logits_made), list(features), list(features_made)


class LogSpectrumOfWindow(nn.Module):
    """Waveforms (B, S), S at least `window` -> logits (B, 1, frames, bins / 8 or 16), and the outputs of its layers."""

    def __init__(self, window: int, channels: int):
        super().__init__()
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        first = 2 if window == max(WINDOWS) else 1  # stride: as long as the others take
        wide = 2 * channels
        layers = ((2, channels, 9, first), (channels, channels, 9, 2), (channels, wide, 9, 2), (wide, wide, 9, 2))
        layers = (*layers, (wide, wide, 3, 1), (wide, 1, 3, 1))
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(before, width, (3, bins), (1, stride), padding=(1, bins // 2)))
            for before, width, bins, stride in layers
        )

    def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        size = len(self.window)
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(), size, size // 4, window=self.window, center=False, return_complex=True
            ).transpose(1, 2)  # (B, frames, bins)
            power = spectrum.real.square() + spectrum.imag.square()
            levels = LOG_WEIGHT * (power + POWER_FLOOR * size).log()
        # Where a bin lies matters, and convolutions do not know.
        place = torch.linspace(-1.0, 1.0, levels.shape[2], device=levels.device).expand_as(levels)
        x, features = torch.stack((levels, place), dim=1), []
        for number, conv in enumerate(self.convs):
            x = conv(x)
            if conv is not self.convs[-1]:
                x = F.leaky_relu(x, 0.1)
            if number:
                features.append(x)
        return x, features
