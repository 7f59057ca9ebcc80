"""Several processes on one machine (gloo): the same losses as one, every utterance once, a killed rank ends the job.

`accelerate launch` starts them where it matters how they begin and end; elsewhere they are forked (tests/forked.py)."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ditar.train.checkpoint import checkpoints
from tests.forked import ROOT, launcher, run_ranks
from tests.python_server import quick_python
from tests.train.test_resume import latents, losses, read_log, start, wait_for_step  # noqa: F401

STEPS = 12


def start_ranks(latents, out, python, config="processes.yaml", pause_s=0.0) -> subprocess.Popen:  # noqa: F811
    """Two of them, and their launcher, on a python: sys.executable, or one that starts sooner."""
    program = ["-m", "tests.train.program", str(latents), str(out), str(STEPS), "adamw", str(pause_s)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([python, *launcher(2, config), *program], cwd=ROOT, env=environment,
                            stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True)  # fmt: skip


@pytest.fixture(scope="module")
def alone(latents, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("alone")
    assert start(latents, out, steps=STEPS, kind="adamw").wait(timeout=300) == 0
    return out


def assert_close(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys() and found
    for step, values in found.items():
        assert values == pytest.approx(expected[step], rel=1e-5, abs=1e-6), step


def test_every_parameter_has_a_gradient_without_helpers(latents, tmp_path):  # noqa: F811
    """DistributedDataParallel is not told to look for parameters without one, and would refuse the second step."""
    plain = [tmp_path / name for name in ("one", "two")]
    assert start(latents, plain[0], steps=4, kind="adamw-plain").wait(timeout=300) == 0
    run_ranks(2, "tests.train.program", latents, plain[1], 4, "adamw-plain", output=tmp_path / "said")
    assert_close(losses(plain[1]), losses(plain[0]))


def show(found, alone) -> None:  # noqa: F811
    """pytest -s shows it."""
    for step, values in losses(found).items():
        print(f"\nstep {step}: loss {losses(alone)[step][0]} with 1 process, {values[0]} with several", end="")


def test_losses_are_those_of_one_process(latents, alone, tmp_path):  # noqa: F811
    process = start_ranks(latents, tmp_path, quick_python())
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    show(tmp_path, alone)
    assert_close(losses(tmp_path), losses(alone))


def test_two_go_on_from_four(latents, alone, tmp_path):  # noqa: F811
    four, two, half = tmp_path / "four", tmp_path / "two", "checkpoints/step-00000006"
    run_ranks(4, "tests.train.program", latents, four, STEPS, "adamw", output=tmp_path / "said")
    show(four, alone)
    assert_close(losses(four), losses(alone))
    shutil.copytree(four / half, two / half)
    run_ranks(2, "tests.train.program", latents, two, STEPS, "adamw", output=tmp_path / "said")
    assert_close(losses(two), {step: values for step, values in losses(alone).items() if step > 6})


def test_a_killed_rank_ends_the_job_and_it_goes_on_with_another_number(latents, alone, tmp_path):  # noqa: F811
    process = start_ranks(latents, tmp_path, sys.executable, pause_s=0.3)
    wait_for_step(process, tmp_path, 4)
    os.kill(rank_ids(process.pid)[1], signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert re.search(r"rank\s*:\s*1", output) and "SIGKILL" in output, output
    assert checkpoints(tmp_path / "checkpoints")
    reached = max(read_log(tmp_path))
    assert 4 <= reached < STEPS
    resumed = start(latents, tmp_path, steps=STEPS, kind="adamw")
    assert resumed.wait(timeout=300) == 0
    assert_close(losses(tmp_path), losses(alone))


def test_asked_to_stop_all_ranks_end_after_one_checkpoint(latents, alone, tmp_path):  # noqa: F811
    process = start_ranks(latents, tmp_path, sys.executable, pause_s=0.3)
    wait_for_step(process, tmp_path, 4)
    for number in [process.pid, *rank_ids(process.pid)]:  # as Slurm does: everybody, and the launcher asks once more
        os.kill(number, signal.SIGTERM)
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    stopped_at = max(read_log(tmp_path))
    assert checkpoints(tmp_path / "checkpoints")[-1].name == f"step-{stopped_at:08d}", output
    assert start(latents, tmp_path, steps=STEPS, kind="adamw").wait(timeout=300) == 0
    assert_close(losses(tmp_path), losses(alone))


def rank_ids(launcher_id: int) -> list[int]:
    """Process ids of the ranks, in order."""
    ranks = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
        except (OSError, ValueError):
            continue
        rank = next((int(line[5:]) for line in environment if line.startswith("RANK=")), None)
        if rank is not None and parent == launcher_id:
            ranks[rank] = int(folder.name)
    return [ranks[rank] for rank in sorted(ranks)]
