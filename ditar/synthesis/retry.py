"""Failed speech is made again: what counts as failure, the seeds of the attempts, which attempts share a batch."""

import secrets
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ditar.audio.stretch import stretch
from ditar.audio.trim import fade, is_silent
from ditar.config.numbers import check_whole
from ditar.config.sampling import MOST_RETRIES, MOST_ROWS
from ditar.seeds import attempt_seed
from ditar.synthesis.request import SpeechOutput
from ditar.synthesis.timing import Timing
from ditar.text.lengths import given_up, problem
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds


class SpeechError(ValueError):
    """A stream whose speech failed after some of it had been played, so that it could not be made again."""


def attempt_seeds(seed: int | None, random: bool, retries: int) -> list[int]:
    """A seed for each attempt; seed None: the first is drawn. If nothing is `random` there is one attempt: another seed
    would give the same samples. ValueError: `retries` is not a whole number from 0 to 100."""
    retries = check_whole(retries, "max_retries", 0, MOST_RETRIES)
    first = secrets.randbits(63) if seed is None else seed
    return [attempt_seed(first, attempt) for attempt in range(1 + retries if random else 1)]


class Attempts:
    """Batches of utterances to make, with the seed of each, until all are good or their seeds are used up.

    Those of similar length (`lengths`, in any unit) go together, the longest first; a failed one is tried again after
    the others. `outputs`: in the order of the utterances; complete once there is no further batch.
    """

    def __init__(self, lengths: Sequence[float], seeds: Sequence[Sequence[int]], batch_size: int):
        self.outputs: list[SpeechOutput | None] = [None] * len(seeds)
        self._seeds, self._batch_size = seeds, check_whole(batch_size, "batch_size", 1, MOST_ROWS)
        self._failures: list[list[str]] = [[] for _ in seeds]
        self._waiting = sorted(range(len(seeds)), key=lambda place: -lengths[place])

    def __iter__(self) -> Iterator[tuple[list[int], list[int]]]:
        """(places of the utterances, seeds)"""
        while self._waiting:
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            yield batch, [self._seeds[place][len(self._failures[place])] for place in batch]

    def halve(self, batch: list[int], error: Exception) -> bool:
        """Whether half of a batch can be tried instead: the error was a lack of memory."""
        if len(batch) == 1 or not _is_out_of_memory(error):
            return False
        self._batch_size, self._waiting = len(batch) // 2, batch + self._waiting
        return True

    def judge(
        self,
        place: int,
        audio: np.ndarray,
        *,
        stopped: bool,
        patches: int,
        expected_seconds: float,
        warnings: Sequence[str],
        seed: int | None,
        speed: float | None = None,
        must_stop: bool = True,
        timing: Timing | None = None,
    ) -> None:
        """Take the audio (S,) of an attempt, made so many times as fast, as the output, or queue it again. must_stop
        False: for a model without an end, which is cut at the expected length."""
        failures, warnings = self._failures[place], list(warnings)
        seconds = samples_to_seconds(len(audio))
        wrong = problem(seconds, is_silent(audio), stopped or not must_stop, expected_seconds)
        attempt = len(failures) + 1
        if wrong is not None and attempt < len(self._seeds[place]):
            failures.append(wrong)
            self._waiting.append(place)
            return
        if wrong is not None:
            warnings.insert(0, given_up(wrong, attempt))
        if not stopped:
            audio = fade(audio, SAMPLE_RATE_HZ, start=False)  # a cut inside a sound would click
        self.outputs[place] = SpeechOutput(
            audio=stretch(audio, 1.0 if speed is None else speed),
            sample_rate=SAMPLE_RATE_HZ,
            stopped=stopped,
            patches=patches,
            attempts=attempt,
            seed=seed,
            warnings=warnings,
            failures=failures,
            wrong=wrong,
            timing=timing,
        )


def _is_out_of_memory(error: Exception) -> bool:
    """On a GPU, in Python, or in torch on a CPU, which has no class for it."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)
