"""Where a pipeline's parts come from: the folder of a model, here or on the hub, and what is wrong with it."""

import importlib
import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from ditar.audio.errors import AudioError
from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.storage.weights import ModelError
from ditar.vae.speech_vae import SpeechVAE

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from ditar.diffusion.scheduler import DiTARScheduler  # noqa: E402

ASSETS = Path(__file__).parent / "assets"
SHIPPED_MODEL = ASSETS / "model"
SHIPPED_VOICE = ASSETS / "reference.flac"  # its transcript stands beside it, in reference.txt
SHIPPED_LANGUAGE = "en-us"  # of that transcript
# Class of a pipeline -> where it is at home, above this room, and the folders of its parts.
PIPELINES = {
    "DiTARPipeline": ("ditar.pipeline", ("vae", "ditar", "scheduler")),
    "TokenPipeline": ("ditar.token_pipeline", ("codec", "token_lm")),
}


def load_pipeline(model: str | Path | None = None, **options) -> Any:
    """The pipeline of a folder or of a model on the hub: a DiTARPipeline or a TokenPipeline, as model_index.json says;
    None: the model that ships with the package. `options`: of their `from_pretrained`. ModelError as there."""
    hub_options = {k: v for k, v in options.items() if k not in ("device", "torch_dtype")}
    folder = model_folder(model, hub_options, None)
    home = PIPELINES[class_of(folder)][0]
    return getattr(importlib.import_module(home), class_of(folder)).from_pretrained(folder, **options)


def require_options(pipeline: Any, options: Iterable[str]) -> None:
    """ValueError names an option that this kind of pipeline does not have, where it does not look itself."""
    known = inspect.signature(type(pipeline).__call__).parameters
    looks_itself = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    for name in options:
        if name not in known and not looks_itself:
            raise ValueError(f"{name} is not an option of {type(pipeline).__name__}, which this model is; leave it out")


def shipped_voice() -> tuple[Path, str]:
    """The voice that comes with the package: its clip and its transcript. AudioError where it is missing."""
    transcript = SHIPPED_VOICE.with_suffix(".txt")
    if not (SHIPPED_VOICE.is_file() and transcript.is_file()):
        raise AudioError(f"{SHIPPED_VOICE} does not come with this installation; give prompt_audio and prompt_text")
    return SHIPPED_VOICE, transcript.read_text(encoding="utf-8").strip()


def choose_reference(
    prompt_audio: str | Path | np.ndarray | None, prompt_text: str | None, name: str | None = None
) -> tuple[str | Path | np.ndarray, str, str]:
    """Clip, transcript (empty where it is not known) and name of a voice to be made; without clip and transcript,
    those that come with the package. ValueError: a transcript alone."""
    if prompt_audio is None and prompt_text is not None:
        raise ValueError("prompt_text is the transcript of prompt_audio, which is missing; give both or neither")
    if prompt_audio is None:
        prompt_audio, prompt_text = shipped_voice()
    if name is None:
        name = "reference" if isinstance(prompt_audio, np.ndarray) else Path(prompt_audio).stem
    return prompt_audio, (prompt_text or "").strip(), name


def choose_device(name: torch.device | str | None) -> torch.device:
    """A device by name; None is the CPU, "auto" a GPU where there is one. ValueError where it cannot be used."""
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


def model_folder(model: str | Path | None, hub_options: dict, kind: str | None = "DiTARPipeline") -> Path:
    """The folder of a model: given, shipped (None), or downloaded from the hub; of the pipeline class `kind`, or of any
    that there is (None). ModelError names what is missing."""
    folder = SHIPPED_MODEL if model is None else Path(model)
    if not folder.is_dir():
        if model is None:
            raise ModelError(f"{folder} is missing from this installation; name a model (--model)")
        # `exp/run` looks like a hub id: where the first part is a folder here, a path was meant.
        if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", str(model)) or Path(str(model).split("/")[0]).exists():
            raise ModelError(f"model folder {str(model)!r} does not exist; give a folder that save_pretrained wrote")
        from huggingface_hub import snapshot_download

        parts = [part for name, (_, own) in PIPELINES.items() if kind in (None, name) for part in own]
        patterns = ["model_index.json", *(f"{part}/*.{end}" for part in parts for end in ("json", "safetensors"))]
        try:
            folder = Path(snapshot_download(str(model), allow_patterns=patterns, **hub_options))
        except Exception as error:  # whatever the network stack of the day raises
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"{str(model)!r} is not a folder here and could not be fetched from the Hugging Face hub ({reason}); "
                "check the name and the network"
            ) from error
    found = class_of(folder)
    if kind is not None and found != kind:
        raise ModelError(
            f"{folder / 'model_index.json'} is of {found!r}, not of {kind!r}; give a model of that kind, or load "
            "it with ditar.pretrained.load_pipeline"
        )
    return folder


def class_of(folder: Path) -> str:
    """Which pipeline a folder holds: a name of PIPELINES. ModelError where it holds none."""
    index = folder / "model_index.json"
    try:
        found = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{index} cannot be read ({error}); give a folder that save_pretrained wrote") from None
    if found not in PIPELINES:
        raise ModelError(f"{index} is of {found!r}, not of {' or '.join(PIPELINES)}; give a model of this package")
    return found


def load_vae(folder: Path) -> SpeechVAE:
    """A SpeechVAE in float32. ModelError: a missing, cut off or foreign file, or tensors of another model.

    diffusers fills what a file lacks with nothing or with initial values, statistics of the latents among them: names
    and shapes are compared here before it loads.
    """
    weights = folder / "diffusion_pytorch_model.safetensors"
    if not (folder / "config.json").is_file() or not weights.is_file():
        raise ModelError(f"{folder} must hold config.json and {weights.name}; give a folder that save_pretrained wrote")
    try:
        with safe_open(weights, framework="pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        size = weights.stat().st_size
        raise ModelError(
            f"{weights} ({size} bytes) is not a whole safetensors file ({error}); copy or download it again"
        ) from None
    try:
        with torch.device("meta"):
            empty = SpeechVAE.from_config(SpeechVAE.load_config(folder))
        expected = {name: tuple(value.shape) for name, value in empty.state_dict().items()}
        if expected != found:
            name = next(n for n in [*expected, *found] if expected.get(n) != found.get(n))
            raise ValueError(
                f"{name!r} is {found.get(name, 'missing')} in {weights.name} and {expected.get(name, 'absent')} by the "
                "configuration; use the two files of one model"
            )
        return SpeechVAE.from_pretrained(folder, torch_dtype=torch.float32)
    except (ValueError, RuntimeError, OSError, TypeError, KeyError) as error:
        raise ModelError(f"{folder} is not a SpeechVAE that fits its config.json: {error}") from None


def load_scheduler(folder: Path) -> DiTARScheduler:
    """A DiTARScheduler. ModelError: a missing or foreign file."""
    try:
        return DiTARScheduler.from_pretrained(folder)
    except (ValueError, OSError, TypeError) as error:
        raise ModelError(f"{folder} holds no scheduler that save_pretrained wrote: {error}") from None
