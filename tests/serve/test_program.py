"""`ditar serve` as a process: how it starts, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from ditar.cli import main
from ditar.serve.settings import ServeSettings
from ditar.synthesis.voice_file import load_voice
from ditar.text import TextError
from tests.serve.server import PATIENCE
from tests.serve.test_voices import encoded
from tests.tiny import clip, tiny_pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_pipeline(seconds_per_symbol=0.03).save_pretrained(folder)
    return folder


@pytest.fixture
def start(model, tmp_path):
    """start(*options) -> (process, URL); ends with the test."""
    processes = []

    def run(*options):
        command = [sys.executable, "-m", "ditar.cli", "serve", "--port", "0", "--model", str(model), "--device", "cpu"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with open(tmp_path / "log", "w") as log:
            process = subprocess.Popen(
                [*command, "--voices", str(tmp_path), *options], env=environment, stdout=subprocess.PIPE, stderr=log
            )
        processes.append(process)
        line = process.stdout.readline().decode()
        assert "listening on http://" in line, (tmp_path / "log").read_text()
        return process, line.split()[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_language_is_checked_before_a_model_is_loaded(capsys):
    assert main(["serve", "--language", "xx", "--model", "nowhere/at/all"]) == 1
    assert main(["serve", "--language", "xx"]) == 1
    assert "language 'xx' is not known to espeak-ng" in capsys.readouterr().err
    with pytest.raises(TextError, match="language 'xx' is not known"):
        ServeSettings(language="xx")


def test_a_model_of_another_language_warms_up_in_it(start, tmp_path):
    tiny_pipeline(seconds_per_symbol=0.03, trained_languages=("fr-fr",)).save_pretrained(tmp_path / "french")
    _, url = start("--language", "fr-fr", "--model", str(tmp_path / "french"))
    assert httpx2.get(f"{url}/health").status_code == 200


def test_sigterm_finishes_what_is_accepted_and_refuses_the_rest(start):
    process, url = start("--max-concurrent", "2")
    with httpx2.Client(base_url=url, timeout=PATIENCE) as client:

        def speak(seed, steps=8):
            body = {"input": "It rains, and it rains. Good night!", "seed": seed, "steps": steps}
            reply = client.post("/v1/audio/speech", json={**body, "response_format": "pcm"})
            return reply.status_code, reply.content

        expected = [speak(seed) for seed in range(4)]
        assert {status for status, _ in expected} == {200}
        with ThreadPoolExecutor(4) as pool:
            replies = [pool.submit(speak, seed) for seed in range(4)]
            end = time.monotonic() + PATIENCE
            while "ditar_talks 4.0" not in client.get("/metrics").text:
                assert time.monotonic() < end
            process.send_signal(signal.SIGTERM)
            while client.get("/health").status_code == 200:
                assert time.monotonic() < end
            assert client.get("/health").json() == {"status": "draining"}
            refused = speak(9)
            assert refused[0] == 503 and b"shutting down" in refused[1]
            finished = [reply.result(PATIENCE) for reply in replies]
    for (status, audio), (_, alone) in zip(finished, expected):
        assert status == 200 and len(audio) == len(alone)
        far = max(abs(a - b) for a, b in zip(memoryview(audio).cast("h"), memoryview(alone).cast("h")))
        assert far <= 8  # of 32767
    assert process.wait(PATIENCE) == 0


def test_a_second_signal_ends_it_at_once(start, tmp_path):
    process, url = start()
    body = {"input": "It rains, and it rains. " * 50, "steps": 64, "response_format": "pcm"}
    request = {"json": body, "timeout": PATIENCE}
    thread = threading.Thread(target=_ignored, args=(httpx2.post, f"{url}/v1/audio/speech"), kwargs=request)
    thread.start()
    end = time.monotonic() + PATIENCE
    while "ditar_rows 1.0" not in httpx2.get(f"{url}/metrics").text:
        assert time.monotonic() < end
    process.send_signal(signal.SIGINT)
    while httpx2.get(f"{url}/health").status_code == 200:
        assert time.monotonic() < end
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    thread.join(PATIENCE)
    assert not thread.is_alive()
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said and "terminate" not in said, said


def _ignored(call, *arguments, **options):
    try:
        return call(*arguments, **options)
    except httpx2.TransportError:
        return None


def test_sigkill_leaves_no_half_of_a_voice(start, tmp_path):
    process, url = start()
    files = {"audio_sample": ("x.flac", encoded(clip(1.0)))}

    def bring(worker):
        for number in range(100):
            data = {"name": f"v{worker}-{number}", "transcript": "Hello there."}
            if _ignored(httpx2.post, f"{url}/v1/audio/voices", data=data, files=files, timeout=PATIENCE) is None:
                return

    threads = [threading.Thread(target=bring, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PATIENCE
    while len(list(tmp_path.glob("*.safetensors"))) < 5:
        assert time.monotonic() < end
    process.kill()
    for thread in threads:
        thread.join(PATIENCE)
    kept = list(tmp_path.glob("*.safetensors"))
    assert len(kept) >= 5 and all(load_voice(path).text == "Hello there." for path in kept)


def test_a_port_that_is_taken_is_found_before_the_model_is_loaded(model, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ditar.synthesis.pretrained", None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["serve", "--port", port, "--model", str(model), "--device", "cpu"]) == 1
    error = capsys.readouterr().err
    assert f"--port {port} cannot be listened on" in error and "choose another" in error


def test_without_the_extra_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert main(["serve"]) == 1
    assert "pip install '.[serve]'" in capsys.readouterr().err
