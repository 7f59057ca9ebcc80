"""Waveform (B, S) at 24 kHz <-> latents (B, T, 64) at 40 Hz: encoder, Gaussian posterior, Vocos decoder.

With a quantiser instead of the posterior: waveform <-> codes (B, Q, T), a codec like others behind one interface.
"""

from ditar.vae.codec import Codec, CodecError
from ditar.vae.loading import load_codec
from ditar.vae.posterior import Posterior
from ditar.vae.speech_vae import SpeechVAE

__all__ = ["Codec", "CodecError", "Posterior", "SpeechVAE", "load_codec"]
