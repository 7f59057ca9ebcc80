"""Speech over a WebSocket: text in pieces, as a language model writes it; audio sentence by sentence, while it is made.

A client sends JSON, a server JSON and, in binary messages, parts of an audio file:

    client                                            server
    {"type": "start", "voice": ..., ...}              {"type": "started", "seed": ..., ...}
    {"type": "text", "text": "Good mor"}, ...         {"type": "piece", "text": ..., "start": seconds}, audio, ...
    {"type": "flush"}  the text so far is a sentence
    {"type": "end"}    there is no more text          {"type": "done", "seconds": ..., "warnings": [...]}
    {"type": "cancel"} stop, at any time              {"type": "cancelled"}

`start` has the fields of SpeechOptions, and may be left out. With `"timestamps": true`, {"type": "words", "words":
[{"text": ..., "start": seconds, "end": seconds}, ...], "symbols": [...]} comes before audio: those that are over since
the last one. `<prosody rate=>` ends with the sentence in which it begins. Another talk may follow the end of one.
Errors are sent as {"type": "error", "error": {...}} in OpenAI's form, and end the talk.
"""

import asyncio
import json
import time
from collections.abc import Awaitable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ditar.audio.encode import encoder
from ditar.seeds import piece_seeds
from ditar.serve.answers import STALLED_SECONDS, times_of
from ditar.serve.bodies import Asked, AudioFormat, SpeechOptions, asked
from ditar.serve.errors import ApiError, failure, of_validation, shown
from ditar.serve.guard import KEY_PROTOCOL
from ditar.serve.service import Service, drawn
from ditar.serve.talk import Talk
from ditar.synthesis.pieces import ReadPiece
from ditar.text import TextError
from ditar.text.controls import only_pause
from ditar.text.pieces import paced
from ditar.text.sentences import PAUSE_SECONDS, pause_after, split_whole
from ditar.units import SAMPLE_RATE_HZ

MAX_WAITING_CHARACTERS = 65_536  # of a talk, not spoken yet
MAX_SENTENCE_CHARACTERS = 4096  # a longer sentence is spoken before its end is known


class Start(SpeechOptions):
    type: Literal["start"]
    response_format: AudioFormat = "pcm"


