"""Activation checkpointing: the same losses, gradients and weights, from less that is kept."""

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ditar.config import ConfigError
from ditar.train.activations import checkpoint_blocks
from ditar.train.ditar_system import DiTARSystem
from ditar.train.loop import train
from tests.train.test_loop import losses, make_config, run, store  # noqa: F401
from tests.train.test_ranks import vae_system
from tests.train.test_vae_system import make_config as make_vae_config


def one_step(store, checkpointed):  # noqa: F811
    """Losses and gradients of a batch, and the bytes kept for the backward pass."""
    system = DiTARSystem(make_config(), store, store)
    torch.manual_seed(1)
    torch.nn.init.normal_(system.model.locdit.out.weight)
    names = list(system.loss.state_dict())
    parameters = dict(system.loss.named_parameters())
    if checkpointed:
        checkpoint_blocks(system.loss)
    assert list(system.loss.state_dict()) == names
    batch, kept = system.batch(0, 0, ("model",)), {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss, parts = system.forward(system.loss, "model", batch, 0, system.counts(batch))
    loss.backward()
    gradients = {name: p.grad for name, p in parameters.items()}
    return {k: v.detach() for k, v in parts.items()}, gradients, sum(kept.values())


def test_losses_and_gradients_are_those_without(store):  # noqa: F811
    plain, gradients, kept = one_step(store, False)
    found, others, fewer = one_step(store, True)
    assert {"attention", "phoneme"} <= plain.keys()  # what a block keeps for the helpers goes through the wrapper
    assert all(torch.equal(plain[name], found[name]) for name in plain)
    assert any(g is not None and g.abs().max() > 0 for g in gradients.values())
    for name, gradient in gradients.items():
        assert (gradient is None) == (others[name] is None), name
        assert gradient is None or torch.equal(gradient, others[name]), name
    assert fewer < 0.6 * kept, (fewer, kept)


def test_a_run_may_go_on_with_it(store, tmp_path):  # noqa: F811
    config = make_config(kind="adamw")
    checkpointing = replace(config, run=replace(config.run, activation_checkpointing=True))
    plain = losses(run(config, store, tmp_path / "plain"))
    half = "checkpoints/step-00000002"
    shutil.copytree(tmp_path / "plain" / half, tmp_path / "half" / half)
    assert losses(run(checkpointing, store, tmp_path / "half")) == {s: v for s, v in plain.items() if s > 2}
    first, second = (load_file(tmp_path / of / "final" / "model.safetensors") for of in ("plain", "half"))
    assert first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_a_system_without_blocks_refuses(tmp_path):
    config = make_vae_config()
    config = replace(config, run=replace(config.run, activation_checkpointing=True))
    with pytest.raises(ConfigError, match="no transformer blocks; set it to false"):
        train(vae_system(tmp_path), config.optimiser, config.run, tmp_path / "run", config, cpu=True)
