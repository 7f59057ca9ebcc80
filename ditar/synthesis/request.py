"""What is asked of a pipeline and what comes back, for the continuous system and the baseline alike."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.synthesis.voice import Voice
from ditar.text.frontend import ReadText

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers.utils import BaseOutput  # noqa: E402


@dataclass(frozen=True, eq=False)
class SpeechRequest:
    """One utterance; the rows of a batch may differ in all of this.

    Args:
        text: what to say.
        voice: None: the voice that ships with the package.
        seed: None: one is drawn, and the output says which.
        temperature, guidance_scale: see `SamplingOptions`, or `TokenPipeline` of a model that draws tokens; None: the
            call's, and where it names none the model's.
        language: espeak-ng's name of it.
        stop_threshold: in [0, 1], the speech ends where the stop head gives more; None: the checkpoint's.
        read: the text as the model reads it, where its `TextFrontend` has read it already.
    """

    text: str
    voice: Voice | None = None
    seed: int | None = field(default=None, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    guidance_scale: float | None = field(default=None, kw_only=True)
    language: str = field(default="en-us", kw_only=True)
    stop_threshold: float | None = field(default=None, kw_only=True)
    read: ReadText | None = field(default=None, kw_only=True)


def check_asked(seed: Any, generator: Any, voice: Any, prompt_audio: Any, prompt_text: Any) -> None:
    """ValueError where a call says the same thing in two ways."""
    if seed is not None and generator is not None:
        raise ValueError("give a seed or a generator, not both")
    if voice is not None and (prompt_audio is not None or prompt_text is not None):
        raise ValueError("give a voice, or prompt_audio and prompt_text, not both")


@dataclass
class SpeechOutput(BaseOutput):
    """What a pipeline returns.

    audio (S,) float32 at sample_rate; stopped: the model ended it, not the length cap; patches: generated ones;
    attempts: 1 and the retries; seed: what made this audio (None with a generator); warnings: what a user should know;
    failures: what was wrong with the attempts that were thrown away; wrong: what is wrong with this one, the last: it
    is silent, far too short, or was cut at the length cap; None: nothing. The warnings say it, too.
    """

    audio: np.ndarray
    sample_rate: int
    stopped: bool
    patches: int
    attempts: int
    seed: int | None = None
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    wrong: str | None = None
