"""Access: the key, which names of the server, and which web pages; checked before anything else of a request."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ditar.serve.errors import ApiError, shown
from ditar.serve.settings import MAX_BODY_BYTES, MAX_UPLOAD_BYTES

OPEN_PATHS = ("/health",)  # without a key, for monitoring
BODY_SECONDS = 30.0  # between two parts of a body
UPLOADS = "/v1/audio/voices"
KEY_PROTOCOL = "openai-insecure-api-key."  # how a web page, which cannot set headers, sends a key to a WebSocket


class Guard:
    """ASGI middleware. The key comes as `Authorization: Bearer KEY`, as the password of Basic (a browser then asks for
    it), or in a WebSocket's protocol, and is compared in constant time. A web page of another origin is refused, since
    a browser sends some of its requests without asking anybody; so is a body that is compressed, or whose declared size
    is too large.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str], origins: Sequence[str]):
        self._app, self._keys, self._origins = app, [key.encode() for key in keys], tuple(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                self._check(scope, Headers(scope=scope))
            except ApiError as error:
                await error.response()(scope, receive, send)
                return
        await self._app(scope, _in_time(receive) if scope["type"] == "http" else receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is not None and not self._is_welcome(origin, headers.get("host", "")):
            raise ApiError(
                403, f"pages of {shown(origin)} may not use this server; start it with --cors-origin ORIGIN for that"
            )
        if self._keys and scope["path"] not in OPEN_PATHS:
            given = _key(headers)
            # all keys are compared, so that the time does not reveal which one it was
            if not any([hmac.compare_digest(given, key) for key in self._keys]):
                page = scope["path"] in ("/", "/docs")
                raise ApiError(
                    401,
                    "the API key is missing or wrong; send one of --api-key-file as: Authorization: Bearer KEY",
                    headers={"WWW-Authenticate": f'{"Basic" if page else "Bearer"} realm="ditar"'},
                )
        packed = headers.get("content-encoding", "identity")
        if packed.lower() != "identity":
            raise ApiError(415, f"a body with Content-Encoding {shown(packed)} is not read here; send it as it is")
        length, most = headers.get("content-length", ""), body_limit(scope["path"])
        if length.isdecimal() and int(length[:20]) > most:
            raise ApiError(413, f"the body has {length[:20]} bytes, and {most} is the limit; send less")

    def _is_welcome(self, origin: str, host: str) -> bool:
        return "*" in self._origins or origin in self._origins or origin.partition("://")[2] == host


class KnownHosts:
    """ASGI middleware: refuses requests under other names than `hosts`, by which a page could reach a server that its
    own name leads to. Starlette's TrustedHostMiddleware decides; the answer has the form of all errors here."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]):
        self._app, self._hosts = app, tuple(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] not in ("http", "websocket")

        async def welcome(*_: object) -> None:
            nonlocal known
            known = True

        async def unsent(message: Message) -> None:
            pass

        if not known:
            await TrustedHostMiddleware(welcome, self._hosts, www_redirect=False)(scope, receive, unsent)
        if known:
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        message = f"the host {shown(host)} is not a name of this server; start it with --allowed-host NAME for that"
        await ApiError(400, message, code="unknown_host").response()(scope, receive, send)


def _in_time(receive: Receive) -> Receive:
    """With a limit on how long a part of a body may be in coming."""
    whole = False

    async def receive_in_time() -> Message:
        nonlocal whole
        try:
            async with asyncio.timeout(None if whole else BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"nothing of the body came for {BODY_SECONDS:g} s; send it again") from None
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return receive_in_time


def body_limit(path: str) -> int:
    """The largest body of a request, in bytes."""
    return MAX_UPLOAD_BYTES if path == UPLOADS else MAX_BODY_BYTES


def _key(headers: Headers) -> bytes:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    for protocol in headers.get("sec-websocket-protocol", "").split(","):
        if protocol.strip().startswith(KEY_PROTOCOL):
            return protocol.strip().removeprefix(KEY_PROTOCOL).encode()
    return b""
