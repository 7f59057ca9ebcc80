"""recipes/train_vae.py on several processes (gloo): the losses of one, with discriminators and without, and a run that
goes on with another number of them."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import yaml

from ditar.config import to_dict
from recipes import train_vae
from tests.forked import run_ranks
from tests.train.test_vae_system import make_config

HALF, STEPS = 3, 6


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Audio and a configuration in which both batches leave the ranks with unequal rows, discriminators come at step 1
    and the encoder freezes behind HALF. The rate is low, since training blows up the last bits of sums that are added
    in another order: at 1e-3 the losses of one process on one thread and on two differ by 2e-4 behind six steps."""
    folder, random, lines = tmp_path_factory.mktemp("vae"), np.random.default_rng(0), ""
    for number in range(4):
        time = np.arange(int((0.1 + 0.2 * number) * 24_000)) / 24_000  # the first is shorter than a crop
        wave = sum(0.1 * np.sin(2 * np.pi * hz * time) for hz in random.uniform(100, 3000, 3))
        soundfile.write(folder / f"u{number}.wav", wave + 0.02 * random.standard_normal(len(time)), 24_000)
        lines += f"u{number} {folder}/u{number}.wav\n"
    (folder / "wav.scp").write_text(lines)
    config = make_config(adversarial_from=1, freeze_encoder_from=HALF + 1)
    data = replace(config.data, batch=5, adversarial_batch=3, crop_seconds=0.15)
    optimiser = replace(config.optimiser, steps=STEPS, learning_rate=2e-5, accumulation=2)
    config = replace(config, data=data, optimiser=optimiser, run=replace(config.run, checkpoint_every=HALF))
    (folder / "config.yaml").write_text(yaml.safe_dump(to_dict(config)))
    return folder


def run(home, out, processes: int) -> dict[int, dict[str, float]]:
    """What the steps of a run logged, without their times."""
    options = ("--config", home / "config.yaml", "--train", home, "--valid", home, "--out", out, "--cpu")
    if processes == 1:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["train_vae", *map(str, options)])
            assert train_vae.main() == 0
    else:
        run_ranks(processes, "recipes.train_vae", *options, output=home / "said")
    figures = {}
    for text in (out / "log.jsonl").read_text().splitlines():
        line = json.loads(text)
        if "train/mel" in line:
            names = [name for name in line if name.startswith("train/") and "seconds" not in name]
            figures[line["step"]] = {name: line[name] for name in names}
    return figures


def assert_close(found: dict, expected: dict) -> None:
    """Losses to 1e-5. Gradient norms tell that gradients were summed over ranks, which Adam and clipping would hide
    from the losses; they are not as smooth, since an L1 distance has a gradient of -1 or 1."""
    assert found.keys() == expected.keys() and found
    for step, values in found.items():
        assert values.keys() == expected[step].keys()
        for name, value in values.items():
            exact = 1e-2 if "gradient_norm" in name else 1e-5
            assert value == pytest.approx(expected[step][name], rel=exact), (step, name)


@pytest.fixture(scope="module")
def alone(home):
    return run(home, home / "alone", 1)


@pytest.fixture(scope="module")
def two(home):
    return run(home, home / "two", 2)


def test_losses_of_all_phases_are_those_of_one_process(alone, two):
    for step, values in two.items():  # pytest -s shows it
        for name in ("mel", "stft", "kl", "discriminator", "adversarial", "features"):
            pair = [run.get(f"train/{name}") for run in (alone[step], values)]
            print(f"\nstep {step}: {name} {pair[0]} with 1 process, {pair[1]} with 2", end="")
    assert list(two) == list(range(1, STEPS + 1))
    assert ["train/discriminator" in two[step] for step in two] == [False, True, True, True, True, True]
    assert_close(two, alone)


@pytest.mark.parametrize("processes", [1, 3])
def test_it_goes_on_with_another_number_of_processes(processes, home, alone, two, tmp_path):
    half = f"checkpoints/step-{HALF:08d}"
    shutil.copytree(home / "two" / half, tmp_path / half)
    assert_close(run(home, tmp_path, processes), {step: alone[step] for step in alone if step > HALF})
