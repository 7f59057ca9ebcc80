"""A SpeechVAE from the folder that `save_pretrained` wrote, with errors that say what is wrong with it."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ditar.storage.weights import ModelError
from ditar.vae.speech_vae import SpeechVAE


def load_vae(folder: Path) -> SpeechVAE:
    """A SpeechVAE in float32. ModelError: a missing, truncated or foreign file, or tensors of another model.

    diffusers fills what a file lacks with nothing or with initial values, including the statistics of the latents, so
    names and shapes are compared here before it loads.
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
                f"{name!r} is {found.get(name, 'missing')} in {weights.name}, but {expected.get(name, 'absent')} in the "
                "configuration; use the two files of one model"
            )
        return SpeechVAE.from_pretrained(folder, torch_dtype=torch.float32)
    except (ValueError, RuntimeError, OSError, TypeError, KeyError) as error:
        raise ModelError(f"{folder} is not a SpeechVAE that fits its config.json: {error}") from None
