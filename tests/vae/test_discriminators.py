"""Narrow discriminators: as many parameters as the tables say, and vocos's own at full width."""

import pytest
import torch

from ditar.vae.discriminators import (
    LogSpectrumDiscriminator,
    multi_period_discriminator,
    multi_resolution_discriminator,
)

# After ours, which sees to it that torchaudio can be imported.
from vocos.discriminators import MultiPeriodDiscriminator, MultiResolutionDiscriminator  # noqa: E402, I001


def size(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_full_width_is_vocos_s():
    assert size(multi_resolution_discriminator(32)) == size(MultiResolutionDiscriminator())
    assert size(multi_period_discriminator(1)) == size(MultiPeriodDiscriminator())


def test_narrow_ones_are_small_and_hear():
    period, resolution = multi_period_discriminator(8), multi_resolution_discriminator(16)
    assert size(period) < 0.7e6 and size(resolution) < 0.4e6
    true, made = (0.1 * torch.randn(2, 2, 8192)).unbind()
    for discriminator in (period, resolution, LogSpectrumDiscriminator(4)):
        real, fake, _, features = discriminator(y=true, y_hat=made)
        assert len(real) == len(fake) == len(discriminator.discriminators)
        sum(f.mean() for f in fake).backward()
        assert all(p.grad is not None for p in discriminator.parameters())
        assert all(f.isfinite().all() for group in features for f in group)


def test_a_divisor_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="from 1 to 32, got 64"):
        multi_period_discriminator(64)


def moved(discriminator: torch.nn.Module, x: torch.Tensor, other: torch.Tensor) -> float:
    """By how much the first features of another waveform differ, of what they are."""
    _, _, true, made = discriminator(y=x, y_hat=other)
    return max(((a[0] - b[0]).norm() / a[0].norm()).item() for a, b in zip(true, made))


def test_logarithmic_spectra_show_what_is_quiet():
    """Hiss 57 dB below a tone: a person hears it."""
    torch.manual_seed(0)
    tone = 0.5 * torch.sin(2 * torch.pi * 200 * torch.arange(8192) / 24000)[None]
    hiss = 1e-3 * torch.randn(1, 8192)
    assert moved(LogSpectrumDiscriminator(4), tone, tone + hiss) > 0.1
    assert moved(multi_resolution_discriminator(4), tone, tone + hiss) < 0.01


def test_each_length_of_a_crop_has_logits():
    """Shortest: a window of all. Logits of a crop do not depend on the others of its batch."""
    discriminator, x = LogSpectrumDiscriminator(2), torch.randn(3, 3000)
    real, fake, *_ = discriminator(y=x, y_hat=x[:, :2048])
    assert [a.shape[:3] for a in fake] == [(3, 1, 1), (3, 1, 5), (3, 1, 13)]
    alone, *_ = discriminator(y=x[1:2], y_hat=x[1:2])
    for a, b in zip(real, alone):
        torch.testing.assert_close(a[1:2], b)
