"""Log-mel spectra: frame counts, centring, filters."""

import numpy as np
import pytest
import torch

from ditar.audio.spectra import LOG_FLOOR, limit_band, log_mel, mel_filterbank
from ditar.audio.torchaudio_shim import import_torchaudio


@pytest.mark.parametrize("samples, frames", [(600, 2), (6000, 20), (6299, 20), (6300, 21), (24_000, 80)])
def test_exactly_one_frame_per_hop(samples, frames):
    assert log_mel(torch.randn(2, samples)).shape == (2, 100, frames)


def test_a_frame_is_centred_on_its_own_samples():
    waveform = torch.zeros(1, 6000)
    waveform[0, 3150] = 1.0  # the middle of frame 10
    energy = log_mel(waveform).exp().sum(dim=1)[0]
    assert int(energy.argmax()) == 10
    torch.testing.assert_close(energy[9], energy[11], rtol=1e-3, atol=1e-6)


def test_silence_sits_on_the_floor():
    torch.testing.assert_close(log_mel(torch.zeros(1, 2400)).unique(), torch.tensor([np.log(LOG_FLOOR)]).float())


def test_a_tone_lights_the_filter_at_its_frequency():
    time = torch.arange(24_000) / 24_000
    mel = log_mel(torch.sin(2 * torch.pi * 2000 * time).unsqueeze(0))[0]  # (100, 80)
    loudest = int(mel[:, 40].argmax())
    centre_hz = mel_filterbank(100, 1200, 24_000)[loudest].argmax() * 20
    assert abs(int(centre_hz) - 2000) <= 60


@pytest.mark.parametrize("mel_bins, n_fft, rate_hz", [(100, 1200, 24_000), (80, 1024, 16_000)])
def test_the_filters_are_torchaudios(mel_bins, n_fft, rate_hz):
    expected = import_torchaudio().functional.melscale_fbanks(n_fft // 2 + 1, 0.0, rate_hz / 2, mel_bins, rate_hz)
    torch.testing.assert_close(mel_filterbank(mel_bins, n_fft, rate_hz), expected.T, atol=2e-5, rtol=0)


def test_bfloat16_autocast_changes_nothing():
    waveform = torch.randn(1, 3000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = log_mel(waveform)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, log_mel(waveform), rtol=0, atol=0)


def test_too_short_says_so():
    with pytest.raises(ValueError, match="pad it with silence to at least 2 hops"):
        log_mel(torch.zeros(1, 300))


def test_limit_band_cuts_the_rows_that_are_narrow():
    waveform = torch.randn(2, 24_000, generator=torch.Generator().manual_seed(0), requires_grad=True)
    limited = limit_band(waveform, torch.tensor([8_000.0, 12_000.0]))
    assert torch.equal(limited[1], waveform[1])
    before, after = (torch.fft.rfft(x[0].detach()).abs().square() for x in (waveform, limited))  # bins of 1 Hz
    assert after[8_000:].sum() < 1e-8 * before[8_000:].sum()
    torch.testing.assert_close(after[:7_600], before[:7_600], rtol=1e-3, atol=1e-3)
    limited.square().sum().backward()
    assert waveform.grad.isfinite().all()
