"""Checkpoints of sharded runs: every rank writes its shares, in safetensors with their places (torch.distributed.
checkpoint), and any number of ranks reads them, sharded or not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException

from ditar.train.activations import plain_names
from ditar.train.checkpoint import make_partial, publish, read_state, unreadable, unwritable
from ditar.train.ranks import Ranks

SHARDS = "shards"  # the folder in a checkpoint
NUMBERS = "optimiser_numbers"  # in state.json: what optimisers keep that is no tensor of a parameter's shape


def is_sharded(path: Path) -> bool:
    """Whether this complete checkpoint is of this kind."""
    return (path / SHARDS).is_dir()


def save_sharded(
    folder: Path,
    step: int,
    tensors: dict[str, dict[str, Tensor]],
    module: nn.Module,
    optimisers: list[torch.optim.Optimizer],
    state: dict[str, Any],
    keep: int,
    ranks: Ranks,
) -> None:
    """Write `folder/step-XXXXXXXX`, all ranks together, as `save_checkpoint` does: tensors by name, the optimisers of
    `module`, and the main rank's `state`. CheckpointError on every rank if the disk refuses one of them."""
    partial = folder / f".partial-{step:08d}"
    moments, numbers = _optimiser_state(module, optimisers)
    values = {f"{kind}/{key}": value for kind, of in tensors.items() for key, value in of.items()} | moments
    _on_main(ranks, partial, lambda: make_partial(partial))
    try:
        writer = dcp.HuggingFaceStorageWriter(str(partial / SHARDS), save_distributed=True)
        dcp.save(values, storage_writer=writer)
    except (OSError, SafetensorError, CheckpointException) as error:
        raise unwritable(partial, _first(error)) from error
    _on_main(ranks, partial, lambda: publish(partial, {**state, "step": step, NUMBERS: numbers}, keep))


def load_sharded(
    path: Path, tensors: dict[str, dict[str, Tensor]], module: nn.Module, optimisers: list[torch.optim.Optimizer]
) -> None:
    """Fill tensors, whole or sharded, and the optimisers of `module`, all ranks together. CheckpointError: missing or
    damaged files."""
    wanted = {f"{kind}/{key}": value for kind, of in tensors.items() for key, value in of.items()}
    parameters, found = plain_names(module), {}
    try:
        reader = dcp.HuggingFaceStorageReader(str(path / SHARDS))
        for name in reader.read_metadata().state_dict_metadata:
            if name.startswith("optimiser/"):
                _, parameter, _ = name.split("/")
                found[name] = torch.zeros_like(parameters[parameter].detach())
        dcp.load({**wanted, **found}, storage_reader=reader)
    except (OSError, SafetensorError, CheckpointException, ValueError, KeyError, RuntimeError) as error:
        raise unreadable(path, _first(error)) from error
    for name, number in read_state(path)[NUMBERS].items():
        _, parameter, _ = name.split("/")
        found[name] = torch.tensor(number, device=parameters[parameter].device)
    owner = {p: optimiser for optimiser in optimisers for group in optimiser.param_groups for p in group["params"]}
    for name, value in found.items():
        _, parameter, key = name.split("/")
        owner[parameters[parameter]].state[parameters[parameter]][key] = value


def _optimiser_state(
    module: nn.Module, optimisers: list[torch.optim.Optimizer]
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """optimiser/PARAMETER/KEY -> tensors of the parameter's shape, and numbers, which are the same on all ranks."""
    moments, numbers, names = {}, {}, {p: name for name, p in plain_names(module).items()}
    for optimiser in optimisers:
        for parameter, entries in optimiser.state.items():
            for key, value in entries.items():
                name = f"optimiser/{names[parameter]}/{key}"
                if key == "step":
                    numbers[name] = float(value)
                else:
                    moments[name] = value
    return moments, numbers


def _on_main(ranks: Ranks, partial: Path, action: Callable[[], Any]) -> None:
    """The others wait, and fail if it fails."""
    error = None
    if ranks.index == 0:
        try:
            action()
        except OSError as refused:
            error = refused
    said = ranks.as_main(None if error is None else str(error))
    if said is not None:
        raise unwritable(partial, OSError(said)) from error


def _first(error: BaseException) -> BaseException:
    """What went wrong on the first rank on which something did."""
    if isinstance(error, CheckpointException):
        return next(iter(error.failures.values()))[0]
    return error
