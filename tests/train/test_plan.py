"""What training will take, against the real thing at sizes that fit here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ditar.cli import main
from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.data.batches import NO_TARGET, DiTARBatch
from ditar.data.latents import LatentStore, read_statistics
from ditar.train.activations import checkpoint_blocks
from ditar.train.ditar_system import DiTARSystem
from ditar.train.flops import CPU_ATTENTION
from ditar.train.optimiser import WeightAverage, build_optimisers
from ditar.train.plan import Machine, one_pass, plan, state_bytes, training_module
from tests.data.test_batches import write_store
from tests.train.test_loop import make_config

CONFIGS = Path(__file__).parents[2] / "configs" / "ditar"
ROWS, PATCHES, SYMBOLS = 3, 40, 30


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_state_of_the_largest_default_is_what_torch_holds(kind):
    config = load_config(CONFIGS / "0.6b.yaml", DiTARConfig)
    config = replace(config, optimiser=replace(config.optimiser, kind=kind))
    with FakeTensorMode():  # the meta device, in the name of the CPU: fused AdamW asks for a device that it knows
        module = training_module(config)
        average = WeightAverage(module.model, config.optimiser.ema_decay)
        optimisers = build_optimisers(module, config.optimiser)
        for parameter in module.parameters():
            parameter.grad = torch.empty_like(parameter)
        for optimiser in optimisers:
            optimiser.step()
    held = [tensor for o in optimisers for state in o.state.values() for tensor in state.values()]

    def size(tensors) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    assert state_bytes(config, 1) == {
        "weights": size(module.parameters()),
        "gradients": size(p.grad for p in module.parameters()),
        "buffers": 0,
        "optimiser": size(held),
        "average": size(average.module.parameters()),
    }
    assert state_bytes(config, 2)["buffers"] == size(module.parameters())


def test_the_module_is_what_is_trained(tmp_path):
    write_store(tmp_path)
    store = LatentStore(tmp_path, *read_statistics(tmp_path))
    config = make_config()
    trained = DiTARSystem(config, store, store).loss
    planned = training_module(config)
    assert {n: p.shape for n, p in planned.named_parameters()} == {n: p.shape for n, p in trained.named_parameters()}


@pytest.fixture(scope="module")
def small() -> DiTARConfig:
    """Wide enough for the transformers to be most of it, in float32, with two draws."""
    config = make_config(kind="adamw")
    shape = replace(config.model.lm, layers=3, width=64, heads=2, ffn=256)
    model = replace(config.model, encoder=shape, lm=shape, locdit=shape)
    return replace(config, model=model, loss=replace(config.loss, noise_draws=2, lm_noise=0.0, history_noise=0.0))


@pytest.fixture(scope="module")
def passed(small):
    return one_pass(small, ROWS, PATCHES, SYMBOLS)


def full_batch(config: DiTARConfig) -> DiTARBatch:
    frames, channels = config.model.patch_frames, config.model.latent_channels
    nowhere = torch.full((ROWS, PATCHES, frames), NO_TARGET)
    return DiTARBatch(
        symbol_ids=torch.ones(ROWS, SYMBOLS, dtype=torch.long),
        symbol_counts=torch.full((ROWS,), SYMBOLS),
        latents=torch.randn(ROWS, PATCHES, frames, channels),
        patch_counts=torch.full((ROWS,), PATCHES),
        frame_symbols=nowhere,
        spoken=torch.zeros(ROWS, PATCHES, SYMBOLS, dtype=torch.bool),
        alignment=nowhere,
        trained=torch.ones(ROWS, PATCHES, dtype=torch.bool),
        utterances=["u"] * ROWS,
        examples=["u"] * ROWS,
    )


def measured(config: DiTARConfig, checkpointing: bool) -> tuple[int, int]:
    """Bytes that a pass really keeps, and what torch counts of it, forward and backward."""
    module, kept = training_module(config), {}
    weights = {p.untyped_storage().data_ptr() for p in module.parameters()}
    if checkpointing:
        checkpoint_blocks(module)

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    generators = [torch.Generator().manual_seed(row) for row in range(ROWS)]
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = module(full_batch(config), generators)["loss"]
        loss.backward()
    return sum(storage.nbytes() for storage in kept.values()), counter.get_total_flops()


def test_activations_and_arithmetic_are_those_of_a_real_pass(small, passed):
    kept, flops = measured(small, False)
    print(f"\nkept: {passed.kept} planned, {kept} measured; FLOPs: {passed.flops} planned, {flops} counted", end="")
    assert passed.kept == pytest.approx(kept, rel=0.05)
    # Fused kernels compute one product of attention again.
    assert passed.flops == pytest.approx(flops, rel=0.05)


def test_with_checkpointing_inputs_of_blocks_and_one_block_are_kept(small, passed):
    kept, _ = measured(small, True)
    one = passed.kept_checkpointing - kept
    print(f"\nkept: {passed.kept_checkpointing} planned, {kept} of it measured between blocks", end="")
    assert 0.1 * passed.kept < one < passed.kept / 3  # a block of LocDiT's three
    more = replace(small.model, **{n: replace(getattr(small.model, n), layers=6) for n in ("encoder", "lm", "locdit")})
    deeper = one_pass(replace(small, model=more), ROWS, PATCHES, SYMBOLS)
    assert deeper.kept > 1.9 * passed.kept and deeper.kept_checkpointing < 1.4 * passed.kept_checkpointing


def test_bf16_keeps_less(small, passed):
    half = replace(small, optimiser=replace(small.optimiser, precision="bf16"))
    assert one_pass(half, ROWS, PATCHES, SYMBOLS).kept < 0.8 * passed.kept


def test_time_and_cost_follow(small):
    config = replace(small, data=replace(small.data, batch_patches=96, max_seconds=2.0))  # 4.8 examples of 20 patches
    one = plan(config, Machine(1, 100.0, 0.5, 3.0))
    four = plan(config, Machine(4, 100.0, 0.25))
    assert one["flops_a_step"] == pytest.approx(four["flops_a_step"], rel=1e-9)
    assert one["patches_a_second"] * 2 == pytest.approx(four["patches_a_second"])
    assert one["step_s"] == pytest.approx(one["flops_a_step"] / 50e12)
    assert one["days"] == pytest.approx(one["step_s"] * config.optimiser.steps / 86400)
    assert one["cost"] == pytest.approx(one["gpu_hours"] * 3.0) and four["cost"] is None
    assert (one["examples_of_a_rank"], four["examples_of_a_rank"]) == (5, 2)
    with pytest.raises(ConfigError, match="4.8 examples.*less than one for each of 5 GPUs"):
        plan(config, Machine(5, 100.0, 0.5))


def test_info_prints_it(capsys):
    command = ["info", "--train", str(CONFIGS / "quick.yaml"), "--gpus", "2", "--price", "1.5"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cost"] == pytest.approx(1.5 * found["gpu_hours"]) and found["bytes_of_a_rank"]["weights"] > 0
    assert main(command) == 0
    said = capsys.readouterr().out
    for word in ("gradients", "sharded", "run.activation_checkpointing", "TFLOPs a step", "patches a second", "days", "cost"):
        assert word in said, said


def test_info_plans_no_other_system(capsys):
    assert main(["info", "--train", str(CONFIGS.parent / "vae" / "quick.yaml")]) == 1
    assert "--train is for a file like those in configs/ditar" in capsys.readouterr().err
