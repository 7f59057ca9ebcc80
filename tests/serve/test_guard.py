"""Who may ask: keys, hosts, pages of other origins, addresses."""

import base64
import errno
import os
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ditar.cli import main
from ditar.serve.settings import ServeError, ServeSettings, read_keys
from tests.serve.server import running

KEYS = ("first-key-of-the-file", "second-key-of-the-file")


@pytest.fixture(scope="module")
def server(pipeline, tmp_path_factory):
    settings = {"keys": KEYS, "origins": ("https://friend.example",), "allowed_hosts": ("speech.example",)}
    with running(pipeline, tmp_path_factory.mktemp("voices"), **settings) as found:
        yield found


def basic(key):
    return "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()


def test_every_path_but_health_asks_for_the_key(server):
    assert server.http.get("/health").status_code == 200
    for method, path in (
        ("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/metrics"), ("GET", "/v1/models"),
        ("GET", "/v1/audio/voices"), ("POST", "/v1/audio/voices"), ("DELETE", "/v1/audio/voices/x"),
        ("POST", "/v1/audio/speech"), ("GET", "/nowhere"),
    ):  # fmt: skip
        refused = server.http.request(method, path)
        assert refused.status_code == 401 and refused.json()["error"]["code"] == "invalid_api_key", path
        scheme = refused.headers["www-authenticate"].split()[0]
        assert scheme == ("Basic" if path in ("/", "/docs") else "Bearer")


@pytest.mark.parametrize(
    "given, status",
    [
        (f"Bearer {KEYS[0]}", 200),
        (f"bearer {KEYS[1]}", 200),
        (basic(KEYS[0]), 200),
        (f"Bearer {KEYS[0]}x", 401),
        (f"Bearer {KEYS[0][:-1]}", 401),
        ("Bearer", 401),
        (KEYS[0], 401),
        (basic("x"), 401),
        ("Basic %%%", 401),
        ("Basic \u00e4".encode("latin-1"), 401),
        (f"Bearer {KEYS[0]} {KEYS[1]}", 401),
    ],
)
def test_keys(server, given, status):
    assert server.http.get("/v1/models", headers={"authorization": given}).status_code == status


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1:80", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("speech.example", 200), ("[::1]:8000", 200),
        ("evil.example", 400), ("localhost.evil.example", 400), ("", 400), ("127.0.0.1@evil.example", 400),
    ],
)  # fmt: skip
def test_hosts(server, host, status):
    """A name of somebody's that leads to this address would let a web page in."""
    headers = {"authorization": f"Bearer {KEYS[0]}", "host": host}
    answer = server.http.get("/v1/models", headers=headers)
    assert answer.status_code == status
    if status == 400:
        assert "start it with --allowed-host NAME" in answer.json()["error"]["message"]


def test_pages_of_other_origins(server):
    key = {"authorization": f"Bearer {KEYS[0]}"}
    own = f"http://127.0.0.1:{server.port}"
    for origin, status in (("https://evil.example", 403), ("null", 403), (own, 200), ("https://friend.example", 200)):
        reply = server.http.get("/v1/models", headers={**key, "origin": origin})
        assert reply.status_code == status, origin
        assert ("access-control-allow-origin" in reply.headers) == (origin == "https://friend.example")
    ask = {"origin": "https://friend.example", "access-control-request-method": "POST"}
    ask["access-control-request-headers"] = "authorization,content-type"
    assert server.http.options("/v1/audio/speech", headers=ask).status_code == 200
    ask["origin"] = "https://evil.example"
    assert server.http.options("/v1/audio/speech", headers=ask).status_code == 400


def test_websockets_ask_for_the_same(server):
    url = f"ws://127.0.0.1:{server.port}/v1/audio/stream"
    for options in (
        {},
        {"additional_headers": {"authorization": "Bearer wrong"}},
        {"additional_headers": {"authorization": f"Bearer {KEYS[0]}"}, "origin": "https://evil.example"},
        {"subprotocols": ["ditar", "openai-insecure-api-key.wrong"]},
    ):
        with pytest.raises(InvalidStatus) as refused:
            connect(url, **options)
        assert refused.value.response.status_code in (401, 403)
    with connect(url, additional_headers={"authorization": f"Bearer {KEYS[0]}"}) as socket:
        assert socket.subprotocol is None
    with connect(url, subprotocols=["ditar", f"openai-insecure-api-key.{KEYS[1]}"]) as socket:
        assert socket.subprotocol == "ditar"  # and the key is not told again


def test_without_origins_no_page_is_welcome(pipeline, tmp_path):
    with running(pipeline, tmp_path) as server:
        headers = {"origin": "https://friend.example"}
        reply = server.http.get("/v1/models", headers=headers)
        assert reply.status_code == 403 and "--cors-origin" in reply.json()["error"]["message"]
        simple = httpx2.post(f"{server.url}/v1/audio/voices", headers=headers, files={"audio_sample": b"x"})
        assert simple.status_code == 403  # a form, which browsers send without asking


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_other_addresses_than_loopback_need_a_key(host):
    with pytest.raises(ServeError, match="--api-key-file"):
        ServeSettings(host=host)
    assert ServeSettings(host=host, keys=KEYS).hosts and ServeSettings(host=host, insecure=True).hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.10"])
def test_loopback_needs_none(host):
    assert ServeSettings(host=host).keys == ()


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "does not exist"),
        (b"", "holds no key"),
        (b"\n \n", "holds no key"),
        (b"short\n", "at least 8 printable"),
        (b"good-enough-key\nhas a space in it\n", "key 2 of"),
        ("schl\u00fcssel-lang".encode(), "key 1 of"),
        (b"\xff\xfe\xfd\xfc", "is not UTF-8"),
    ],
)
def test_files_of_keys(tmp_path, content, message, capsys):
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ServeError, match=message) as error:
        read_keys(path)
    assert "has a space" not in str(error.value)
    assert main(["serve", "--api-key-file", str(path)]) == 1 and message in capsys.readouterr().err
    path.write_text("first-key-of-the-file\n\nsecond-key-of-the-file\r\nfirst-key-of-the-file\n")
    assert read_keys(path) == KEYS


def test_what_is_no_file_that_may_be_read_is_named(tmp_path, monkeypatch):
    with pytest.raises(ServeError, match=r"cannot be read \(Is a directory\); give a file of keys"):
        read_keys(tmp_path)

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "keys").write_text(KEYS[0])
    monkeypatch.setattr(Path, "read_text", refused)  # root may read everything
    with pytest.raises(ServeError, match=rf"keys cannot be read \(Permission denied\).* user {os.geteuid()} may read"):
        read_keys(tmp_path / "keys")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--host", "0.0.0.0"], "lets other machines in"),
        (["--voices", "/nowhere/at/all"], "mkdir -p /nowhere/at/all"),
        (["--cors-origin", "example.org"], "is no origin"),
        (["--model", "/nowhere/at/all"], "does not exist"),
    ],
)
def test_what_is_refused_before_a_model_is_loaded(arguments, message, capsys):
    assert main(["serve", *arguments]) == 1
    assert message in capsys.readouterr().err
