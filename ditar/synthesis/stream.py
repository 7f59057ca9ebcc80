"""One request, spoken while it is made."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch

from ditar.model.ditar import DiTAR
from ditar.model.generate import generate_patches, start_decoding
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.spoken import SpokenRequest
from ditar.synthesis.timing import Timing
from ditar.text.lengths import given_up
from ditar.units import SAMPLE_RATE_HZ


@dataclass
class FirstAudio:
    """Seconds until the first audio, part by part; the reader's own time between two chunks is not counted."""

    reference_s: float = 0.0
    text_s: float = 0.0
    prefill_s: float = 0.0
    patches_s: float = 0.0
    vocoder_s: float = 0.0

    @property
    def total_s(self) -> float:
        """From the call to the first chunk."""
        return self.reference_s + self.text_s + self.prefill_s + self.patches_s + self.vocoder_s


class SpeechStream(Iterator[np.ndarray]):
    """Float32 chunks (S,) at 24 kHz; together they are what the pipeline returns when it is called, without the silence
    at an end where other speech stands.

    For when chunks are released, and what is made again, see `SpokenRequest`. SpeechError, at the end, if what was
    played turns out wrong. `close` (or leaving a `with` block) ends it early.

    seed, attempts, failures, patches, stopped, warnings, timing: as in SpeechOutput, so far: a word is in it when it
    is over, and may be so before it is heard. first_audio: the time until the first chunk.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(
        self, model: DiTAR, spoken: SpokenRequest, guidance_steps: tuple[float, float], first_audio: FirstAudio
    ):
        self._model, self._spoken, self._guidance_steps = model, spoken, guidance_steps
        self.first_audio = first_audio
        self._chunks, self._closed = self._speak(), threading.Event()

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._chunks  # itself: each frame between a command and the model counts

    def __next__(self) -> np.ndarray:
        if self._closed.is_set():
            raise StopIteration
        return next(self._chunks)

    def __enter__(self) -> "SpeechStream":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop; nothing more is made. Another thread that waits for a chunk meanwhile has the end of the stream within
        a patch."""
        self._closed.set()
        with suppress(ValueError):  # it is in another thread's `next`, which sees the mark
            self._chunks.close()

    @property
    def seed(self) -> int:
        return self._spoken.seed

    @property
    def attempts(self) -> int:
        return self._spoken.attempts

    @property
    def failures(self) -> list[str]:
        return self._spoken.failures

    @property
    def patches(self) -> int:
        return self._spoken.patches

    @property
    def stopped(self) -> bool:
        return self._spoken.stopped

    @property
    def warnings(self) -> list[str]:
        return self._spoken.warnings

    @property
    def timing(self) -> Timing | None:
        return self._spoken.timing

    @torch.inference_mode()
    def _speak(self) -> Iterator[np.ndarray]:
        spoken, first, clock, waiting = self._spoken, self.first_audio, _Clock(), True
        while not spoken.over:
            row = spoken.row()
            state = start_decoding(self._model, [row])
            first.prefill_s += clock()
            for step in generate_patches(self._model, [row], state=state, guidance_steps=self._guidance_steps):
                if self._closed.is_set():
                    return
                places = None if step.places is None else step.places[0]
                chunk = spoken.hear(step.patches[0], step.stop[0], step.ended[0], places)
                if chunk is not None:
                    if waiting:
                        waiting, first.vocoder_s = False, spoken.vocoder_s
                        first.patches_s += clock() - first.vocoder_s
                    yield chunk
            first.patches_s += waiting * clock()  # of an attempt that nobody heard
        if spoken.wrong is not None:
            raise SpeechError(given_up(spoken.wrong, spoken.attempts))


class _Clock:
    """Seconds since the last call."""

    def __init__(self):
        self._at = perf_counter()

    def __call__(self) -> float:
        before, self._at = self._at, perf_counter()
        return self._at - before
