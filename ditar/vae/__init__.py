"""Waveform (B, S) at 24 kHz <-> latents (B, T, 64) at 40 Hz: encoder, Gaussian posterior, Vocos decoder.

With a quantiser instead of the posterior: waveform <-> codes (B, Q, T), a codec like others behind one interface.
"""

from ditar.audio.torchaudio_shim import import_torchaudio

import_torchaudio()  # vocos and diffusers import it, and a binary that does not fit torch would stop them

from ditar.vae.codec import Codec, CodecError  # noqa: E402
from ditar.vae.loading import load_codec  # noqa: E402
from ditar.vae.posterior import Posterior  # noqa: E402
from ditar.vae.speech_vae import SpeechVAE  # noqa: E402

__all__ = ["Codec", "CodecError", "Posterior", "SpeechVAE", "load_codec"]
