"""The rounding rule, and that the units agree with one another."""

import pytest

from ditar import units


def test_rates_fit():
    assert units.HOP_SAMPLES * units.LATENT_RATE_HZ == units.SAMPLE_RATE_HZ
    assert units.samples_to_frames(24_000) == 40
    assert units.patches_to_seconds(10, 4) == 1.0


@pytest.mark.parametrize(("value", "rounded"), [(0.5, 1), (1.5, 2), (2.5, 3), (2.4999, 2), (-0.5, 0)])
def test_halves_go_up(value, rounded):
    assert units.round_half_up(value) == rounded


def test_partial_units_are_cut():
    assert units.samples_to_frames(599) == 0 and units.samples_to_frames(1199) == 1
    assert units.frames_to_patches(7, 4) == 1


def test_lengths_are_rounded():
    assert units.seconds_to_frames(0.0125) == 1 and units.seconds_to_frames(0.0124) == 0
    assert units.seconds_to_samples(1.0, 16_000) == 16_000
    assert units.samples_to_seconds(12_000) == 0.5
