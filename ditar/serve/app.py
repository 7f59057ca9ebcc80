"""The HTTP side: paths, and what each does."""

import base64
import functools
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import FastAPI, File, Form, Request, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from ditar import __version__
from ditar.audio.denoise import is_installed
from ditar.audio.encode import encoder
from ditar.serve.answers import HeadAsGet, SpeechResponse, as_events, as_file, as_json, spoken, unless_gone
from ditar.serve.bodies import MODEL, OPENAI_MODELS, SpeechBody
from ditar.serve.errors import (
    ApiError,
    ErrorAnswer,
    check_fields,
    failure,
    fields_of,
    on_api_error,
    on_failure,
    on_http_error,
    on_validation,
    shown,
)
from ditar.serve.guard import Guard, KnownHosts
from ditar.serve.metrics import Counted
from ditar.serve.service import Planned, Service
from ditar.serve.settings import MAX_BODY_BYTES, MAX_UPLOAD_BYTES
from ditar.serve.socket import Conversation
from ditar.serve.voices import VoiceInfo
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.voice import Voice, voice_warnings

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PAGE = ASSETS / "serve.html"
OPENAI_FIELDS = ("model", "prompt", "script_hint", "type")  # of a new voice, which say nothing here
MAX_HEADER_BYTES = 2000  # of warnings
STARTED = int(time.time())
ERRORS = {status: {"description": text, "model": ErrorAnswer} for status, text in (
    (401, "no key, or a wrong one"), (413, "too long"), (422, "an impossible value"), (429, "too many requests"),
    (503, "shutting down"),
)}  # fmt: skip
NOT_FOUND = {404: {"description": "no such voice, or model", "model": ErrorAnswer}}


