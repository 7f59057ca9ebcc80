"""Requests and what is made of them."""

from dataclasses import dataclass, field

import numpy as np

from ditar.config.numbers import MAX_SEED, check_number, check_whole
from ditar.config.sampling import RANGES
from ditar.onnx.voices import Voice
from ditar.text.errors import check_text_type
from ditar.text.frontend import ReadText


@dataclass(frozen=True, eq=False)
class SpeechRequest:
    """One utterance; the rows of a batch may differ in all of this. TextError, ValueError: a text that is no string, a
    number out of range, a voice of another type.

    Args:
        text: what to say.
        voice: None: the model's default.
        seed: None: one is drawn, and the output says which.
        temperature, guidance_scale: see `Sampling`; None: the call's.
        language: espeak-ng's name of it.
        stop_threshold: in [0, 1], the speech ends when the stop head exceeds it; None: the model's.
        speed: in [0.5, 2], 2 is twice as fast; None: the voice's own.
        read: the text as the model reads it, if it is read already.
    """

    text: str
    voice: Voice | None = None
    seed: int | None = field(default=None, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    guidance_scale: float | None = field(default=None, kw_only=True)
    language: str = field(default="en-us", kw_only=True)
    stop_threshold: float | None = field(default=None, kw_only=True)
    speed: float | None = field(default=None, kw_only=True)
    read: ReadText | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_text_type(self.text, "text")
        check_text_type(self.language, "language")
        if not isinstance(self.voice, Voice | None):
            raise ValueError(
                f"voice must be a Voice, which a speaker's voice(NAME) and create_voice make, got {self.voice!r}"
            )
        if self.seed is not None:
            check_whole(self.seed, "seed", 0, MAX_SEED)
        for name, bounds in RANGES.items():
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, *bounds)


@dataclass
class SpeechOutput:
    """audio (S,) float32 at `sample_rate` Hz; stopped: the model ended it, not the length cap; patches: how many;
    attempts: 1 plus the retries; seed: what made it; warnings: what a user should know; failures: what was wrong with
    the discarded attempts; wrong: with this one, None: nothing."""

    audio: np.ndarray
    sample_rate: int
    stopped: bool
    patches: int
    attempts: int
    seed: int
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    wrong: str | None = None
