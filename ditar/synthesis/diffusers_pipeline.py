"""The DiTARPipeline of Python code: a diffusers DiffusionPipeline, with a scheduler among its components.

A module of its own, since importing diffusers takes longer than speaking a sentence: commands do without.
"""

from pathlib import Path
from typing import Any

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config.sampling import SAVED_OPTIONS, SamplingOptions
from ditar.diffusion.scheduler import DiTARScheduler
from ditar.model.ditar import DiTAR
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.vae.speech_vae import SpeechVAE

import_torchaudio()  # diffusers imports it, and a binary that does not match torch would stop it

from diffusers import DiffusionPipeline  # noqa: E402


class DiTARPipeline(ContinuousPipeline, DiffusionPipeline):
    """Zero-shot synthesis. Components: `vae` (SpeechVAE), `ditar` (DiTAR, with its vocabulary), `scheduler`
    (DiTARScheduler), which may be replaced."""

    def __init__(self, vae: SpeechVAE, ditar: DiTAR, scheduler: DiTARScheduler):
        super().__init__(vae, ditar)
        self.register_modules(vae=vae, ditar=ditar, scheduler=scheduler)

    @property
    def sampling(self) -> SamplingOptions:
        """How the model samples unless a call says otherwise: by its scheduler."""
        return self.scheduler.sampling

    @property
    def components(self) -> dict[str, Any]:
        return {**super().components, "scheduler": self.scheduler}

    @staticmethod
    def _load(folder: Path) -> tuple[SpeechVAE, DiTAR, DiTARScheduler]:
        vae, ditar, sampling = ContinuousPipeline._load(folder)
        return vae, ditar, DiTARScheduler(**{name: getattr(sampling, name) for name in SAVED_OPTIONS})
