"""The comparison of two systems: figures come from result files and from the shapes, and a missing file is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ditar.baseline import info as baseline_info
from ditar.config import BaselineConfig, load_config
from ditar.nn.alignment import NO_TARGET
from ditar.report.results import read_result, render
from recipes import training_flops
from tests.data.test_batches import write_store
from tests.python_server import quick_python
from tests.recipes.test_end_to_end import NARROW, shrink

ROOT = Path(__file__).parents[2]
TOOLS = {"words": "the fixture's ear"}
TWIN = ROOT / "configs/baseline/tiny_matched.yaml"


def write_system(folder: Path, lm: str, wer: float, steps: int) -> None:
    """Results, judged by "the fixture's ear"."""
    for part in (lm, "decode", "score"):
        (folder / part).mkdir(parents=True)
    log = [{"step": steps // 2, "sample/free_running_wer": 0.8}, {"step": steps, "sample/free_running_wer": wer + 0.1}]
    (folder / lm / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    rows = [{"took_s": 0.5, "seconds": 2.0}, {"took_s": 0.5, "seconds": 3.0}]
    (folder / "decode/manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = {
        "wer": {"value": wer, "low": wer - 0.05, "high": wer + 0.05, "utterances": 2},
        "closed_set": {"value": 0.9, "low": 0.8, "high": 1.0, "utterances": 2},
        "similarity": {"value": 0.6725, "low": 0.6, "high": 0.7, "utterances": 2},
    }
    (folder / "score/scores.json").write_text(json.dumps({"version": 1, "metrics": metrics, "tools": TOOLS}))


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exp")
    write_store(folder / "latents/train")
    index = folder / "latents/train/index.jsonl"
    index.write_text(index.read_text().replace("\\u02c8", "d"))  # the tiny vocabulary has no stress
    shrink("ditar/tiny.yaml", folder / "ditar.yaml", {"model": NARROW})
    write_system(folder, "ditar", 0.2, 40)
    write_system(folder / "baseline", "lm", 0.3, 60)
    return folder


def compare(exp, out):
    program = [quick_python(), "egs/generated/local/compare.py", "--exp", exp, "--out", out, "--sample", "2"]
    command = [*program, "--train-config", exp / "ditar.yaml", "--baseline-config", TWIN]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_the_table_is_made_of_result_files(exp, tmp_path):
    pytest.importorskip("matplotlib")
    done = compare(exp, tmp_path)
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "comparison.md").read_text()
    assert "| word error | 20.0 % (15.0 to 25.0) | 30.0 % (25.0 to 35.0) |" in table
    assert "| speaker similarity | 0.672 (0.600 to 0.700) | 0.672 (0.600 to 0.700) |" in table
    assert "| real-time factor of decoding | 0.200 | 0.200 |" in table
    assert "| words heard by | the fixture's ear | the fixture's ear |" in table
    assert "| 30 |" in table and "| discrete | 40.0 % |" in table
    continuous, discrete = json.loads((tmp_path / "comparison.json").read_text())["systems"]
    assert continuous["steps"] == 40 and discrete["steps"] == 60
    config = load_config(TWIN, BaselineConfig)
    assert discrete["speech_gflops"] == pytest.approx(baseline_info.describe_baseline(config)["tflops"] * 100)
    assert discrete["training_pflops"] == pytest.approx(discrete["step_gflops"] * 60 / 1e6)
    assert (tmp_path / "comparison.png").read_bytes()[:4] == b"\x89PNG"
    section = render(read_result(tmp_path / "comparison.json"), tmp_path / "comparison.json", "Both")
    assert section.startswith("## Both") and "| closed set | 90.0 % (80.0 to 100.0) |" in section


def test_two_judges_are_not_compared(exp, tmp_path):
    path = exp / "baseline/score/scores.json"
    before = path.read_text()
    path.write_text(before.replace("the fixture's ear", "another ear"))
    done = compare(exp, tmp_path / "out")
    path.write_text(before)
    assert done.returncode == 1 and "different judges (continuous: the fixture's ear and discrete: another" in done.stderr


def test_what_is_missing_is_named(exp, tmp_path):
    (exp / "baseline/score/scores.json").rename(exp / "baseline/score/kept")
    done = compare(exp, tmp_path / "out")
    (exp / "baseline/score/kept").rename(exp / "baseline/score/scores.json")
    assert done.returncode == 1 and "baseline/score/scores.json does not exist" in done.stderr
    assert not (tmp_path / "out").exists()


def test_flops_are_those_of_the_matrices(exp):
    """A step of the twin, by hand: 2 FLOPs for each weight and place forward and 4 backward, and the attention."""
    found = training_flops.describe(str(TWIN), exp / "latents/train", 1)
    system = training_flops.build(str(TWIN), exp / "latents/train")
    batch = system.batch(0, 0, ("model",))
    rows, symbols = batch.condition.text.shape
    steps = batch.tokens.shape[2] + system.model.streams.pattern.max_delay
    width, ffn, layers = 64, 128, 2
    places = rows * (symbols + steps)
    last = rows * steps  # the last layer computes no more than it gives
    linear = places * (3 * width * width) + places * (width * width + 2 * width * ffn)
    linear += places * 3 * width * width + last * (width * width + 2 * width * ffn)
    attention = places * (symbols + steps) * width * 2 + last * (symbols + steps) * width * 2
    heads = rows * steps * width * 3 * 17
    known = int((batch.alignment.frame_symbols != NO_TARGET).sum())
    helpers = known * width * (len(system.model.config.symbols) + 1)
    supervised = rows * 1 * batch.alignment.frame_symbols.shape[1] * symbols * (width // 2)
    expected = 6 * (linear + attention + heads + helpers + supervised)
    assert layers == 2 and found["step_flops"] == pytest.approx(expected, rel=0.02)


def test_the_program_prints_the_steps_of_equal_flops(exp, capsys, monkeypatch):
    arguments = ["x", str(exp / "ditar.yaml"), str(TWIN), "--data", str(exp / "latents/train"), "--sample", "1", "--json"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert training_flops.main() == 0
    first, second = json.loads(capsys.readouterr().out)
    assert second["steps_of_equal_flops"] == round(first["flops"] / second["step_flops"])
    assert first["steps_of_equal_flops"] == first["steps"]
    monkeypatch.setattr(sys, "argv", ["x", str(ROOT / "configs/baseline/tiny_moshi.yaml"), *arguments[3:]])
    assert training_flops.main() == 1
    assert "12.5 frames a second and the index counts 40" in capsys.readouterr().err
