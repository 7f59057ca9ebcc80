"""Log-mel spectra: the input of the VAE's spectral encoder, and what its losses compare. Torch only."""

import functools

import torch
import torch.nn.functional as F

from ditar.units import SAMPLE_RATE_HZ

LOG_FLOOR = 1e-5


def log_mel(
    waveform: torch.Tensor,
    mel_bins: int = 100,
    n_fft: int = 1200,
    hop: int = 300,
    rate_hz: int = SAMPLE_RATE_HZ,
    noise_floor: float = 0.0,
) -> torch.Tensor:
    """Natural logarithm of mel magnitudes, exactly one frame per `hop` samples, frame i centred on its own samples.

    Args:
        waveform: (B, S) at `rate_hz`, full scale 1.
        mel_bins: filters from 0 Hz to half of `rate_hz`.
        n_fft, hop: samples of a window, and from one to the next.
        noise_floor: std of a white noise, full scale 1, whose expected power is added to every bin of the spectrum.
            Anything below it, down to an empty band, looks the same, and nothing is random.

    Returns (B, mel_bins, S // hop) float32. An incomplete last hop is cut. Padding is vocos's "same" padding: (n_fft -
    hop) / 2 reflected samples at both ends, so that nothing is shifted. ValueError: the waveform is too short to
    reflect.
    """
    frames = waveform.shape[-1] // hop
    pad = (n_fft - hop) // 2
    if waveform.ndim != 2 or frames * hop <= pad:
        raise ValueError(
            f"log_mel needs a waveform of shape (B, S) with S > {pad} whole-hop samples, got {tuple(waveform.shape)}; "
            f"pad it with silence to at least {pad // hop + 1} hops of {hop}"
        )
    # bf16 autocast has no FFT, and a logarithm of bf16 magnitudes has 2 digits: float32 in any context.
    with torch.autocast(waveform.device.type, enabled=False):
        samples = waveform[:, : frames * hop].float()
        samples = F.pad(samples.unsqueeze(1), (pad, pad), mode="reflect").squeeze(1)  # (B, frames * hop + 2 pad)
        window = torch.hann_window(n_fft, dtype=samples.dtype, device=samples.device)
        spectrum = torch.stft(samples, n_fft, hop, window=window, center=False, return_complex=True)
        magnitude = spectrum.abs()  # (B, n_fft / 2 + 1, frames)
        if noise_floor > 0:
            magnitude = (magnitude.square() + noise_floor**2 * window.square().sum()).sqrt()
        bank = mel_filterbank(mel_bins, n_fft, rate_hz).to(samples)  # (mel_bins, n_fft / 2 + 1)
        return torch.matmul(bank, magnitude).clamp_min(LOG_FLOOR).log()


def limit_band(waveform: torch.Tensor, edges_hz: torch.Tensor, rate_hz: int = SAMPLE_RATE_HZ) -> torch.Tensor:
    """Waveforms (B, S) without what lies above each row's edge (B,), in Hz, with a slope from 5 % below it; float32,
    with gradients. Rows whose edge is half the rate are unchanged. The ends of a row meet, as in a circle."""
    limited = edges_hz < rate_hz / 2
    if not bool(limited.any()):
        return waveform
    with torch.autocast(waveform.device.type, enabled=False):
        rows = waveform[limited].float()
        frequencies = torch.fft.rfftfreq(rows.shape[-1], 1.0 / rate_hz, device=rows.device)  # (F,)
        edges = edges_hz[limited, None].to(rows.device)
        slope = ((edges - frequencies) / (0.05 * edges)).clamp(0.0, 1.0)  # (B', F)
        mask = torch.sin(0.5 * torch.pi * slope).square()
        kept = torch.fft.irfft(torch.fft.rfft(rows) * mask, rows.shape[-1])
        return waveform.float().masked_scatter(limited[:, None], kept)


@functools.lru_cache(maxsize=16)
def mel_filterbank(
    mel_bins: int, n_fft: int, rate_hz: int, low_hz: float = 0.0, high_hz: float | None = None
) -> torch.Tensor:
    """Triangular filters with centres evenly spaced on the HTK mel scale, peak 1 -> (mel_bins, n_fft / 2 + 1).

    mel = 2595 log10(1 + f / 700): the same filters as `torchaudio.functional.melscale_fbanks(norm=None,
    mel_scale="htk")`, as a test checks; that computes in float32, up to 2e-5 from these, which trained VAEs read.
    Filters so narrow that they contain no FFT bin stay zero.
    """
    high_hz = rate_hz / 2 if high_hz is None else high_hz
    ends = 2595.0 * torch.log10(1.0 + torch.tensor([low_hz, high_hz], dtype=torch.float64, device="cpu") / 700.0)
    mels = torch.linspace(ends[0].item(), ends[1].item(), mel_bins + 2, dtype=torch.float64, device="cpu")
    points = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)  # (mel_bins + 2,) Hz
    bins = torch.linspace(0.0, rate_hz / 2, n_fft // 2 + 1, dtype=torch.float64, device="cpu")
    below, centre, above = points[:-2, None], points[1:-1, None], points[2:, None]
    rising = (bins - below) / (centre - below)
    falling = (above - bins) / (above - centre)
    return torch.minimum(rising, falling).clamp_min(0.0).float()
