"""What loading a pipeline needs: a device, a dtype, a scheduler."""

import json
import warnings
from pathlib import Path

import torch

from ditar.config.sampling import SAVED_OPTIONS, SamplingOptions
from ditar.nn.precision import multiplies_bfloat16
from ditar.storage.atomic_write import atomic_write
from ditar.storage.weights import ModelError

# The file of a diffusers scheduler. Here without diffusers, whose import takes longer than a sentence;
# `ditar.diffusion.scheduler` reads and writes the same file.
SCHEDULER = "scheduler_config.json"


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
    """A dtype by name; None is float32, "auto" bfloat16 on a GPU that has instructions for it and float32 elsewhere.
    Warns of bfloat16 where there are none."""
    if name in (None, "auto"):
        half = name == "auto" and device.type == "cuda" and multiplies_bfloat16(device)
        return torch.bfloat16 if half else torch.float32
    dtype = name if isinstance(name, torch.dtype) else getattr(torch, name, None)
    if not isinstance(name, torch.dtype) and dtype not in (torch.float32, torch.bfloat16, torch.float16):
        raise ValueError(f"dtype must be auto, float32, bfloat16 or float16, got {name!r}")
    if dtype == torch.bfloat16 and not multiplies_bfloat16(device):
        told = f"{device} has no instructions for bfloat16, which may take many times as long as float32 there"
        warnings.warn(f"{told}; leave dtype out, or give auto or float32", stacklevel=3)
    return dtype


def load_sampling(folder: Path) -> SamplingOptions:
    """How a model samples unless a call says otherwise: the configuration of its scheduler; defaults for the rest.
    ModelError: a missing or foreign file."""
    path = folder / SCHEDULER
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return SamplingOptions(**{name: found[name] for name in SAVED_OPTIONS if name in found})
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{folder} holds no scheduler that save_pretrained wrote: {error}") from None


def save_sampling(folder: Path, sampling: SamplingOptions) -> None:
    """Write what `load_sampling` and `DiTARScheduler.from_pretrained` read."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"_class_name": "DiTARScheduler", "prediction_type": "v_prediction"}
    config |= {name: getattr(sampling, name) for name in SAVED_OPTIONS}
    with atomic_write(folder / SCHEDULER) as partial:
        partial.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
