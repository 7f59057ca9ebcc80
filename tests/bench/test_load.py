import json

import numpy as np
import pytest

from ditar.bench import BenchError
from ditar.bench.load import SpeechClient, _apart, measure_load
from ditar.cli import main
from tests.serve.server import running
from tests.tiny import tiny_pipeline


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pipeline = tiny_pipeline(seconds_per_symbol=0.01)
    with running(pipeline, tmp_path_factory.mktemp("voices"), max_concurrent=2, max_queue=1) as found:
        yield found


def test_a_server_under_load(server, tmp_path, capsys):
    arguments = ["--clients", "1", "2", "--seconds", "1.5", "--overload", "3", "--pid", "1", "--output", str(tmp_path)]
    assert main(["load", server.url, *arguments]) == 0
    result = json.loads((tmp_path / "load.json").read_text())
    assert result["places"] == 3 and [row["clients"] for row in result["phases"]] == [1, 2, 9]
    for row in result["phases"]:
        assert row["heard"] > 0 and row["failed"] == row["wrong"] == 0 and row["farthest"] < 0.01
        assert 0 < row["first_p50_s"] <= row["first_p95_s"] and row["audio_s_per_s"] > 0
    few, _, many = result["phases"]
    assert few["refused"] == 0 and many["refused"] > 0 and few["first_ratio"] == few["throughput_ratio"] == 1
    printed = capsys.readouterr()
    assert "| 9 |" in printed.out and printed.out.rstrip() == (tmp_path / "load.md").read_text().rstrip()
    server.wait_until_idle()


def test_wrong_audio_is_found(server):
    speaker = SpeechClient(server.url)
    alone, speak = speaker.speak(0).audio, speaker.speak
    asked = []

    def other(number):
        asked.append(number)
        return speak(number if len(asked) <= 12 else number + 1)

    speaker.speak = other
    (row,) = measure_load(speaker, [1], 0.5, 0)["phases"]
    assert row["wrong"] == row["heard"] > 0
    assert _apart(alone, alone) == 0 and _apart(alone[1:], alone) == float("inf")
    assert _apart(alone // 2, alone) == pytest.approx(0.5, abs=0.02) and alone.dtype == np.dtype("<i2")


@pytest.mark.parametrize("url, message", [("ftp://x", "must be http"), ("http://127.0.0.1:1", "ditar serve")])
def test_servers_that_are_none(url, message, capsys):
    with pytest.raises(BenchError, match=message):
        measure_load(SpeechClient(url))
    assert main(["load", url]) == 1 and message in capsys.readouterr().err
