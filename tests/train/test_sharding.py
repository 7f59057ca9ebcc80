"""Sharded training (FSDP2, gloo): the losses of one process, and checkpoints that any number of ranks goes on from."""

import json
import shutil
from functools import partial

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch.distributed.checkpoint import HuggingFaceStorageWriter

from ditar.config import ConfigError
from ditar.train.checkpoint import CheckpointError
from ditar.train.plan import state_bytes
from ditar.train.ranks import Ranks
from ditar.train.sharded_checkpoint import load_sharded, save_sharded
from ditar.train.sharding import shard
from tests.forked import run_ranks
from tests.python_server import quick_python
from tests.train import program
from tests.train.test_loop import make_config
from tests.train.test_processes import STEPS, alone, assert_close, start_ranks  # noqa: F401
from tests.train.test_resume import latents, losses  # noqa: F401

HALF = 6


def run(latents, out, processes, kind="adamw"):  # noqa: F811
    run_ranks(processes, "tests.train.program", latents, out, STEPS, kind, output=out / "said", config="fsdp.yaml")


@pytest.fixture(scope="module")
def two(latents, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("two")
    process = start_ranks(latents, out, quick_python(), "fsdp.yaml")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return out


def weights(out):
    return load_file(out / "final" / "model.safetensors")


def half_of(source, out):
    name = f"checkpoints/step-{HALF:08d}"
    shutil.copytree(source / name, out / name)
    return out


def assert_same_model(found, expected):
    found, expected = weights(found), weights(expected)
    assert found.keys() == expected.keys()
    for name, value in found.items():  # Adam turns the last bits of small gradients into parts of its steps
        assert torch.allclose(value, expected[name], rtol=1e-3, atol=1e-4), name


def test_losses_are_those_of_one_process(two, alone):  # noqa: F811
    for step, values in losses(two).items():  # pytest -s shows it
        print(f"\nstep {step}: loss {losses(alone)[step][0]} with 1 process, {values[0]} sharded over 2", end="")
    assert list(losses(two)) == list(range(1, STEPS + 1))
    assert_close(losses(two), losses(alone))
    assert_same_model(two, alone)


def test_what_is_validated_is_that_of_one_process(two, alone):  # noqa: F811
    logs = [(out / "log.jsonl").read_text().splitlines() for out in (two, alone)]
    found, expected = ([line for line in map(json.loads, log) if "valid/loss" in line] for log in logs)
    assert [line["step"] for line in found] == [6, 12]
    for mine, other in zip(found, expected, strict=True):
        for name in other:
            if name.startswith("valid/"):
                assert mine[name] == pytest.approx(other[name], rel=1e-4, abs=1e-5), name


def test_each_rank_writes_its_shares(two):
    files = sorted((two / "checkpoints" / f"step-{STEPS:08d}" / "shards").iterdir())
    shares = [load_file(file) for file in files]
    assert len(files) == 2
    matrix = "model/model.lm.transformer.blocks.0.ffn.up.weight"
    assert [share[matrix].shape for share in shares] == [(32, 32), (32, 32)]
    assert all(f"optimiser/{matrix[6:]}/exp_avg" in share for share in shares)
    planned = state_bytes(make_config(), 2, sharded=True)
    for kind in ("model", "average"):
        found = sum(x.nbytes for name, x in shares[0].items() if name.startswith(f"{kind}/"))
        assert found == planned["weights" if kind == "model" else "average"], kind


def test_with_activation_checkpointing(latents, alone, tmp_path):  # noqa: F811
    run(latents, tmp_path, 2, kind="adamw-checkpointing")
    assert_close(losses(tmp_path), losses(alone))
    assert_same_model(tmp_path, alone)


def test_a_full_disk_keeps_older_checkpoints(tmp_path, monkeypatch):
    module = torch.nn.Linear(2, 2)
    optimisers = [torch.optim.AdamW(module.parameters(), fused=True)]
    module(torch.ones(1, 2)).sum().backward()
    optimisers[0].step()
    save = partial(save_sharded, tensors={"model": module.state_dict()}, module=module, optimisers=optimisers,
                   state={}, keep=2, ranks=Ranks(Accelerator(cpu=True), 60.0))  # fmt: skip
    save(tmp_path, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(HuggingFaceStorageWriter, "write_data", full)
    with pytest.raises(CheckpointError, match="step-00000002 .*No space left.*older checkpoints are untouched"):
        save(tmp_path, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    moments = {k: v.clone() for k, v in optimisers[0].state[module.weight].items()}
    optimisers[0].step()
    load_sharded(tmp_path / "step-00000001", {"model": module.state_dict()}, module, optimisers)
    assert all(torch.equal(moments[k], v) for k, v in optimisers[0].state[module.weight].items())


def test_a_system_without_blocks_is_refused():
    with pytest.raises(ConfigError, match="no transformer blocks to shard; launch it with .*multi_gpu.yaml"):
        shard(torch.nn.Linear(2, 2), torch.device("cpu"))


def test_one_process_goes_on_from_two(latents, two, alone, tmp_path):  # noqa: F811
    half_of(two, tmp_path)
    assert program.main(str(latents), str(tmp_path), str(STEPS), "adamw") == 0
    assert_close(losses(tmp_path), {s: v for s, v in losses(alone).items() if s > HALF})
    assert_same_model(tmp_path, alone)


def test_four_go_on_from_two_and_two_from_four(latents, two, alone, tmp_path):  # noqa: F811
    four, again = half_of(two, tmp_path / "four"), tmp_path / "two"
    run(latents, four, 4)
    later = f"checkpoints/step-{HALF + 3:08d}"
    shutil.copytree(four / later, again / later)
    assert len(list((again / later / "shards").iterdir())) == 4
    run(latents, again, 2)
    for out, since in ((four, HALF), (again, HALF + 3)):
        assert_close(losses(out), {s: v for s, v in losses(alone).items() if s > since})
        assert_same_model(out, alone)


def test_a_run_that_was_not_sharded_goes_on(latents, alone, tmp_path):  # noqa: F811
    half_of(alone, tmp_path)
    run(latents, tmp_path, 2)
    assert_close(losses(tmp_path), {s: v for s, v in losses(alone).items() if s > HALF})
    assert_same_model(tmp_path, alone)


def test_a_missing_or_damaged_shard_is_named(latents, two, tmp_path):  # noqa: F811
    for what in ("missing", "damaged"):
        half_of(two, tmp_path / what)
        shard = sorted((tmp_path / what).rglob("shards/*"))[1]
        if what == "missing":
            shard.unlink()
        else:
            shard.write_bytes(shard.read_bytes()[:1000])
        with pytest.raises(CheckpointError, match="step-00000006 cannot be read .*; delete that folder"):
            program.main(str(latents), str(tmp_path / what), str(STEPS), "adamw")
