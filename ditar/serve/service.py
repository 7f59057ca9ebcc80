"""The parts of a server: a model and its engine, voices, places for talks, and a thread for the work before speech."""

import asyncio
import math
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch

from ditar.seeds import text_seeds
from ditar.serve.batches import Batches
from ditar.serve.bodies import Asked, SpeechBody, SpeechOptions, asked, check_input
from ditar.serve.engine import Engine
from ditar.serve.errors import ApiError
from ditar.serve.metrics import Metrics
from ditar.serve.one_by_one import OneByOne
from ditar.serve.settings import MAX_PAUSES_SECONDS, ServeSettings
from ditar.serve.talk import Talk
from ditar.serve.voices import VoiceShelf
from ditar.synthesis.pieces import ReadPiece, at_speed, pieces_to_speak, warnings_of_voices
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.script import check_speakers, script_to_speak
from ditar.synthesis.voice import Voice, VoiceError, voice_warnings
from ditar.text import TextError
from ditar.text.errors import dropped_warning
from ditar.text.frontend import TextFrontend, check_language
from ditar.text.script import read_script, speakers

T = TypeVar("T")
MAX_DRAWN_SEED = 2**31  # of seeds that are drawn if none is given: short enough to type


@dataclass(frozen=True, eq=False)
class Planned:
    """A parsed request: its talk, what it will say, and with which seeds."""

    talk: Talk
    pieces: list[ReadPiece]
    seeds: list[int]
    seed: int
    ignored: tuple[str, ...]


