"""recipes/simulate_data.py, smaller: a rank is killed, a machine is slow, and each utterance is trained on once."""

import json
import os
import subprocess
from pathlib import Path

from tests.python_server import quick_python

ROOT = Path(__file__).parents[2]


def simulate(out, *options):
    command = [quick_python(), str(ROOT / "recipes/simulate_data.py"), "--out", str(out), *map(str, options)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)


def test_nothing_is_lost_and_nothing_comes_twice(tmp_path):
    given = ["--utterances", 1200, "--shards", 24, "--machines", 2, "--ranks", 2, "--readers", 3, "--shards-in-memory", 6]
    speed = ["--batch-patches", 600, "--step-s", 0.05, "--slow-s", 0.05, "--checkpoint-every", 4]
    done = simulate(tmp_path, *given, *speed)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "simulation.json").read_text())
    assert found["lost"] == found["twice"] == found["unknown"] == found["read_otherwise"] == 0
    assert 0 < found["resumed_from"] <= found["killed_at"] < found["steps"] - 1
    logs = [json.loads(line) for path in (tmp_path / "log").glob("1-*") for line in path.read_text().splitlines()]
    assert {line["step"] for line in logs} == set(range(found["resumed_from"], found["steps"]))
    # What was read behind the checkpoint before the kill counts once: a ledger that kept it would show it twice.
    before = [json.loads(line) for path in (tmp_path / "log").glob("0-*") for line in path.read_text().split("\n")[:-1]]
    assert max(line["step"] for line in before) >= found["resumed_from"]
    assert "| utterances lost; trained on twice | 0; 0 |" in done.stdout


def test_numbers_that_do_not_fit_are_refused(tmp_path):
    done = simulate(tmp_path, "--ranks", 5, "--readers", 4)
    assert done.returncode == 1 and "--ranks must be from 2 to --readers, 4" in done.stderr
