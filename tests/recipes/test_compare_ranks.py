"""recipes/compare_ranks.py: the losses of one rank and of two, sharded and not, side by side."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.python_server import quick_python
from tests.recipes.test_end_to_end import NARROW, shrink

ROOT = Path(__file__).parents[2]


def program(name, *options):
    command = [quick_python(), str(ROOT / "recipes" / name), *map(str, options)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_two_ranks_and_one(tmp_path):
    made = program("synthetic_latents.py", "--out", tmp_path / "latents", "--utterances", 40, "--shards", 2)
    assert made.returncode == 0, made.stderr
    given = ["--train", tmp_path / "latents", "--valid", tmp_path / "latents", "--out", tmp_path / "out"]
    narrow = shrink("ditar/quick.yaml", tmp_path / "narrow.yaml", {"model": NARROW})
    config = ["--config", narrow, "--steps", 2, "--batch-patches", 150, "--ranks", 1, 2]
    done = program("compare_ranks.py", *config, *given)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "| step | 1 rank | 2 ranks | 2 ranks, sharded |" == (tmp_path / "out/ranks.md").read_text().splitlines()[0]
    for line in lines[2:4]:
        step, first, *others = (float(cell) for cell in re.findall(r"[\d.]+", line))
        assert others == pytest.approx([first, first], rel=1e-5)
    strict = program("compare_ranks.py", *config, *given, "--tolerance", "-1")  # what is there is not trained again
    assert strict.returncode == 1 and "the losses differ by" in strict.stderr


def test_what_a_training_says_is_shown(tmp_path):
    given = ["--train", tmp_path / "none", "--valid", tmp_path / "none", "--out", tmp_path / "out"]
    done = program("compare_ranks.py", "--config", ROOT / "configs/ditar/quick.yaml", *given)
    assert done.returncode == 1 and "the training with 1 processes failed" in done.stderr
    assert "none/statistics.safetensors does not exist" in done.stderr
