"""What goes wrong between a server and its clients, in numbers: nothing is stuck or leaks."""

import json
import random
import socket
import struct
import time
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from websockets.sync.client import connect

from ditar.serve import answers, guard
from tests.serve.server import PATIENCE
from tests.serve.test_voices import encoded
from tests.tiny import clip

BODY = {"input": "It rains, and it rains. Good night to all of you!", "steps": 2, "response_format": "pcm", "seed": 1}


def post(server, content, path="/v1/audio/speech", kind="application/json", length=None, buffer=None):
    """A connection over which a request has been sent, whole or not."""
    client = socket.socket()
    client.settimeout(PATIENCE)
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect(("127.0.0.1", server.port))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    client.sendall(f"{head}Content-Length: {len(content) if length is None else length}\r\n\r\n".encode() + content)
    return client


def check(server, reply):
    """No traceback, and no path of the server."""
    for word in ("Traceback", "site-packages", str(server.service.settings.voices), "/ditar/", 'File "'):
        assert word not in reply.text
    if reply.status_code >= 400:
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def test_a_hundred_clients_are_killed_on_their_way(server):
    expected, chance = server.speak(**BODY).content, random.Random(0)
    body = json.dumps(BODY).encode()
    for number in range(100):
        client = post(server, body)
        wanted = chance.choice([0, 1, 200, 5000, 20_000])
        while wanted > 0 and (data := client.recv(4096)):
            wanted -= len(data)
        if number % 2:  # with a reset, as a process that was killed
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        end = time.monotonic() + PATIENCE
        while server.service.talks >= 5:  # of six places
            assert time.monotonic() < end
            time.sleep(0.002)
    server.wait_until_idle()
    assert server.speak(**BODY).content == expected  # alone again


@pytest.mark.parametrize("form", ["audio", "sse", "json"])
def test_a_slow_reader_keeps_nobody_waiting_and_is_left(server, monkeypatch, form):
    monkeypatch.setattr(answers, "STALLED_SECONDS", 0.5)
    server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # handed down to its connections
    long = json.dumps({**BODY, "input": "It rains, and it rains. " * 20, "stream_format": form}).encode()
    client = post(server, long, buffer=2048)
    try:
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert form != "json" or server.service.talks  # its answer is not sent
        for _ in range(3):
            assert server.speak(**BODY).status_code == 200
        server.wait_until_idle()  # it was left, with its place and its row
    finally:
        client.close()


def test_uploads_that_stay_half(server, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    form = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nhalf\r\n--x\r\nContent-Disposition: form-data; '
    form += b'name="audio_sample"; filename="a.flac"\r\n\r\n' + encoded(clip(1.0))[:5000]
    waiting = post(server, form, "/v1/audio/voices", "multipart/form-data; boundary=x", length=10**6)
    gone = post(server, form, "/v1/audio/voices", "multipart/form-data; boundary=x", length=10**6)
    gone.close()
    assert server.speak(**BODY).status_code == 200
    assert waiting.recv(10_000).startswith(b"HTTP/1.1 408")
    waiting.close()
    assert not list(server.service.settings.voices.iterdir())


def test_a_thousand_random_bodies(server):
    chance = random.Random(0)
    good = json.dumps(BODY).encode()
    words = ["input", "voice", "seed", "steps", "speed", "stream_format", "temperature", "response_format", "x"]
    values = [None, True, -1, 0, 1e400, 2**70, "", "\0", "../../etc/passwd", "\ud800", [], {}, "a" * 5000, "mp3", [[]]]

    def body(number):
        if number % 4 == 0:
            return chance.randbytes(chance.randrange(200))
        if number % 4 == 1:  # good, with a byte that is not
            data = bytearray(good)
            data[chance.randrange(len(data))] = chance.randrange(256)
            return bytes(data)
        if number % 4 == 2:
            return good[: chance.randrange(len(good))]
        return json.dumps({chance.choice(words): chance.choice(values) for _ in range(chance.randrange(6))}).encode()

    seen = set()
    for number in range(1000):
        kind = chance.choice(["application/json"] * 4 + ["text/plain", "multipart/form-data; boundary=x", "x"])
        path = chance.choice(["/v1/audio/speech"] * 3 + ["/v1/audio/voices"])
        reply = server.http.post(path, content=body(number), headers={"content-type": kind})
        seen.add(reply.status_code)
        assert reply.status_code in (200, 400, 404, 413, 415, 422), (reply.status_code, reply.text)
        if reply.status_code != 200:
            check(server, reply)
    assert {400, 422} <= seen


def test_random_messages_over_a_websocket(server):
    chance = random.Random(0)
    with connect(f"ws://127.0.0.1:{server.port}/v1/audio/stream") as client:
        for number in range(100):
            size = chance.randrange(50)
            text = "".join(map(chr, chance.choices(range(32, 999), k=size)))
            client.send(chance.randbytes(size) if number % 3 else text)
            told = json.loads(client.recv(timeout=PATIENCE))
            assert told["type"] == "error" and "Traceback" not in str(told)
        client.send(json.dumps({"type": "start", "steps": 2}))
        assert json.loads(client.recv(timeout=PATIENCE))["type"] == "started"


@pytest.mark.parametrize("line", [b"\x16\x03\x01\x02\x00", b"GET /\x00 HTTP/1.1", b"G" * 70_000])
def test_what_is_no_http(server, line):
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        client.sendall(line + b"\r\nHost: localhost\r\n\r\n")
        answer = client.recv(10_000)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert server.http.get("/health").status_code == 200


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_everything_that_the_description_allows_and_does_not(server, mode):
    """schemathesis makes requests from the OpenAPI description, right ones and wrong ones."""
    schema, made = schemathesis.openapi.from_url(f"{server.url}/openapi.json"), 0
    for found in schema.get_all_operations():

        @given(case=found.ok().as_strategy(generation_mode=mode))
        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def ask(case):
            nonlocal made
            if isinstance(case.body, dict) and isinstance(case.body.get("steps"), int):
                case.body["steps"] %= 3
            reply = case.call(timeout=PATIENCE)
            made += 1
            case.validate_response(reply, checks=[not_a_server_error])
            for word in ("Traceback", "site-packages", str(server.service.settings.voices)):
                assert word.encode() not in reply.content

        with suppress(Unsatisfiable):  # nothing can be wrong where there is nothing to give
            ask()
    assert made >= 8


def test_two_hundred_connections_that_say_nothing(server):
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(200)]
    try:
        assert server.speak(**BODY).status_code == 200
    finally:
        for client in idle:
            client.close()

