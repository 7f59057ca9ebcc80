"""One request spoken while it is made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch

from ditar.audio.trim import fade, is_silent
from ditar.model.ditar import DiTAR
from ditar.model.generate import generate_patches, start_decoding
from ditar.synthesis.continuous import PreparedRequest
from ditar.synthesis.retry import SpeechError, given_up, problem
from ditar.units import SAMPLE_RATE_HZ, seconds_to_frames
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder


@dataclass
class FirstAudio:
    """Seconds that the first audio took, part by part; what a reader does between two chunks is not counted."""

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
    """Float32 chunks (S,) at 24 kHz; together they are what the pipeline returns when it is called.

    A chunk leaves when `chunk_seconds` of audio are certain, the first one at `first_chunk_seconds` and not while all
    is silent. An attempt that fails before that is made again with the next seed; one that fails later is yielded to
    its end, and then SpeechError says what is wrong. `close` (or leaving a `with` block) ends it early.

    seed, attempts, failures, patches, stopped, warnings: as in SpeechOutput, of what has been made so far;
    first_audio: what the first chunk waited for.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(
        self,
        model: DiTAR,
        vae: SpeechVAE,
        prepared: PreparedRequest,
        max_retries: int,
        first_chunk_seconds: float,
        chunk_seconds: float,
        first_audio: FirstAudio,
    ):
        if not (first_chunk_seconds >= 0 and chunk_seconds >= 0):
            raise ValueError(
                f"chunks must be at least 0 s long (0: as soon as anything is certain), got {first_chunk_seconds} and "
                f"{chunk_seconds}"
            )
        self._model, self._vae, self._prepared, self.first_audio = model, vae, prepared, first_audio
        self._chunk_frames = [max(1, seconds_to_frames(s)) for s in (first_chunk_seconds, chunk_seconds)]
        seeds = prepared.seeds(max_retries)
        self.warnings, self.failures = list(prepared.warnings), []
        self.seed, self.attempts, self.patches, self.stopped = seeds[0], 0, 0, False
        self._chunks = self._speak(seeds)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._chunks

    def __next__(self) -> np.ndarray:
        return next(self._chunks)

    def __enter__(self) -> "SpeechStream":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop; nothing more is made."""
        self._chunks.close()

    @torch.inference_mode()
    def _speak(self, seeds: Sequence[int]) -> Iterator[np.ndarray]:
        prepared, first, clock = self._prepared, self.first_audio, _Clock()
        for self.seed in seeds:
            row = prepared.row(torch.Generator().manual_seed(self.seed))
            decoder = StreamingDecoder(self._vae, prepared.prompt.flatten(0, 1))
            held, samples, silent, wrong = [], 0, True, None  # nothing leaves while all is silent
            state, self.patches, self.attempts, heard = start_decoding(self._model, [row]), 0, self.attempts + 1, False
            first.prefill_s += clock()
            steps = generate_patches(self._model, [row], state=state, guidance_steps=prepared.sampling.guidance_steps)
            for step in steps:
                decoder.add(step.patches[0])
                ended, self.patches = step.ended[0], self.patches + 1
                if not ended and decoder.ready < self._chunk_frames[not silent]:
                    continue
                first.patches_s += silent * clock()
                chunk = decoder.take(final=ended).numpy()
                first.vocoder_s += silent * clock()
                held, samples, silent = [*held, chunk], samples + len(chunk), silent and is_silent(chunk)
                if ended:
                    self.stopped = step.stop[0] > prepared.stop_threshold
                    wrong = problem(samples / SAMPLE_RATE_HZ, silent, self.stopped, prepared.lengths.expected)
                    if not self.stopped:  # as `Attempts` does; the last chunk is at least a patch long
                        held[-1] = fade(chunk, SAMPLE_RATE_HZ, start=False)
                    if wrong is not None and not heard and self.attempts < len(seeds):
                        break
                if ended or not silent:
                    heard = True
                    yield np.concatenate(held)
                    held = []
            else:
                if wrong is not None:
                    raise SpeechError(given_up(wrong, self.attempts))
                return
            self.failures.append(wrong)


class _Clock:
    """Seconds since it was last asked."""

    def __init__(self):
        self._at = perf_counter()

    def __call__(self) -> float:
        before, self._at = self._at, perf_counter()
        return self._at - before
