"""Audio file -> the posterior of its latents, as extraction of training data has it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ditar.audio.errors import AudioError
from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ, samples_to_frames
from ditar.vae.speech_vae import SpeechVAE


@torch.inference_mode()
def posterior_of_file(
    vae: SpeechVAE, path: Path, max_seconds: float, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Means and logarithms of variances, both (T, C), not normalised. `change`: what is done to the waveform (S,)
    first. AudioError: a file that cannot be used."""
    waveform = read_audio(path, max_seconds=max_seconds)
    if change is not None:
        waveform = change(waveform)
    frames = samples_to_frames(len(waveform))
    if frames == 0:
        raise AudioError(f"{path} has {len(waveform)} samples at 24 kHz, less than one latent frame ({HOP_SAMPLES})")
    waveform = low_pass(waveform, vae.config.bandwidth_hz, SAMPLE_RATE_HZ)  # as references are
    posterior = vae.encode(torch.from_numpy(waveform[None, : frames * HOP_SAMPLES]))
    mean, log_variance = posterior.mean[0].numpy(), posterior.log_variance[0].numpy()
    if not np.isfinite(mean.astype(np.float16)).all():
        raise AudioError(f"the VAE's latents of {path} are not finite numbers in float16")
    return mean, log_variance
