"""A server with a tiny random model in this process, for tests to speak to."""

import asyncio
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import openai
import uvicorn

from ditar.serve.app import make_app
from ditar.serve.service import Service
from ditar.serve.settings import ServeSettings

PATIENCE = 60.0


class Running:
    """A server under test: its service, its loop, the socket that listens, and clients of it."""

    def __init__(self, service, loop, listener):
        self.service, self.loop, self.listener, self.port = service, loop, listener, listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx2.Client(base_url=self.url, timeout=PATIENCE)
        self.openai = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", timeout=PATIENCE, max_retries=0)

    def speak(self, **body):
        """POST /v1/audio/speech."""
        return self.http.post("/v1/audio/speech", json={"input": "It rains.", "response_format": "pcm", **body})

    def wait_until_idle(self):
        """Nothing is spoken, and every place has been given back."""
        end = time.monotonic() + PATIENCE
        while self.service.talks or self.service.engine.rows or self.service.engine.waiting:
            assert time.monotonic() < end, "something is stuck"
            time.sleep(0.01)


@contextmanager
def running(pipeline, voices: Path, **settings):
    """The server of a pipeline; ends with the block."""
    service = Service(pipeline, ServeSettings(port=0, voices=voices, **settings))
    config = uvicorn.Config(make_app(service), port=0, log_level="warning", ws_max_size=2**18)
    server = uvicorn.Server(config)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    listener = server.servers[0].sockets[0]
    found = Running(service, loop, listener)
    try:
        yield found
    finally:
        found.http.close()
        found.openai.close()
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()
        loop.close()
