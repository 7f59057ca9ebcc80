"""Narrow discriminators: as many parameters as the tables say, and vocos's own at full width."""

import pytest
import torch
from vocos.discriminators import MultiPeriodDiscriminator, MultiResolutionDiscriminator

from ditar.vae.discriminators import multi_period_discriminator, multi_resolution_discriminator


def size(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_full_width_is_vocos_s():
    assert size(multi_resolution_discriminator(32)) == size(MultiResolutionDiscriminator())
    assert size(multi_period_discriminator(1)) == size(MultiPeriodDiscriminator())


def test_narrow_ones_are_small_and_hear():
    period, resolution = multi_period_discriminator(8), multi_resolution_discriminator(16)
    assert size(period) < 0.7e6 and size(resolution) < 0.4e6
    true, made = (0.1 * torch.randn(2, 2, 8192)).unbind()
    for discriminator in (period, resolution):
        real, fake, _, features = discriminator(y=true, y_hat=made)
        assert len(real) == len(fake) == len(discriminator.discriminators)
        sum(f.mean() for f in fake).backward()
        assert all(p.grad is not None for p in discriminator.parameters())
        assert all(f.isfinite().all() for group in features for f in group)


def test_a_divisor_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="from 1 to 32, got 64"):
        multi_period_discriminator(64)