def make_app(service: Service) -> FastAPI:
    """The application of a service, which starts and ends with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.close()

    app = FastAPIOffline(  # FastAPI, with the files that /docs needs
        redoc_url=None,
        swagger_ui_parameters={"validatorUrl": None},  # another server
        title="ditar",
        version=__version__,
        description="Speech in cloned voices, in the form of OpenAI's speech endpoint. Text in pieces goes to the "
        "WebSocket /v1/audio/stream.",
        lifespan=lifespan,
        exception_handlers={
            ApiError: on_api_error,
            RequestValidationError: on_validation,
            HTTPException: on_http_error,
            ClientDisconnect: _on_gone,
            Exception: on_failure,
        },
    )
    # The last one added sees a request first.
    app.add_middleware(Guard, keys=service.settings.keys, origins=service.settings.origins)
    if service.settings.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=service.settings.origins, allow_methods=["*"], allow_headers=["*"],
            expose_headers=["X-Ditar-Seed", "X-Ditar-Warnings", "X-Ditar-Ignored", "Retry-After"],
        )  # fmt: skip
    app.add_middleware(KnownHosts, hosts=service.settings.hosts)
    app.add_middleware(Counted, metrics=service.metrics)
    app.add_middleware(HeadAsGet)
    _add_speech(app, service)
    _add_voices(app, service)
    _add_others(app, service)
    return app


def _add_speech(app: FastAPI, service: Service) -> None:
    content = {media: {} for media in (*MEDIA_TYPES.values(), "text/event-stream", "application/json")}

    @app.post(
        "/v1/audio/speech",
        response_class=Response,
        max_body_size=MAX_BODY_BYTES,
        responses={200: {"description": "the audio, while it is made", "content": content}, **ERRORS, **NOT_FOUND},
    )
    async def speech(body: SpeechBody, request: Request) -> Response:
        """Speak a text. As OpenAI's, with further fields by name; errors after the first audio end the connection, or
        are an event; in JSON, which comes when all is made, they have their status."""
        leave, audio = service.accept(), None
        try:
            planned = await unless_gone(request, service.plan(body, time.monotonic()))
            audio = spoken(planned)
            first = await unless_gone(request, anext(audio))
        except BaseException as error:
            if audio is not None:
                await audio.aclose()
            leave()
            raise _told(error) from None

        async def heard():
            yield first
            async for one in audio:
                yield one

        async def done() -> None:
            await audio.aclose()
            planned.talk.close()
            leave()

        encoded = encoder(body.response_format)
        if body.stream_format == "sse":
            content, media = as_events(heard(), encoded, planned), "text/event-stream"
        elif body.stream_format == "json":  # nothing is sent before all is made: an error still has its status
            try:
                made = await unless_gone(request, as_json(heard(), encoded, planned))
            except BaseException as error:
                await done()
                raise _told(error) from None
            content, media = _once(made), "application/json"
        else:
            content, media = as_file(heard(), encoded), MEDIA_TYPES[body.response_format]
        return SpeechResponse(content, done, media_type=media, headers=_headers(planned))

    @app.websocket("/v1/audio/stream")
    async def stream(websocket: WebSocket) -> None:
        await Conversation(websocket, service).run()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _told(error: BaseException) -> BaseException:
    """What a client is told of a failure: only what is meant for it."""
    return error if isinstance(error, (ApiError, ClientDisconnect)) or not isinstance(error, Exception) else failure()


def _one_of_adapt(value: Any, read: ValidatorFunctionWrapHandler) -> bool | str:
    """One message, in place of one for each kind of value that it could have been."""
    try:
        return read(value)
    except ValidationError:
        raise PydanticCustomError("adapt", "must be true, false or auto") from None


def _add_voices(app: FastAPI, service: Service) -> None:
    @app.get("/v1/audio/voices", responses=ERRORS)
    async def voices() -> dict[str, Any]:
        """All voices by name, with what their clips say."""
        listed = await service.prepare(service.voices.listed)
        return {"object": "list", "data": [_listed(voice) for voice in listed], "has_more": False}

    @app.post("/v1/audio/voices", responses=ERRORS, max_body_size=MAX_UPLOAD_BYTES)
    async def add_voice(
        request: Request,
        name: Annotated[str, Form(description="letters, digits, - and _")],
        audio_sample: Annotated[UploadFile | None, File(description="a clip: WAV, FLAC, OGG, MP3 or M4A")] = None,
        transcript: Annotated[
            str | None, Form(description="exactly what is said in it; auto: what a recogniser hears", max_length=4096)
        ] = None,
        language: Annotated[
            str | None, Form(description="of the transcript, as of a request", max_length=40)
        ] = None,
        adapt: Annotated[
            bool | Literal["auto"],
            WrapValidator(_one_of_adapt),
            Form(
                description="learn the voice from its clip for some seconds, which makes it more alike; auto: if the "
                "model can, what is said is known, and the recording is one that should be learnt from"
            ),
        ] = False,
        denoise: Annotated[
            bool, Form(description="take the noise out of a noisy clip; for servers whose models say `denoises`")
        ] = False,
        voice_file: Annotated[UploadFile | None, File(description="what `ditar voice create` made")] = None,
        consent: Annotated[str | None, Form(description="OpenAI's; ignored")] = None,
    ) -> dict[str, Any]:
        """Keep a voice, from a clip with its transcript, or from a voice file. Use only voices whose owners agree."""
        if service.draining.is_set():
            raise ApiError(503, "the server is shutting down; ask again when it is back")
        check_fields(await request.form(), fields_of(request), OPENAI_FIELDS)
        if (audio_sample is None) == (voice_file is None):
            given = "neither" if voice_file is None else "both"
            raise ApiError(
                422, f"give one of audio_sample, a clip, and voice_file, got {given}", param="audio_sample"
            )
        if adapt is True and audio_sample is None:
            raise ApiError(422, "a voice file holds no sound to adapt to; give audio_sample, a clip", param="adapt")
        if audio_sample is not None:
            said_in = service.settings.language if language is None else language
            work = functools.partial(service.learn, request.is_disconnected) if adapt else service.prepare
            clip = await audio_sample.read()
            made = await work(service.voices.of_clip, name, clip, transcript, said_in, adapt, denoise)
            voice = await service.prepare(service.voices.keep, name, made)
        else:
            voice = await service.prepare(service.voices.add_file, name, await voice_file.read())
        return _made(name, voice)

    @app.delete("/v1/audio/voices/{name}", responses={**ERRORS, **NOT_FOUND})
    async def remove_voice(name: str) -> dict[str, Any]:
        """Delete a voice that is kept here."""
        await service.prepare(service.voices.remove, name)
        return {"id": name, "object": "audio.voice.deleted", "deleted": True}


def _add_others(app: FastAPI, service: Service) -> None:
    page = PAGE.read_text(encoding="utf-8")
    policy = _policy(page)

    @app.get("/", response_class=Response, include_in_schema=False)
    async def speak() -> Response:
        """The page."""
        headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
        return Response(page, media_type="text/html", headers=headers)

    @app.get("/v1/models", responses=ERRORS)
    async def models() -> dict[str, Any]:
        """The model, and OpenAI's names for it."""
        return {"object": "list", "data": [_model(name, service) for name in (MODEL, *OPENAI_MODELS)]}

    @app.get("/v1/models/{name}", responses={**ERRORS, **NOT_FOUND})
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        if name not in (MODEL, *OPENAI_MODELS):
            raise ApiError(404, f"model {shown(name)} is not served here; there is {MODEL}", code="model_not_found")
        return _model(name, service)

    @app.get("/health", responses={503: {"description": "it does not speak, or soon will not"}})
    async def health() -> JSONResponse:
        """Whether it speaks; needs no key."""
        status = "draining" if service.draining.is_set() else "ok" if service.engine.alive else "failed"
        return JSONResponse({"status": status}, 200 if status == "ok" else 503)

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(service.metrics.text(), media_type=service.metrics.content_type)


