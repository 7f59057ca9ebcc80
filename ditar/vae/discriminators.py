"""vocos's discriminators at other widths: narrow ones suit a CPU (Siuzdak 2023, arXiv 2306.00814; HiFi-GAN)."""

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
