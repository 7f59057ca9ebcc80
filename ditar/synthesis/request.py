"""What is asked of a pipeline and what comes back, for the continuous system and the baseline alike."""

from dataclasses import dataclass, field, replace

import numpy as np

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.synthesis.voice import Voice

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers.utils import BaseOutput  # noqa: E402


@dataclass(frozen=True, eq=False)
class SpeechRequest:
    """One utterance; the rows of a batch may differ in all of this.

    voice None: the voice that ships with the package. seed None: one is drawn, and the output says which. temperature
    in [0, 1]: the time at which noise enters (arXiv 2502.03930, eqs. 3-4; 0 is deterministic); guidance_scale: 1 + w of
    the paper, 1 is off; None: 1 and 2, or what the checkpoint of a token LM says; language: espeak-ng's name;
    stop_threshold None: the checkpoint's.
    """

    text: str
    voice: Voice | None = None
    seed: int | None = field(default=None, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    guidance_scale: float | None = field(default=None, kw_only=True)
    language: str = field(default="en-us", kw_only=True)
    stop_threshold: float | None = field(default=None, kw_only=True)

    def settled(self, temperature: float, guidance_scale: float) -> "SpeechRequest":
        """With these where the request leaves them to the model."""
        return replace(
            self,
            temperature=temperature if self.temperature is None else self.temperature,
            guidance_scale=guidance_scale if self.guidance_scale is None else self.guidance_scale,
        )


@dataclass
class SpeechOutput(BaseOutput):
    """What a pipeline returns.

    audio (S,) float32 at sample_rate; stopped: the model ended it, not the length cap; patches: generated ones;
    attempts: 1 and the retries; seed: what made this audio (None with a generator); warnings: what a user should know;
    failures: what was wrong with the attempts that were thrown away.
    """

    audio: np.ndarray
    sample_rate: int
    stopped: bool
    patches: int
    attempts: int
    seed: int | None = None
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
