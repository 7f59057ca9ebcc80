"""DiTAR: zero-shot speech synthesis by a diffusion transformer that is autoregressive over continuous latents.

    text + reference clip
      -> ditar.text      phoneme ids (B, L)
      -> ditar.audio     waveform (B, S) at 24 kHz
      -> ditar.vae       latents (B, T, C) at 40 Hz, C = 64
      -> ditar.model     patches (B, N, P, C) -> aggregation encoder -> LM -> h (B, N, D) -> LocDiT (ditar.diffusion)
                         -> patches; stop head
      -> ditar.vae       vocoder: latents -> waveform (B, 600 T)

The method is that of Jia et al., ICML 2025, arXiv 2502.03930. The names below are imported when first used, so that
`import ditar` costs nothing.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "DiTARPipeline": "ditar.synthesis.diffusers_pipeline",
    "TokenPipeline": "ditar.synthesis.token_pipeline",
    "load_pipeline": "ditar.synthesis.pretrained",
    "SpeechOutput": "ditar.synthesis.request",
    "SpeechRequest": "ditar.synthesis.request",
    "Lexicon": "ditar.text.lexicon",
    "Voice": "ditar.synthesis.voice",
    "load_voice": "ditar.synthesis.voice_file",
    "save_voice": "ditar.synthesis.voice_file",
    "DiTAR": "ditar.model.ditar",
    "DiTARScheduler": "ditar.diffusion.scheduler",
    "SpeechVAE": "ditar.vae.speech_vae",
    "load_config": "ditar.config",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'ditar' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
