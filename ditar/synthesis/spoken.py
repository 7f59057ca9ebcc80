"""One request while it is spoken: patches in, audio out as soon as it may be played; failed speech is made again."""

import sys
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from ditar.audio.stretch import Stretcher
from ditar.audio.trim import StreamTrimmer, fade, is_silent
from ditar.config.numbers import check_number
from ditar.model.generate import GenerationInput
from ditar.synthesis.continuous import PreparedRequest
from ditar.synthesis.timing import Timing
from ditar.text.lengths import problem
from ditar.units import SAMPLE_RATE_HZ, seconds_to_frames
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder


class SpokenRequest:
    """Says which row to make (`row`), and returns what may be played of its patches (`hear`).

    A chunk is released when `chunk_seconds` of audio are final, the first one at `first_chunk_seconds` and not while
    all is silent. An attempt that fails before that is made again with the next seed; one that fails later is played
    to its end. Where other speech stands before or after it (`continues`, `goes_on`), the silence at that end goes, as
    that of a sentence in a long text does.

    seed, attempts, failures, patches, stopped, warnings: as in SpeechOutput, so far; over: nothing follows, and `wrong`
    says what is wrong with what was played; vocoder_s: seconds spent on decoding; timing: of all of this attempt that
    is over already, if the request asks for it.
    """

    def __init__(
        self,
        vae: SpeechVAE,
        prepared: PreparedRequest,
        max_retries: int,
        first_chunk_seconds: float,
        chunk_seconds: float,
        continues: bool = False,
        goes_on: bool = False,
    ):
        self._vae, self._prepared, self._between = vae, prepared, (continues, goes_on)
        lengths = {"first_chunk_seconds": first_chunk_seconds, "chunk_seconds": chunk_seconds}  # 0: whatever is final
        self._chunk_frames = [
            max(1, seconds_to_frames(prepared.speed * check_number(s, name, 0, 3600))) for name, s in lengths.items()
        ]
        self._seeds = prepared.seeds(max_retries)
        self.warnings: list[str] = list(prepared.warnings)
        self.failures: list[str] = []
        self.seed, self.attempts, self.patches, self.stopped = self._seeds[0], 0, 0, False
        self.over, self.wrong, self.vocoder_s = False, None, 0.0
        self._places: list[Tensor] = []

    def row(self) -> GenerationInput:
        """The row of the next attempt, which begins."""
        self.seed = self._seeds[self.attempts]
        self.attempts, self.patches = self.attempts + 1, 0
        self._decoder = StreamingDecoder(self._vae, self._prepared.prompt.flatten(0, 1))
        self._stretcher = Stretcher(self._prepared.speed)
        self._trimmer = StreamTrimmer(SAMPLE_RATE_HZ, *self._between)
        self._held: list[np.ndarray] = []  # nothing is released while all is silent
        self._samples, self._silent, self._heard, self._places, self._played = 0, True, False, [], 0
        return self._prepared.row(torch.Generator().manual_seed(self.seed))

    @torch.inference_mode()
    def hear(self, patch: Tensor, stop: float, ended: bool, places: Tensor | None = None) -> np.ndarray | None:
        """Take the next patch (P, C) of the row, with its stop probability, whether it is the last, and the places (P,)
        of its frames, if the model says them: returns float32 (S,) at 24 kHz that may be played now, or None. If it
        `ended` but is not `over`, make another attempt."""
        if places is not None:
            self._places.append(places)
        self._decoder.add(patch)
        self.patches += 1
        if not ended and self._decoder.ready < self._chunk_frames[self._heard]:
            return None
        began = perf_counter()
        chunk = self._decoder.take(final=ended).numpy()
        self.vocoder_s += perf_counter() - began
        self._samples, self._silent = self._samples + len(chunk), self._silent and is_silent(chunk)
        if ended:
            self.stopped = stop > self._prepared.stop_threshold
            expected = self._prepared.lengths.expected
            wrong = problem(self._samples / SAMPLE_RATE_HZ, self._silent, self.stopped, expected)
            if wrong is not None and not self._heard and self.attempts < len(self._seeds):
                self.failures.append(wrong)
                return None
            self.over, self.wrong = True, wrong
            if not self.stopped:  # as in `Attempts`; the last chunk is at least a patch long
                chunk = fade(chunk, SAMPLE_RATE_HZ, start=False)
        self._held.append(self._trimmer(self._stretcher(chunk, final=ended), final=ended))
        self._played += len(self._held[-1])
        if self._silent and not ended:
            return None
        held, self._held = np.concatenate(self._held), []
        if not len(held) and not ended:  # all is still in the stretcher, or may be trimmed
            return None
        self._heard = True
        return held

    @property
    def timing(self) -> Timing | None:
        if not self._places:
            return None
        timing, start = self._prepared.timing(torch.stack(self._places), final=self.over), self._trimmer.cut
        if timing is None or not any(self._between):
            return timing
        # What lasts into silence that may go is told when that is known: what was told once stays as it is.
        found = timing.cut(start, start + self._played if self.over else sys.maxsize)
        return found if self.over else found.until(self._played)
