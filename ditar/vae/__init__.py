"""Waveform (B, S) at 24 kHz <-> latents (B, T, 64) at 40 Hz: encoder, Gaussian posterior, Vocos decoder."""

from ditar.vae.posterior import Posterior
from ditar.vae.speech_vae import SpeechVAE

__all__ = ["Posterior", "SpeechVAE"]