class Service:
    """Everything but HTTP."""

    def __init__(self, pipeline: Any, settings: ServeSettings):
        self.pipeline, self.settings = pipeline, settings
        is_continuous = isinstance(pipeline, ContinuousPipeline)
        speaker = Batches(pipeline) if is_continuous else OneByOne(pipeline)
        self.engine = Engine(speaker, settings.max_concurrent if is_continuous else 1)
        self.metrics = Metrics(self.engine)
        self.places = settings.max_queue + self.engine.max_rows
        self.metrics.places.set(self.places)
        self.voices = VoiceShelf(pipeline, settings.voices, settings.language)
        self.draining = asyncio.Event()
        self.talks = 0  # accepted and not finished
        self._took: list[float] = []  # seconds of the last of them
        # One thread of torch, or the engine's would be slow, see `in_own_thread`; it is set behind the engine's start.
        self._thread, self._learner = (
            ThreadPoolExecutor(1, name, torch.set_num_threads, (1,)) for name in ("ditar-prepare", "ditar-learn")
        )
        self._learning: threading.Event | None = None  # set it to end what is learnt

    def start(self) -> None:
        self.engine.start()

    def close(self) -> None:
        """End everything; to be called after the last talk, or to stop without waiting."""
        self.draining.set()
        if self._learning is not None:
            self._learning.set()
        self.engine.close()
        for thread in (self._thread, self._learner):
            thread.shutdown(wait=False, cancel_futures=True)

    def accept(self) -> Callable[[], None]:
        """A place for a talk; call what is returned to give it back, when all of the talk is sent. ApiError: the server
        is full, or shutting down."""
        if self.draining.is_set():
            raise ApiError(503, "the server is shutting down; ask again when it is back", headers={"Retry-After": "10"})
        if self.talks >= self.places:
            raise ApiError(
                429,
                f"{self.talks} requests are waiting or being spoken, which is the limit; ask again later",
                headers={"Retry-After": str(self._wait_s())},
            )
        self.talks += 1
        self.metrics.talks.set(self.talks)
        began, over = time.monotonic(), False

        def leave() -> None:
            nonlocal over
            if not over:
                over = True
                self.talks -= 1
                self.metrics.talks.set(self.talks)
                self._took = [*self._took[-31:], time.monotonic() - began]

        return leave

    async def prepare(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of a short computation, without making other clients wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def learn(self, gone: Callable[[], Awaitable[bool]], work: Callable[..., T], *arguments: Any) -> T:
        """The result of a computation of some seconds, one at a time, which neither other clients nor `prepare` wait
        for: work(*arguments, on_step) calls on_step often, which ends it if the client has gone, or the server closes.
        ApiError: so it was, or there is one already."""
        if self._learning is not None:
            raise ApiError(
                429, "another voice is being learnt; ask again in some seconds", headers={"Retry-After": "10"}
            )
        self._learning = over = threading.Event()

        def on_step(*_: int) -> None:
            if over.is_set():
                raise ApiError(503, "the voice was not learnt to its end; ask again", headers={"Retry-After": "10"})

        future = asyncio.get_running_loop().run_in_executor(self._learner, work, *arguments, on_step)
        try:
            while not (await asyncio.wait([future], timeout=0.2))[0]:
                if await gone():
                    over.set()
            return await future
        finally:
            self._learning = None

    async def plan(self, body: SpeechBody, began: float) -> Planned:
        """Parse a request. ApiError names what is wrong with it."""
        check_input(body.input)
        found = asked(body, self.pipeline, self.settings.language)
        talk = await self.talk(found, began)
        if body.voices is None:
            pieces, warnings = await self.prepare(self._read, body.input, talk.voice, found)
        else:
            pieces, warnings = await self.prepare(self._read_script, body, found)
        talk.warnings += [*warnings, *(dropped_warning(list(p.read.dropped)) for p in pieces if p.read.dropped)]
        seed = drawn(body)
        return Planned(talk, pieces, text_seeds(seed, [piece.text for piece in pieces]), seed, found.ignored)

    async def talk(self, found: Asked, began: float) -> Talk:
        """A talk without pieces yet. ApiError: its voice, or its language, is unknown."""
        voice = await self.prepare(self._voice, found)
        talk = Talk(self.engine, self.metrics, voice, found.request_options, found.options, found.lexicon, began)
        talk.warnings += voice_warnings(voice)
        return talk

    async def read(self, text: str, talk: Talk) -> tuple[list[ReadPiece], list[str]]:
        """The pieces of further text of a talk, and warnings. ApiError: it cannot be spoken."""
        return await self.prepare(self._read, text, talk.voice, talk)

    def _voice(self, found: Asked) -> Voice:
        try:
            check_language(found.request_options["language"], self.pipeline.text_config.trained_languages)
        except TextError as error:
            raise ApiError(422, str(error), param="language") from None
        return self.voices.voice(found.voice)

    def _read(self, text: str, voice: Voice, found: Asked | Talk) -> tuple[list[ReadPiece], list[str]]:
        language = found.request_options["language"]
        try:
            said = self.settings.lexicon.apply(found.lexicon.apply(text, language), language)
            pieces, warnings = pieces_to_speak(said, voice, self.pipeline.text_config, language)
            pieces = at_speed(pieces, found.request_options.get("speed"))
        except TextError as error:
            raise ApiError(422, str(error), param="input") from None
        return self._with_words(_checked(pieces), found), warnings

    def _read_script(self, body: SpeechBody, found: Asked) -> tuple[list[ReadPiece], list[str]]:
        try:
            language = found.request_options["language"]
            lexicons = (found.lexicon, self.settings.lexicon)
            turns = [turn.pronounced(*lexicons, language=language) for turn in read_script(body.input, "input")]
            check_speakers(turns, body.voices)
            voices = {speaker: self.voices.voice(body.voices[speaker]) for speaker in speakers(turns)}
            pieces, warnings = script_to_speak(turns, voices, self.pipeline.text_config, language, "input")
            pieces = at_speed(pieces, found.request_options.get("speed"))
        except TextError as error:
            raise ApiError(422, str(error), param="input") from None
        except VoiceError as error:
            raise ApiError(422, str(error), param="voices") from None
        return self._with_words(_checked(pieces), found), [*warnings_of_voices(pieces), *warnings]

    def _with_words(self, pieces: list[ReadPiece], found: Asked | Talk) -> list[ReadPiece]:
        """If times are wanted; here, and not between two patches of all others."""
        if not found.request_options.get("timestamps"):
            return pieces
        frontend = TextFrontend.of(self.pipeline.text_config, found.request_options["language"])
        return [replace(piece, read=frontend.with_words(piece.read)) for piece in pieces]

    def _wait_s(self) -> int:
        """Until a place is free: the duration of recent talks, over the number that end at a time."""
        took = sum(self._took) / len(self._took) if self._took else 1.0
        return min(60, max(1, math.ceil(took / self.engine.max_rows)))


def drawn(body: SpeechOptions) -> int:
    """The given seed, or a random one."""
    return secrets.randbelow(MAX_DRAWN_SEED) if body.seed is None else body.seed


def _checked(pieces: list[ReadPiece]) -> list[ReadPiece]:
    """ApiError: they ask for too much silence."""
    if (pauses := sum(piece.pause_seconds for piece in pieces if piece.asked)) > MAX_PAUSES_SECONDS:
        most = f"{MAX_PAUSES_SECONDS:g} s is the limit; send it in parts"
        raise ApiError(422, f"input asks for {pauses:g} s of pauses, {most}", param="input")
    return pieces
