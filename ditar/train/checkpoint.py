"""Checkpoints: safetensors and JSON in a folder that appears whole or not at all."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ditar.storage.atomic_write import check_folder


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or read; the message names the file and the remedy."""


def save_checkpoint(
    folder: Path,
    step: int,
    tensors: dict[str, dict[str, torch.Tensor]],
    optimisers: list[torch.optim.Optimizer],
    state: dict[str, Any],
    keep: int,
) -> Path:
    """Write `folder/step-XXXXXXXX`: one safetensors file per entry of `tensors`, the optimisers, and state.json.

    Written to a temporary place and renamed, so a killed process or a full disk leaves the older checkpoints intact;
    the newest `keep` (0: all) are kept. CheckpointError if the disk refuses.
    """
    partial = folder / f".partial-{step:08d}"
    try:
        make_partial(partial)
        for name, values in tensors.items():
            save_file({k: v.detach().contiguous() for k, v in values.items()}, partial / f"{name}.safetensors")
        layouts = []
        for index, optimiser in enumerate(optimisers):
            values, layout = _flatten(optimiser.state_dict())
            save_file(values, partial / f"optimiser-{index}.safetensors")
            layouts.append(layout)
        return publish(partial, {**state, "step": step, "optimisers": layouts}, keep)
    except (OSError, SafetensorError) as error:
        raise unwritable(partial, error) from error


def make_partial(partial: Path) -> None:
    """The folder to write a checkpoint in, empty; what killed processes left goes."""
    for left in partial.parent.glob(".partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    partial.mkdir(parents=True)


def publish(partial: Path, state: dict[str, Any], keep: int) -> Path:
    """Add state.json, which makes it complete, give the folder its name, and delete all but the newest `keep`."""
    final = partial.with_name(f"step-{state['step']:08d}")
    (partial / "state.json").write_text(json.dumps(state))
    if final.exists():
        shutil.rmtree(final)
    os.replace(partial, final)
    for old in checkpoints(partial.parent)[: -keep or None]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def unwritable(partial: Path, error: BaseException) -> CheckpointError:
    """The error to raise; the folder goes."""
    shutil.rmtree(partial, ignore_errors=True)
    return CheckpointError(
        f"checkpoint {partial.name.replace('.partial', 'step')} in {partial.parent} could not be written ({error}); "
        "older checkpoints are untouched: free some space or choose another --out, then run the same command to resume"
    )


def make_run_folder(folder: Path) -> None:
    """Make the folder of a run, if need be. CheckpointError, before any work, if it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_folder(folder)
    except OSError as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or error
        raise CheckpointError(f"{folder} cannot be written to: {reason}; choose another --out") from error


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints in `folder`, oldest first."""
    return sorted(p for p in folder.glob("step-*") if (p / "state.json").is_file())


def read_state(path: Path) -> dict[str, Any]:
    """The plain part of a checkpoint: `step` and the `state` given to `save_checkpoint`."""
    try:
        return json.loads((path / "state.json").read_text())
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def load_checkpoint(path: Path, optimisers: list[torch.optim.Optimizer]) -> dict[str, dict[str, torch.Tensor]]:
    """The tensors that `save_checkpoint` wrote, {name: {key: tensor}}; the optimisers are filled in place."""
    layouts = read_state(path)["optimisers"]
    try:
        files = [p for p in path.glob("*.safetensors") if not p.stem.startswith("optimiser-")]
        tensors = {p.stem: load_file(p) for p in files}
        for index, (optimiser, layout) in enumerate(zip(optimisers, layouts, strict=True)):
            optimiser.load_state_dict(_unflatten(load_file(path / f"optimiser-{index}.safetensors"), layout))
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise unreadable(path, error) from error
    return tensors


def unreadable(path: Path, error: BaseException) -> CheckpointError:
    """The error to raise."""
    return CheckpointError(
        f"checkpoint {path} cannot be read ({type(error).__name__}: {error}); delete that folder to go on from the "
        "previous one"
    )


def start_from(
    model: nn.Module, trained: nn.Module, mine: dict[str, Any], theirs: dict[str, Any], new: tuple[str, ...] = ()
) -> None:
    """Fine-tuning: copy the weights of `trained`, those aside whose names begin with one of `new`. CheckpointError
    quotes both values if configurations differ."""
    if different := differences(mine, theirs):
        raise CheckpointError(
            f"the weights to start from belong to another model: {different}; give the configuration that they were "
            "trained with"
        )
    kept = {name: value for name, value in model.state_dict().items() if name.startswith(new)} if new else {}
    model.load_state_dict({**trained.state_dict(), **kept})


def differences(mine: Any, theirs: Any, where: str = "") -> str:
    """What differs between two configurations (nested dictionaries), both values quoted; empty if they are equal."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        keys = [*mine, *(k for k in theirs if k not in mine)]
        found = [differences(mine.get(k), theirs.get(k), f"{where}.{k}" if where else k) for k in keys]
        return "; ".join(text for text in found if text)
    return "" if mine == theirs else f"{where} is {_shorten(theirs)} there and {_shorten(mine)} here"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _flatten(state: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    values, plain = {}, {}
    for index, entries in state["state"].items():
        for key, value in entries.items():
            if isinstance(value, torch.Tensor):
                values[f"{index}/{key}"] = value.detach().contiguous()
            else:
                plain[f"{index}/{key}"] = value
    groups = [{k: list(v) if isinstance(v, tuple) else v for k, v in g.items()} for g in state["param_groups"]]
    return values, {"plain": plain, "groups": groups}


def _unflatten(values: dict[str, torch.Tensor], layout: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {}
    for name, value in [*values.items(), *layout["plain"].items()]:
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    groups = [{k: tuple(v) if k == "betas" else v for k, v in g.items()} for g in layout["groups"]]
    return {"state": state, "param_groups": groups}
