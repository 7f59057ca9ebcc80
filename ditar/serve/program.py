"""The server as a process: it listens, and on SIGTERM it finishes what it has accepted."""

import asyncio
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from ditar.nn.threads import in_own_thread
from ditar.serve.app import make_app
from ditar.serve.errors import ApiError
from ditar.serve.service import Service
from ditar.serve.settings import ServeSettings, cannot_listen
from ditar.synthesis.request import SpeechRequest

BACKLOG = 512
MAX_MESSAGE_BYTES = 256 * 1024  # of a WebSocket


class Server(uvicorn.Server):
    """uvicorn's, with draining: after the first SIGTERM or Ctrl-C new requests get 503, and it ends when the accepted
    ones have. After the second it ends at once."""

    def __init__(self, config: uvicorn.Config, service: Service):
        super().__init__(config)
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets=None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None or self._service.draining.is_set():
            self.should_exit = self.force_exit = True
            for name in ("uvicorn.error", "asyncio"):  # each request that is cut off would tell it
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        else:
            self._loop.call_soon_threadsafe(self._service.draining.set)

    async def on_tick(self, counter: int) -> bool:
        if self._service.draining.is_set() and not self._service.talks:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(pipeline, settings: ServeSettings, bound: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Listen on a socket of `settings.bind` until SIGTERM or Ctrl-C; `on_ready` is called with the URL. ServeError:
    another program has begun to listen there."""
    service = Service(pipeline, settings)
    in_own_thread(lambda: _warm_up(service))
    config = uvicorn.Config(
        make_app(service),
        host=settings.host,
        port=settings.port,
        backlog=BACKLOG,
        # Of connections: besides those that speak there are refused ones, and open pages.
        limit_concurrency=64 + 16 * (settings.max_queue + settings.max_concurrent),
        ws_max_size=MAX_MESSAGE_BYTES,
        server_header=False,
        log_level="warning",
    )
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        raise cannot_listen(settings, error) from None
    port = bound.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    on_ready(f"http://{host}:{port}")
    Server(config, service).run(sockets=[bound])
    service.close()  # after a second signal nothing has: the engine must not compute while the process ends


def _warm_up(service: Service) -> None:
    """Speak a word, so that the first client does not wait for what is made only once. ValueError: the voice of the
    model cannot be used."""
    try:
        voice = service.voices.voice("default")
    except ApiError as error:
        raise ValueError(error.message) from None
    service.pipeline.set_progress_bar_config(disable=True)
    service.pipeline.batch([SpeechRequest("Hello.", voice, language=service.settings.language, seed=0)], max_retries=0)
