"""The postfilter of the vocoder: formants stand out, levels and low frequencies stay, and training does not see it."""

import math

import pytest
import torch

from ditar.vae.formants import deepened, emphasis
from ditar.vae.speech_vae import SpeechVAE
from tests.vae.test_source import TINY

BIN_HZ = 20.0
FREQUENCY_HZ = BIN_HZ * torch.arange(601)


def ripple(period_hz):
    """Log gains (1, 601, 1) that rise and fall by 1."""
    return torch.cos(2 * math.pi * FREQUENCY_HZ / period_hz)[None, :, None]


def swing(x, low_hz=2_000, high_hz=10_000):
    """Half the distance from valleys to peaks."""
    part = x[0, (low_hz <= FREQUENCY_HZ) & (high_hz >= FREQUENCY_HZ), 0]
    return (part.max() - part.min()).item() / 2


@pytest.mark.parametrize("contrast", [0.1, 0.2, 0.5])
def test_formants_stand_out_by_the_share(contrast):
    (found,) = deepened([ripple(1_000)], contrast, BIN_HZ)
    assert swing(found) == pytest.approx(1 + contrast, abs=0.03)


def test_a_tilt_and_the_harmonics_of_a_voice_hardly_change():
    tilt = -6.0 * FREQUENCY_HZ[None, :, None] / 12_000
    assert emphasis(tilt, 0.2, BIN_HZ)[:, 50:-50].abs().max() < 1e-4
    assert swing(deepened([ripple(60)], 0.2, BIN_HZ)[0]) == pytest.approx(swing(ripple(60)), rel=0.03)


def test_what_is_low_stays():
    changed = emphasis(ripple(800), 0.5, BIN_HZ)[0, :, 0].abs()
    assert changed[FREQUENCY_HZ < 300].max() < 0.03 and changed[FREQUENCY_HZ > 1_200].max() > 0.45


def test_frames_keep_the_power_of_all_gains_together():
    torch.manual_seed(0)
    before = [torch.randn(2, 601, 5).cumsum(1) / 5, torch.randn(2, 601, 5)]
    after = deepened(before, 0.3, BIN_HZ)
    power = lambda gains: sum((2 * x).exp().sum(1) for x in gains)  # noqa: E731
    torch.testing.assert_close(power(after), power(before))
    assert all((one - two).abs().max() > 0.05 for one, two in zip(after, before))


@pytest.mark.parametrize("source", [True, False])
def test_what_is_decoded_has_it_and_what_is_trained_has_not(source):
    def vae(contrast):
        torch.manual_seed(0)
        made = SpeechVAE(**{**TINY, "vocos": {**TINY["vocos"], "source_filter": source, "formant_contrast": contrast}})
        torch.nn.init.normal_(made.decoder.head.out.weight, std=0.5)
        return made.eval()

    plain, clear = vae(0.0), vae(0.3)
    latents = torch.randn(1, 12, 8)
    with torch.no_grad():
        assert not torch.allclose(plain.decode(latents), clear.decode(latents), atol=1e-3)
        waveform = 0.1 * torch.randn(2, 6_000)
        one, two = (made(waveform, [torch.Generator().manual_seed(k) for k in (0, 1)])[0] for made in (plain, clear))
    assert torch.equal(one.waveform, two.waveform)
