"""A run that is killed and resumed has the losses and weights, bit for bit, of one that was not."""

import json
import random
import signal
import time

import pytest
import torch
from safetensors.torch import load_file

from ditar.train.checkpoint import checkpoints
from tests.data.test_batches import write_store
from tests.forked import Forked

STEPS = 24


def start(latents, out, steps=STEPS, kind="muon", pause_s=0.0) -> Forked:
    return Forked("tests.train.program", latents, out, steps, kind, pause_s)


def read_log(out) -> dict[int, dict]:
    """Lines of training by step; the last line may be half-written."""
    lines = {}
    for text in (out / "log.jsonl").read_text().splitlines() if (out / "log.jsonl").exists() else []:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if "train/loss" in line:
            lines[line["step"]] = line
    return lines


def losses(out) -> dict[int, list[float]]:
    """Every loss that a step has, and the gradient's norm."""
    names = ("loss", "diffusion", "stop", "phoneme", "attention", "gradient_norm_model")
    keys = [f"train/{name}" for name in names]
    return {step: [line[key] for key in keys if key in line] for step, line in read_log(out).items()}


def final_weights(out) -> dict[str, torch.Tensor]:
    newest = checkpoints(out / "checkpoints")[-1]
    files = sorted(newest.glob("*.safetensors"))
    assert len(files) >= 4  # model, average, two optimisers
    return {f"{file.stem}/{k}": v for file in files for k, v in load_file(file).items()}


def wait_for_step(process, out, step) -> None:
    deadline = time.time() + 300
    while max(read_log(out), default=0) < step and process.poll() is None and time.time() < deadline:
        time.sleep(0.01)
    assert time.time() < deadline, f"step {step} never came"


@pytest.fixture(scope="module")
def latents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latents")
    write_store(folder)
    return folder


@pytest.fixture(scope="module")
def whole(latents, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    assert start(latents, out).wait(timeout=300) == 0
    return out


def test_killed_at_random_moments_and_resumed_is_the_same_run(latents, whole, tmp_path):
    seed = time.time_ns()
    chance, kills = random.Random(seed), [f"seed {seed}"]
    process = start(latents, tmp_path, pause_s=0.1)
    for target in sorted(chance.sample(range(1, STEPS - 6), 3)):
        wait_for_step(process, tmp_path, target)
        time.sleep(chance.uniform(0.0, 0.2))
        process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL
        kills.append((max(read_log(tmp_path)), [p.name for p in checkpoints(tmp_path / "checkpoints")]))
        process = start(latents, tmp_path, pause_s=0.1)
    assert process.wait(timeout=300) == 0, kills
    for step, kept in kills[1:]:  # pytest -s shows it
        print(f"\nSIGKILL behind step {step}, checkpoints then: {' '.join(kept) or 'none'}", end="")
    print(f"\nlast step: {losses(tmp_path)[STEPS]} resumed, {losses(whole)[STEPS]} whole")
    assert losses(tmp_path) == losses(whole), kills
    first, second = final_weights(whole), final_weights(tmp_path)
    assert first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first), kills
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)  # what was logged behind the checkpoint and came again stands there once


def test_asked_to_stop_it_writes_a_checkpoint_and_goes_on(latents, whole, tmp_path):
    process = start(latents, tmp_path, pause_s=0.3)
    wait_for_step(process, tmp_path, 4)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    process.send_signal(signal.SIGTERM)  # a scheduler and a launcher both ask
    assert process.wait(timeout=120) == 130
    stopped_at = max(read_log(tmp_path))
    assert checkpoints(tmp_path / "checkpoints")[-1].name == f"step-{stopped_at:08d}"
    assert start(latents, tmp_path).wait(timeout=300) == 0
    assert losses(tmp_path) == losses(whole)
