"""Metrics for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ditar.serve.engine import Engine

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60)


class Metrics:
    """All of them, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, engine: Engine):
        self.registry = registry = CollectorRegistry()
        self.answers = Counter(
            "ditar_http_responses", "Answers to HTTP requests", ["method", "path", "status"], registry=registry
        )
        self.first_audio = Histogram(
            "ditar_first_audio_seconds", "From a request to its first audio", buckets=SECONDS, registry=registry
        )
        self.audio = Counter("ditar_audio_seconds", "Seconds of audio that were made", registry=registry)
        self.utterances = Counter("ditar_utterances", "Pieces of text, by how they ended", ["end"], registry=registry)
        for end in ("done", "wrong", "cancelled", "failed"):
            self.utterances.labels(end)
        for name, text, value in (
            ("ditar_rows", "Utterances that are being spoken", lambda: engine.rows),
            ("ditar_waiting", "Utterances that wait to be spoken", lambda: engine.waiting),
        ):
            Gauge(name, text, registry=registry).set_function(value)
        self.places = Gauge("ditar_places", "Requests that are accepted at a time", registry=registry)
        self.talks = Gauge("ditar_talks", "Requests for speech that are not done", registry=registry)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Counted:
    """ASGI middleware that counts answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = getattr(scope.get("route"), "path", "other")  # names of voices would make a metric each
                method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE") else "other"
                self._metrics.answers.labels(method, path, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counted)
