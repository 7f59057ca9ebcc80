"""Requests to a pipeline and its outputs, for the continuous system and the baseline alike."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ditar.config.numbers import MAX_SEED, check_number, check_whole
from ditar.config.sampling import RANGES
from ditar.config.speech import TextConfig
from ditar.synthesis.timing import Timing
from ditar.synthesis.voice import Voice
from ditar.text.errors import check_text_type
from ditar.text.frontend import ReadText


@dataclass(frozen=True, eq=False)
class SpeechRequest:
    """One utterance; the rows of a batch may differ in all of this.

    Args:
        text: what to say.
        voice: None: the voice that ships with the package.
        seed: None: one is drawn, and the output says which.
        temperature, guidance_scale: see `SamplingOptions`, or `TokenPipeline` for a model that draws tokens; None: the
            call's, or else the model's.
        language: espeak-ng's name of it.
        stop_threshold: in [0, 1], the speech ends when the stop head exceeds it; None: the checkpoint's.
        speed: in [0.5, 2], 2 is twice as fast; None: the voice's own.
        timestamps: whether the output says when each word is spoken. For a model with monotonic alignment.
        read: the text as the model reads it, if its `TextFrontend` has read it already.
    """

    text: str
    voice: Voice | None = None
    seed: int | None = field(default=None, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    guidance_scale: float | None = field(default=None, kw_only=True)
    language: str = field(default="en-us", kw_only=True)
    stop_threshold: float | None = field(default=None, kw_only=True)
    speed: float | None = field(default=None, kw_only=True)
    timestamps: bool = field(default=False, kw_only=True)
    read: ReadText | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """TextError, ValueError: a text that is no string, a number out of range, a voice of another type."""
        check_text_type(self.text, "text")
        check_text_type(self.language, "language")
        if not isinstance(self.timestamps, bool):
            raise ValueError(f"timestamps must be True or False, got {self.timestamps!r}")
        if not isinstance(self.voice, Voice | None):
            raise ValueError(
                f"voice must be a Voice, which create_voice and load_voice make, got {type(self.voice).__name__}"
            )
        given = {name: value for name in ("seed", *RANGES) if (value := getattr(self, name)) is not None}
        for name, value in given.items():
            value = (
                check_whole(value, name, 0, MAX_SEED) if name == "seed" else check_number(value, name, *RANGES[name])
            )
            object.__setattr__(self, name, value)  # frozen from here on


NO_TIMESTAMPS = (
    "timestamps are for models with monotonic alignment, which say themselves which symbol they speak, and this one "
    "does not; leave them out, or take such a model"
)


def check_timestamps(config: TextConfig, timestamps: bool) -> None:
    """ValueError: timestamps of a model that does not read monotonically."""
    if timestamps and not config.reads_monotonically:
        raise ValueError(NO_TIMESTAMPS)


def as_requests(requests: Iterable[SpeechRequest | str], generator: Any = None) -> list[SpeechRequest]:
    """Requests unchanged, and texts as requests. ValueError: anything else, a single text, or a `generator` of another
    type or for several requests, each of which is as if it were alone."""
    if isinstance(requests, str):
        raise ValueError(f"requests must be a list, such as [{requests[:40]!r}]")
    made = [SpeechRequest(request) if isinstance(request, str) else request for request in requests]
    for request in made:
        if not isinstance(request, SpeechRequest):
            raise ValueError(f"a request must be a SpeechRequest or a text, got {type(request).__name__}")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {type(generator).__name__}; a number is a seed")
    if generator is not None and len(made) != 1:
        raise ValueError(f"a generator is for one request, got {len(made)}; give each its seed")
    return made


def check_asked(text: Any, seed: Any, generator: Any, voice: Any, prompt_audio: Any, prompt_text: Any) -> None:
    """ValueError if a call says the same in two ways, or if an argument has another type."""
    if seed is not None and generator is not None:
        raise ValueError("give a seed or a generator, not both")
    as_requests([SpeechRequest(text, None if isinstance(voice, str) else voice, seed=seed)], generator)
    if isinstance(prompt_audio, Voice):
        raise ValueError(f"prompt_audio is a clip, and {prompt_audio.name!r} a voice already; give it as voice=...")
    if voice is not None and (prompt_audio is not None or prompt_text is not None):
        raise ValueError("give a voice, or prompt_audio and prompt_text, not both")


@dataclass
class SpeechOutput:
    """What a pipeline returns.

    Args:
        audio: (S,) float32 at `sample_rate` Hz.
        stopped: the model ended it, not the length cap.
        patches: the number of generated ones.
        attempts: 1 plus the retries.
        seed: what made this audio (None with a generator).
        warnings: what a user should know.
        failures: what was wrong with the discarded attempts.
        wrong: what is wrong with this one, the last: it is silent, far too short, or was cut at the length cap; None:
            nothing. The warnings include it.
        timing: when each word and each sound in `audio` is spoken, if the request asked for it.
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
    timing: Timing | None = None
