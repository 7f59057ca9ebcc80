"""The Dockerfile stays in step with the package, the options of `ditar serve`, and the README; no daemon is needed."""

import fnmatch
import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ditar.cli import build_parser
from ditar.serve.settings import ServeError, ServeSettings, is_loopback

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def instructions():
    """(name, arguments) of every instruction, lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    lines = [line for line in text.replace("\\\n", "").splitlines() if line.strip()]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def of(name):
    return [arguments for found, arguments in instructions() if found == name]


def one(name):
    (arguments,) = of(name)
    return arguments


def serve_options(*more):
    return build_parser().parse_args([*json.loads(one("ENTRYPOINT"))[1:], *more])


def test_it_installs_what_the_package_asks_for():
    version = re.fullmatch(r"python:(3\.\d+)-slim", one("FROM"))[1]
    assert tuple(map(int, version.split("."))) >= tuple(map(int, re.findall(r"\d+", PROJECT["requires-python"])))
    torch, package = (shlex.split(line.partition("&&")[0].replace("}", "} ")) for line in of("RUN")[:2])
    assert torch[-1] in PROJECT["dependencies"] and torch[-1].startswith("torch>")
    assert "TORCH_INDEX_URL" in one("ARG") and "${TORCH_INDEX_URL:+--index-url" in of("RUN")[0]
    source, extras = re.fullmatch(r"(/\w+)\[(.*)\]", package[-1]).groups()
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]) and "serve" in extras
    assert all(copied.split()[-1].startswith(source) for copied in of("COPY"))


def test_what_pip_needs_is_copied_and_passes_dockerignore():
    copied = {name for line in of("COPY") for name in line.split()[:-1]}
    assert copied == {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], PROJECT["name"]}
    rules = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.strip() and not line.startswith("#")
    ]

    def passes(name):
        verdicts = [rule.startswith("!") for rule in rules if fnmatch.fnmatch(name, rule.lstrip("!"))]  # the last one
        return verdicts[-1]

    assert {entry.name for entry in ROOT.iterdir() if passes(entry.name)} == copied


def test_the_program_runs_without_rights_as_process_one():
    names = [name for name, _ in instructions()]
    assert one("USER") in one_that_adds_a_user() and one("USER") not in ("root", "0")
    assert names.index("USER") > max(at for at, name in enumerate(names) if name in ("RUN", "COPY"))
    assert json.loads(one("ENTRYPOINT"))[0] in PROJECT["scripts"]  # a list: no shell that would keep SIGTERM


def one_that_adds_a_user():
    (line,) = [line for line in of("RUN") if "useradd" in line]
    return line.split()


def test_the_server_listens_for_others_and_so_wants_a_key():
    options = serve_options()
    assert not is_loopback(options.host) and options.port == int(one("EXPOSE"))
    assert options.voices == one("VOLUME") and options.voices in one_that_adds_a_user()
    with pytest.raises(ServeError, match="--api-key-file"):
        ServeSettings(options.host, options.port)
    assert ServeSettings(options.host, options.port, keys=("secret key",)).keys


def test_the_commands_shown_keep_to_the_servers_rule():
    (block,) = re.findall(r"^```shell\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)
    build, run = block.strip().splitlines()
    words = shlex.split(build)
    assert words[:2] == ["docker", "build"] and f"{one('ARG').partition('=')[0]}=URL" in words
    words = shlex.split(run)
    image = words.index(shlex.split(build)[shlex.split(build).index("--tag") + 1])
    options = serve_options(*words[image + 1 :])
    assert options.api_key_file and not options.insecure
    mounted = [words[at + 1].split(":") for at, word in enumerate(words[:image]) if word == "--volume"]
    places = {place: rest for _, place, *rest in mounted}
    assert places[options.api_key_file] == ["ro"] and options.voices in places
    (published,) = [words[at + 1] for at, word in enumerate(words) if word == "--publish"]
    assert published.split(":")[0] == "127.0.0.1" and int(published.split(":")[-1]) == options.port


@pytest.mark.parametrize("status", [200, 503, None])
def test_the_health_check_tells_whether_the_server_answers(status):
    check = json.loads(one("HEALTHCHECK").partition("CMD")[2])

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if status is None:
        server.shutdown()
        server.server_close()
    assert check[0] == "python" and f":{serve_options().port}/" in check[-1]
    code = check[-1].replace(f":{serve_options().port}/", f":{server.server_port}/")
    done = subprocess.run([sys.executable, *check[1:-1], code], capture_output=True)
    assert (done.returncode == 0) == (status == 200)
    if status is not None:
        server.shutdown()
        server.server_close()
