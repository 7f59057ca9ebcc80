"""Speech as an HTTP answer: a growing file, server-sent events, or one JSON object."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ditar.audio.encode import FileEncoder
from ditar.serve.errors import ApiError, failure, log
from ditar.serve.service import Planned
from ditar.serve.talk import Heard
from ditar.synthesis.time_files import plain_spans
from ditar.synthesis.timing import Timing
from ditar.text.pieces import ends_to_cut, gaps

T = TypeVar("T")
STALLED_SECONDS = 60.0  # a reader that takes nothing for this long is dropped


async def spoken(planned: Planned) -> AsyncIterator[Heard]:
    """All the audio of a request."""
    last = len(planned.pieces) - 1
    ends = ends_to_cut(gaps(planned.pieces))
    for number, (piece, seed, (_, more)) in enumerate(zip(planned.pieces, planned.seeds, ends)):
        async with aclosing(planned.talk.say(piece, seed, goes_on=number < last, more=more)) as audio:
            async for heard in audio:
                yield heard
    async for heard in planned.talk.rest():
        yield heard


async def as_file(audio: AsyncIterator[Heard], encoder: FileEncoder) -> AsyncIterator[bytes]:
    """The bytes of a file."""
    async for heard in audio:
        if data := encoder.add(heard.audio):
            yield data
    if data := encoder.finish():
        yield data


async def as_events(audio: AsyncIterator[Heard], encoder: FileEncoder, planned: Planned) -> AsyncIterator[bytes]:
    """OpenAI's events: speech.audio.delta with a part of the file, in base64; at the start of a piece of the text, also
    the piece and the second at which it is heard; if asked for, the words and symbols that are over, and their times.
    The last one is speech.audio.done, or an error."""
    more: dict[str, list[dict[str, Any]]] = {}
    try:
        async for heard in audio:
            if heard.piece is not None:
                more.setdefault("pieces", []).append({"text": heard.piece, "start": round(heard.start_s, 4)})
            if heard.timing is not None:
                _extend(more, heard.timing)
            if data := encoder.add(heard.audio):
                yield _delta(data, more)
                more = {}
        if (data := encoder.finish()) or more:
            yield _delta(data, more)
    except Exception as error:  # noqa: BLE001  the status has been sent
        told = error if isinstance(error, ApiError) else failure()
        yield _event({"type": "error", **told.body()})
        return
    yield _event({"type": "speech.audio.done", **_facts(planned)})


async def as_json(audio: AsyncIterator[Heard], encoder: FileEncoder, planned: Planned) -> bytes:
    """One object, when all is made: the file, in base64; if asked for, words and symbols with their times; and what the
    last event says."""
    parts, times = [], {}
    async for heard in audio:
        parts.append(encoder.add(heard.audio))
        if heard.timing is not None:
            _extend(times, heard.timing)
    whole = base64.b64encode(b"".join([*parts, encoder.finish()])).decode("ascii")
    return json.dumps({"object": "speech", **_facts(planned), **times, "audio": whole}).encode()


def times_of(timing: Timing) -> dict[str, list[dict[str, Any]]]:
    """words and symbols, in seconds."""
    return {name: plain_spans(spans) for name, spans in vars(timing).items()}


def _extend(found: dict[str, list[dict[str, Any]]], timing: Timing) -> None:
    for name, spans in times_of(timing).items():
        found.setdefault(name, []).extend(spans)


def _facts(planned: Planned) -> dict[str, Any]:
    talk = planned.talk
    usage = {"input_tokens": talk.symbols, "output_tokens": talk.patches, "total_tokens": talk.symbols + talk.patches}
    warnings = [*talk.warnings, *talk.wrong]
    return {"usage": usage, "seed": planned.seed, "seconds": round(talk.seconds, 4), "warnings": warnings}


class SpeechResponse(StreamingResponse):
    """An answer whose `done` is awaited when it has ended, in whatever way. If speech fails midway, or nobody reads it,
    the connection is closed early, so that no client takes it for the whole."""

    def __init__(self, content: AsyncIterator[bytes], done: Callable[[], Awaitable[None]], **options: Any):
        super().__init__(content, **options)
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._done()

    async def stream_response(self, send: Send) -> None:
        async def patient(message: Message) -> None:
            async with asyncio.timeout(STALLED_SECONDS):
                await send(message)

        try:
            await super().stream_response(patient)
        except TimeoutError:
            log.warning("a client that took nothing for %g s is dropped", STALLED_SECONDS)
        except Exception:  # noqa: BLE001
            log.exception("speech ended early")


class HeadAsGet:
    """ASGI middleware: a HEAD is answered as a GET, whose body uvicorn leaves out. FastAPI's paths know no HEAD, which
    monitors, `curl -I` and `wget --spider` ask with."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # a copy: uvicorn goes by its own
        await self._app(scope, receive, send)


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of what a client waits for; if it disconnects, ClientDisconnect, and the work is cancelled."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, gone):
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _delta(data: bytes, more: dict[str, Any]) -> bytes:
    more = {name: found for name, found in more.items() if found}
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode("ascii"), **more})


def _event(content: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(content))
