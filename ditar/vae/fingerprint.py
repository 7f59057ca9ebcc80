"""Which VAE made latents: a DiTAR names the one it was trained on, and refuses others."""

import warnings

from ditar.storage.digests import digest_tensors
from ditar.storage.weights import ModelError
from ditar.vae.encoder import deciding_tensors
from ditar.vae.speech_vae import SpeechVAE


def vae_fingerprint(vae: SpeechVAE) -> str:
    """Equal for VAEs whose latents mean the same: encoder, the floor of its input, and statistics; weights are rounded
    to float16, in which they may be stored."""
    return digest_tensors([*(value.half() for value in deciding_tensors(vae.encoder)), vae.latent_mean, vae.latent_std])


def encoder_fingerprint(vae: SpeechVAE) -> str:
    """Equal for VAEs with the same latents before normalisation: the encoder only."""
    return digest_tensors(value.half() for value in deciding_tensors(vae.encoder))


def check_vae(trained_on: str, vae: SpeechVAE) -> None:
    """ModelError if a DiTAR was trained on the latents of a VAE other than this; `trained_on` is the fingerprint in its
    configuration. A warning if there is none, as in older ones."""
    found = vae_fingerprint(vae)
    if not trained_on:
        warnings.warn(
            f"the DiTAR does not say which VAE it was trained on (this one is {found}); if it is another, speech will "
            "be noise",
            stacklevel=3,
        )
    elif trained_on != found:
        raise ModelError(
                f"the DiTAR was trained on the latents of the VAE {trained_on}, but this one is {found}; use the "
                "VAE it was trained on, with the statistics of its latents"
        )
