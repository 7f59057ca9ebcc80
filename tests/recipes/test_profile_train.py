"""recipes/profile_train.py: where the time of a step goes, as one table."""

import sys

import pytest

from ditar.bench.training import time_training
from ditar.config import DiTARConfig, load_config
from ditar.data.latents import LatentStore, read_statistics
from ditar.data.synthetic import write_synthetic
from ditar.train.plan import Machine, plan
from recipes import profile_train, training_flops
from tests.recipes.test_end_to_end import NARROW, shrink


@pytest.fixture
def quick(tmp_path):
    """A small configuration's file, and latents of 5 s each."""
    write_synthetic(tmp_path / "latents", 12, 2, 64, (5.0, 5.0))
    return shrink("ditar/quick.yaml", tmp_path / "quick.yaml", {"model": NARROW, "data": {"batch_patches": 100}})


def profile(tmp_path, config, *options):
    arguments = ["--config", config, "--latents", tmp_path / "latents", "--cpu", *options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["profile_train.py", *map(str, arguments)])
        return profile_train.main()


def test_the_shares_of_a_step_are_all_of_it(tmp_path, quick, capsys):
    assert profile(tmp_path, quick, "--steps", 1, "--peak-tflops", 1) == 0
    rows = dict(line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:])
    shares = [float(rows[name].rstrip("%")) for name in ("data", "forward", "backward", "optimiser")]
    assert sum(shares) == pytest.approx(100, abs=2.5)
    assert float(rows["seconds a step"]) > 0 and rows["peak memory"].endswith("GiB") and rows["MFU"].endswith("%")


def test_arithmetic_is_counted_as_the_plan_counts_it(tmp_path, quick):
    """So that an MFU that was measured predicts what it was measured with."""
    config = load_config(quick, DiTARConfig)
    store = LatentStore(tmp_path / "latents", *read_statistics(tmp_path / "latents"))
    found = time_training(config, store, profile_train.torch.device("cpu"), 1)
    a_patch = 1e12 * found["tflops"] / found["patches_a_second"]
    planned = plan(config, Machine(gpus=1, peak_tflops=1.0, mfu=1.0))
    assert a_patch == pytest.approx(planned["flops_a_step"] / planned["patches_a_step"], rel=0.3)  # of 20 s, not of 5


def test_steps_with_poor_references_take_as_long(tmp_path, capsys):
    """So that no latents of poor recordings are wanted to time them."""
    write_synthetic(tmp_path / "latents", 12, 2, 64, (5.0, 5.0))
    data = {"batch_patches": 100, "reference_poor": 0.5, "first_seconds": 6.0}
    poor = shrink("ditar/quick.yaml", tmp_path / "poor.yaml", {"model": NARROW, "data": data})
    assert profile(tmp_path, poor, "--steps", 1) == 0, capsys.readouterr().err
    assert training_flops.describe(str(poor), tmp_path / "latents", 1)["step_flops"] > 0


def test_what_cannot_be_profiled(tmp_path, quick, capsys):
    with pytest.raises(SystemExit):
        profile(tmp_path, quick, "--steps", 0)
    assert "--steps: must be a whole number from 1 on, got '0'" in capsys.readouterr().err
    other = shrink("ditar/quick.yaml", tmp_path / "other.yaml", {"model": {**NARROW, "latent_channels": 16}})
    assert profile(tmp_path, other) == 1
    assert "have 64 channels, and model.latent_channels is 16" in capsys.readouterr().err