async def _on_gone(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=499)  # nobody reads it


def _policy(page: str) -> str:
    """What the page may do: run the script that is in it, and speak with this server."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'; "
        "media-src blob:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _headers(planned: Planned) -> dict[str, str]:
    headers = {"X-Ditar-Seed": str(planned.seed), "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if planned.ignored:
        headers["X-Ditar-Ignored"] = ", ".join(planned.ignored)
    if planned.talk.warnings:
        headers["X-Ditar-Warnings"] = _in_header(planned.talk.warnings)
    return headers


def _in_header(warnings: list[str]) -> str:
    """As a list in JSON: the first ones, as many as go into a header that every proxy takes."""
    for kept in range(len(warnings), -1, -1):
        more = [f"{len(warnings) - kept} more: ask for stream_format json"] if kept < len(warnings) else []
        if len(told := json.dumps([*warnings[:kept], *more])) <= MAX_HEADER_BYTES:
            break
    return told


def _listed(voice: VoiceInfo) -> dict[str, Any]:
    found = {"id": voice.name, "object": "audio.voice", "name": voice.name, "type": "audio_sample"}
    about = {"transcript": voice.text, "adapted": voice.adapted, "ships": voice.ships, "alias_of": voice.alias}
    return {**found, "created_at": STARTED if voice.made_s is None else voice.made_s, **about}


def _made(name: str, voice: Voice) -> dict[str, Any]:
    found = {"id": name, "object": "audio.voice", "name": name, "type": "audio_sample", "created_at": int(time.time())}
    about = {"transcript": voice.text, "seconds": round(voice.seconds, 2), "adapted": voice.embedding is not None}
    return {**found, **about, "warnings": voice_warnings(voice)}


def _model(name: str, service: Service) -> dict[str, Any]:
    config = service.pipeline.text_config
    speaks = {"languages": list(config.trained_languages), "language": service.settings.language}  # [] is: unknown
    timed, adapts = config.reads_monotonically, service.pipeline.adapts_voices
    can = {"timestamps": timed, "adapts": adapts, "denoises": is_installed()}
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "ditar", **speaks, **can}
