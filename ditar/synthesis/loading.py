"""What loading a pipeline needs: a device, a dtype, a scheduler."""

from pathlib import Path

import torch

from ditar.diffusion.scheduler import DiTARScheduler
from ditar.storage.weights import ModelError


def choose_device(name: torch.device | str | None) -> torch.device:
    """A device by name; None is the CPU, "auto" a GPU if there is one. ValueError if it cannot be used."""
    if name in (None, "auto"):
        return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {str(name)!r} cannot be used here ({reason}); use auto or cpu") from None
    return device


def choose_dtype(name: torch.dtype | str | None, device: torch.device) -> torch.dtype:
    """A dtype by name; None is float32, "auto" bfloat16 on a GPU and float32 elsewhere."""
    if isinstance(name, torch.dtype):
        return name
    if name in (None, "auto"):
        return torch.bfloat16 if name == "auto" and device.type == "cuda" else torch.float32
    dtype = getattr(torch, name, None)
    if dtype not in (torch.float32, torch.bfloat16, torch.float16):
        raise ValueError(f"dtype must be auto, float32, bfloat16 or float16, got {name!r}")
    return dtype


def load_scheduler(folder: Path) -> DiTARScheduler:
    """A DiTARScheduler. ModelError: a missing or foreign file."""
    try:
        return DiTARScheduler.from_pretrained(folder)
    except (ValueError, OSError, TypeError) as error:
        raise ModelError(f"{folder} holds no scheduler that save_pretrained wrote: {error}") from None
