"""A model on disk: config.json and model.safetensors."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ditar.storage import ModelError
from ditar.storage.atomic_write import atomic_write

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def write_model(
    folder: str | Path,
    config: dict[str, Any],
    tensors: dict[str, Tensor],
    dtype: torch.dtype | None = None,
    name: str = WEIGHTS,
) -> None:
    """Write config.json and the weights, in a file `name`; a killed process leaves neither half-written, and a full
    disk (WriteError) the old ones."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: value.detach().to("cpu", dtype) for name, value in tensors.items()}
    with atomic_write(folder / CONFIG) as partial:
        partial.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        write_tensors(folder / name, stored, {"format": "pt"})


def write_tensors(path: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file of tensors on the CPU, whole or not at all. WriteError: the disk refuses."""
    with atomic_write(path) as partial:
        try:
            save_file({name: value.contiguous() for name, value in tensors.items()}, partial, metadata=metadata)
        except SafetensorError as error:  # neither an OSError nor a ValueError
            raise OSError(str(error)) from None
        os.chmod(partial, 0o644)  # safetensors makes its files readable for the owner only


def read_config(folder: str | Path) -> dict[str, Any]:
    """The configuration next to the weights. ModelError: a missing file, or one that is not a JSON object."""
    path = _file(folder, CONFIG)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}); copy or download it again") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path} must hold a JSON object, got {config!r}")
    return config


def read_weights(folder: str | Path, model: nn.Module, name: str = WEIGHTS) -> None:
    """Fill a model (which may be on the meta device) with float32 weights of the file `name`. ModelError: no such file,
    or see `check_tensors`."""
    path = _file(folder, name)
    check_tensors(path, model)
    found = load_file(path).items()
    model.load_state_dict({key: x.float() if x.is_floating_point() else x for key, x in found}, assign=True)


def check_tensors(path: Path, model: nn.Module) -> None:
    """ModelError: a truncated safetensors file, or one whose names or shapes are not those of the model's tensors."""
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        size = path.stat().st_size
        raise ModelError(
            f"{path} ({size} bytes) is not a whole safetensors file ({error}); copy or download it again"
        ) from None
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if expected != found:
        name = next(n for n in [*expected, *found] if expected.get(n) != found.get(n))
        raise ModelError(
            f"{path} does not fit {CONFIG} next to it: {name!r} is {found.get(name, 'missing')} in the weights, but "
            f"{expected.get(name, 'absent')} in the configuration; use the two files of one model"
        )


def _file(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise ModelError(f"{str(folder)!r} holds no {name}; give a folder that save_pretrained wrote")
    return path
