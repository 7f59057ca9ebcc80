"""run.compile_blocks: the same losses from compiled blocks, of which few forms are made."""

from dataclasses import replace

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from ditar.config import ConfigError
from ditar.train import loop
from ditar.train.compilation import MOST_FORMS, compile_blocks
from ditar.train.ditar_system import DiTARSystem
from tests.train.test_loop import losses, make_config, run, store  # noqa: F401
from tests.train.test_ranks import vae_system
from tests.train.test_vae_system import make_config as make_vae_config


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_the_losses_are_those_without(store, tmp_path, monkeypatch):  # noqa: F811
    """With activation checkpointing, too. The backend makes no code, which would take a minute; tests/nn/test_wrapping.py
    compiles a block with its gradient."""
    config = make_config(kind="adamw", steps=2)
    plain = losses(run(config, store, tmp_path / "plain"))
    counter = CompileCounterWithBackend("eager")
    monkeypatch.setattr(loop, "compile_blocks", lambda module: compile_blocks(module, counter))
    compiled = replace(config.run, compile_blocks=True, activation_checkpointing=True)
    found = losses(run(replace(config, run=compiled), store, tmp_path / "compiled"))
    assert found == pytest.approx(plain, rel=1e-5)
    assert 3 <= counter.frame_count < MOST_FORMS // 2, counter.frame_count


def test_depth_costs_no_compilation(store):  # noqa: F811
    counts = []
    for layers in (3, 5):  # in both a layer in the middle keeps its attention for the helpers
        torch._dynamo.reset()
        config = make_config()
        single = replace(config.model.lm, layers=1)
        deeper = replace(config.model, encoder=single, lm=replace(single, layers=layers), locdit=single)
        system = DiTARSystem(replace(config, model=deeper), store, store)
        counter = CompileCounterWithBackend("eager")
        compile_blocks(system.loss, counter)
        batch = system.batch(0, 0, ("model",))
        system.forward(system.loss, "model", batch, 0, system.counts(batch))[0].backward()
        counts.append(counter.frame_count)
    assert counts[0] == counts[1] > 0


def test_a_system_without_blocks_refuses(tmp_path):
    config = make_vae_config()
    config = replace(config, run=replace(config.run, compile_blocks=True))
    with pytest.raises(ConfigError, match="run.compile_blocks is true.*no transformer blocks; set it to false"):
        loop.train(vae_system(tmp_path), config.optimiser, config.run, tmp_path / "run", config, cpu=True)