class Text(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: str


class Signal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["flush", "end", "cancel"]


MESSAGE = TypeAdapter(Annotated[Start | Text | Signal, Field(discriminator="type")])


class _Gone(Exception):
    """The client has disconnected, or takes nothing."""


@dataclass(frozen=True)
class _Part:
    """Text that may be spoken; pause_s: the silence after it, unless it asks for another."""

    text: str
    pause_s: float


class Conversation:
    """One connection, which has one talk at a time."""

    def __init__(self, websocket: WebSocket, service: Service):
        self._socket, self._service = websocket, service
        self._speaking: asyncio.Task | None = None
        self._failed = False  # the talk ended with an error: its further messages are ignored
        self._clear()

    def _clear(self) -> None:
        self._parts: asyncio.Queue[_Part | None] = asyncio.Queue()  # None: there is no more
        self._rest, self._waiting = "", 0  # the incomplete sentence so far; characters that are not spoken
        self._ended = False

    async def run(self) -> None:
        """Run until the client disconnects."""
        offered = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(next((p for p in offered if not p.startswith(KEY_PROTOCOL)), None))
        try:
            while (message := await self._socket.receive())["type"] != "websocket.disconnect":
                try:
                    await self._obey(_parsed(message.get("text")))
                except ApiError as error:
                    await self._stop()
                    await self._fail(error)
        except (_Gone, WebSocketDisconnect, RuntimeError):
            pass
        finally:
            await self._stop()

    async def _obey(self, message: Start | Text | Signal) -> None:
        if self._speaking is not None and self._speaking.done():
            self._speaking = None
        if message.type == "cancel":
            await self._stop()
            self._failed = False
            await self._send({"type": "cancelled"})
        elif message.type == "start":
            if self._speaking is not None:
                raise ApiError(422, "a talk is under way; send end or cancel before the next start", param="type")
            self._begin(message)
        elif not self._failed:
            if self._speaking is None:
                self._begin(Start(type="start"))
            self._take(message)

    def _begin(self, start: Start) -> None:
        self._clear()
        found, leave = asked(start, self._service.pipeline, self._service.settings.language), self._service.accept()
        self._failed, self._speaking = False, asyncio.create_task(self._speak(start, found))
        self._speaking.add_done_callback(lambda _: leave())  # even if it is cancelled before it begins

    def _take(self, message: Text | Signal) -> None:
        if self._ended:
            raise ApiError(422, f"{shown(message.type)} cannot follow end; wait until it is done", param="type")
        if message.type == "text":
            self._waiting += len(message.text)
            if self._waiting > MAX_WAITING_CHARACTERS:
                most = f"{MAX_WAITING_CHARACTERS} is the limit; send on when some of them are spoken"
                raise ApiError(413, f"{self._waiting} characters wait to be spoken, {most}", param="text")
            whole, pause_s, self._rest = split_whole(self._rest + message.text)
            if whole.strip():
                self._parts.put_nowait(_Part(whole, pause_s))
        if message.type != "text" or len(self._rest) > MAX_SENTENCE_CHARACTERS:
            if self._rest.strip():
                ends_s = pause_after(self._rest.rstrip()) or PAUSE_SECONDS["."]
                self._parts.put_nowait(_Part(self._rest, ends_s))
            self._rest = ""
        if message.type == "end":
            self._ended = True
            self._parts.put_nowait(None)

    async def _speak(self, start: Start, found: Asked) -> None:
        try:
            await self._talk(start, found)
        except _Gone:  # the reader of messages finds out
            pass
        except ApiError as error:
            await self._fail(error)
        except Exception:  # noqa: BLE001
            await self._fail(failure())

    async def _talk(self, start: Start, found: Asked) -> None:
        """Speak parts as they come. A sentence has the seed that it would have in the whole text, sent at once, and the
        same audio but for silence at the end of the last one, which nobody knows to be the last when it is spoken."""
        service, seed, encoded, said = self._service, drawn(start), encoder(start.response_format), []
        talk = await service.talk(found, time.monotonic())
        details = {"seed": seed, "response_format": start.response_format, "sample_rate": SAMPLE_RATE_HZ}
        await self._send({"type": "started", **details, "ignored": found.ignored})
        try:
            while (part := await self._next_part()) is not None:
                for piece, is_last in await self._pieces(part, talk):
                    said.append(piece.text)
                    goes_on = not (is_last and self._parts.empty())
                    async with aclosing(talk.say(piece, piece_seeds(seed, said)[-1], goes_on, more=True)) as audio:
                        async for heard in audio:
                            if heard.piece is not None:
                                begin = {"type": "piece", "text": heard.piece, "start": round(heard.start_s, 4)}
                                await self._send(begin)
                            if heard.timing is not None and (heard.timing.words or heard.timing.symbols):
                                await self._send({"type": "words", **times_of(heard.timing)})
                            await self._send_audio(encoded.add(heard.audio))
                self._waiting -= len(part.text)
            async for heard in talk.rest():
                await self._send_audio(encoded.add(heard.audio))
            await self._send_audio(encoded.finish())
            warnings = [*talk.warnings, *talk.wrong]
            await self._send({"type": "done", "seconds": round(talk.seconds, 4), "warnings": warnings})
        finally:
            talk.close()

    async def _pieces(self, part: _Part, talk: Talk) -> list[tuple[ReadPiece, bool]]:
        """(piece, whether it is the last one) of a part; none, and a warning, if it cannot be spoken: others may be."""
        try:
            if (pause_s := only_pause(part.text, talk.request_options["language"])) is not None:
                talk.wait(pause_s)
                return []
            pieces, warnings = await self._service.read(part.text, talk)
        except TextError as error:
            pieces, warnings = [], [f"{shown(part.text)} is left out: {error}"]
        except ApiError as error:
            pieces, warnings = [], [f"{shown(part.text)} is left out: {error.message}"]
        talk.warnings += warnings
        if pieces and not pieces[-1].asked:
            speed = talk.request_options.get("speed")
            pieces[-1] = paced(replace(pieces[-1], pause_seconds=part.pause_s), speed)
        return [(piece, number == len(pieces)) for number, piece in enumerate(pieces, 1)]

    async def _next_part(self) -> _Part | None:
        """None: there is no more, or the server is shutting down."""
        part = asyncio.ensure_future(self._parts.get())
        draining = asyncio.ensure_future(self._service.draining.wait())
        try:
            await asyncio.wait((part, draining), return_when=asyncio.FIRST_COMPLETED)
            return part.result() if part.done() else None
        finally:
            part.cancel()
            draining.cancel()

    async def _stop(self) -> None:
        """End the talk, if there is one."""
        if self._speaking is not None:
            self._speaking.cancel()
            with suppress(asyncio.CancelledError):
                await self._speaking
            self._speaking = None

    async def _fail(self, error: ApiError) -> None:
        self._failed = True
        with suppress(_Gone):
            await self._send({"type": "error", **error.body()})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._in_time(self._socket.send_text(json.dumps(message)))

    async def _send_audio(self, data: bytes) -> None:
        if data:
            await self._in_time(self._socket.send_bytes(data))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await sending
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            raise _Gone from error


def _parsed(text: str | None) -> Start | Text | Signal:
    if text is None:
        raise ApiError(422, "a message must be JSON in a text message, got a binary one")
    try:
        return MESSAGE.validate_json(text)
    except ValidationError as error:
        raise of_validation(error.errors(include_url=False), _fields(text)) from None


def _fields(text: str) -> list[str]:
    """The fields of the message that was meant."""
    kinds = {"start": Start, "text": Text}
    try:
        kind = json.loads(text).get("type")
    except (ValueError, AttributeError):
        kind = None
    return list(kinds.get(kind if isinstance(kind, str) else None, Signal).model_fields)
