"""One request for speech: its pieces, spoken in order, as a stream of audio."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ditar.serve.engine import Ended, Engine, EngineClosed, QueuedUtterance
from ditar.serve.errors import ApiError
from ditar.serve.metrics import Metrics
from ditar.synthesis.pieces import ReadPiece, silent
from ditar.synthesis.timing import Timing
from ditar.synthesis.voice import Voice, VoiceError
from ditar.text import TextError
from ditar.text.controls import check_pause
from ditar.text.lexicon import Lexicon
from ditar.text.pieces import gap_samples
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds, seconds_to_samples

SILENCE_SAMPLES = 5 * SAMPLE_RATE_HZ  # of a pause that are sent at once


@dataclass(frozen=True, eq=False)
class Heard:
    """audio (S,), float32 at 24 kHz; piece: the text that begins with it, or None; start_s: the time of the audio;
    timing: of the words that are over by now, and were not before, if that was asked for."""

    audio: np.ndarray
    start_s: float
    piece: str | None = None
    timing: Timing | None = None


@dataclass(eq=False)
class Talk:
    """What the pieces of a request have in common, and what became of them so far.

    Args:
        request_options, options: of every piece's SpeechRequest, and of the pipeline's call.
        lexicon: pronunciations of words.
        began: `time.monotonic()` of the request.
        warnings, wrong: what a client should know, and what is wrong with pieces that were played.
        symbols, patches, seconds: the numbers read and made.
    """

    engine: Engine
    metrics: Metrics
    voice: Voice
    request_options: dict[str, Any]
    options: dict[str, Any]
    lexicon: Lexicon
    began: float = field(default_factory=time.monotonic)
    warnings: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    symbols: int = 0
    patches: int = 0
    seconds: float = 0.0
    _utterance: QueuedUtterance | None = None  # the last one, which may still be spoken
    _last: ReadPiece | None = None
    _lead_s: float = 0.0  # of silence before the first piece

    def wait(self, seconds: float) -> None:
        """Silence that was asked for before the next piece, or at the end, instead of the last one's; it adds up.
        TextError: to too much."""
        if self._last is None:
            self._lead_s = check_pause(self._lead_s + seconds)
        else:
            before = self._last.pause_seconds if self._last.asked else 0.0
            self._last = replace(self._last, pause_seconds=check_pause(before + seconds), asked=True)

    async def say(self, piece: ReadPiece, seed: int, goes_on: bool, more: bool) -> AsyncIterator[Heard]:
        """The silence after the previous piece, and the audio of the next one; `goes_on`: another one follows at once;
        `more`: one may follow at all, so that silence at its end goes.
        ApiError: it could not be spoken to its end."""
        if self._last is None and self._lead_s:
            piece = replace(piece, lead_seconds=self._lead_s + (piece.lead_seconds or 0.0))
        for heard in self._silence(gap_samples(self._last, piece)):
            yield heard
        loop, told = asyncio.get_running_loop(), asyncio.Queue()

        def tell(said: np.ndarray | Timing | Ended) -> None:
            try:
                loop.call_soon_threadsafe(told.put_nowait, said)
            except RuntimeError:  # the loop has ended, and with it the listener
                pass

        request = piece.request(seed, **self.request_options)
        continues, text, said, timing = self._last is not None, piece.text, None, None
        start = seconds_to_samples(self.seconds)
        self._last, self.symbols = piece, self.symbols + len(piece.read.symbols)
        self._utterance = utterance = QueuedUtterance(
            request, self.options, tell, self, continues=continues, goes_on=goes_on, cut=(continues, more)
        )
        try:
            self.engine.speak(utterance)
        except EngineClosed as error:
            raise ApiError(503, str(error)) from None
        try:
            while not isinstance(said := await told.get(), Ended):
                if isinstance(said, Timing):
                    timing = said.shifted(start)
                    continue
                yield self._heard(said, text, timing)
                text = timing = None
        finally:
            if not isinstance(said, Ended):
                self.engine.cancel(utterance)
                self.metrics.utterances.labels("cancelled").inc()
        self._note(said)

    async def rest(self) -> AsyncIterator[Heard]:
        """The silence after the last piece, if the text asked for it."""
        if self._last is not None:
            for heard in self._silence(gap_samples(self._last, None)):
                yield heard

    def close(self) -> None:
        """Nobody listens any more."""
        if self._utterance is not None:
            self.engine.cancel(self._utterance)

    def _silence(self, samples: int) -> Iterator[Heard]:
        """In parts, since clients of sockets refuse long messages."""
        for start in range(0, samples, SILENCE_SAMPLES):
            yield self._heard(silent(min(SILENCE_SAMPLES, samples - start)), None)

    def _heard(self, audio: np.ndarray, piece: str | None, timing: Timing | None = None) -> Heard:
        if not self.seconds:
            self.metrics.first_audio.observe(time.monotonic() - self.began)
        heard = Heard(audio, self.seconds, piece, timing)
        self.seconds += samples_to_seconds(len(audio))
        self.metrics.audio.inc(samples_to_seconds(len(audio)))
        return heard

    def _note(self, ended: Ended) -> None:
        end = "failed" if ended.error else "cancelled" if ended.cancelled else "wrong" if ended.wrong else "done"
        self.metrics.utterances.labels(end).inc()
        if isinstance(ended.error, (TextError, VoiceError)):
            raise ApiError(422, str(ended.error))
        if ended.error is not None:
            raise ended.error
        if ended.cancelled:
            raise ApiError(503, "the server is shutting down; ask again when it is back")
        self.patches += ended.patches
        self.warnings += [line for line in ended.warnings if line not in self.warnings]
        if ended.wrong is not None:
            self.wrong.append(ended.wrong)
