"""LoRA adapters (Hu et al., arXiv 2106.09685) on the linear layers of a model: what fine-tuning adds to a base, which
stays as it is.

    <folder>/adapter_config.json, adapter_model.safetensors   as peft writes them, so that its own loader takes them too
    <folder>/base.json                                         the fingerprint of the base, and what was learnt of texts

peft trains them; to speak with one it is not needed: a weight W becomes W + alpha / rank * B A before the first word.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import ConfigError
from ditar.extras import load_extra
from ditar.storage.atomic_write import write_lines
from ditar.storage.digests import digest_tensors
from ditar.storage.weights import ModelError, write_tensors

SETTINGS, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "base.json"
ALPHA_OF_RANK = 2.0  # alpha / rank: how much an update of a given size counts
KNOWS = ("seconds_per_symbol", "trained_symbols", "trained_languages", "trained_seconds")  # of the configuration
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


def base_fingerprint(model: nn.Module) -> str:
    """Equal for models with the same weights, rounded to float16, in which they may be stored."""
    return digest_tensors(value.half() for value in model.state_dict().values())


def add_adapter(model: nn.Module, rank: int) -> None:
    """Put an adapter on every linear layer of a model, in place: only its matrices are trained from then on, and until
    they are, the model computes what it did. ModelError: peft is not installed."""
    peft = _import_peft()
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    peft.get_peft_model(model, peft.LoraConfig(r=rank, lora_alpha=round(ALPHA_OF_RANK * rank), target_modules=names))


def save_adapter(model: nn.Module, folder: str | Path, base: str) -> None:
    """Write the adapter that `add_adapter` put on a model. `base`: the fingerprint of the model before."""
    peft, folder = _import_peft(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {_PREFIX + name: value.cpu() for name, value in peft.get_peft_model_state_dict(model).items()}
    (settings,) = model.peft_config.values()
    plain = {name: sorted(v) if isinstance(v, set) else v for name, v in settings.to_dict().items()}
    knows = {name: value for name, value in asdict(model.config).items() if name in KNOWS}
    write_tensors(folder / WEIGHTS, tensors, {"format": "pt"})
    for name, content in ((SETTINGS, {**plain, "inference_mode": True}), (BASE, {"base": base, "knows": knows})):
        write_lines(folder / name, [json.dumps(content, indent=2, ensure_ascii=False)])


def merge_adapter(model: Any, folder: str | Path) -> None:
    """Add an adapter to the weights of its base, a model in float32 that `from_pretrained` made, in place. ModelError:
    it is no adapter, not a whole one, or that of another base."""
    folder = Path(folder)
    settings, base = _read(folder, SETTINGS), _read(folder, BASE)
    found = base_fingerprint(model)
    if base.get("base") != found:
        raise ModelError(
            f"the adapter {folder} was trained on the model {base.get('base')}, but this one is {found}; load the "
            "model that it was fine-tuned from, in float32 or float16"
        )
    others = [name for name in ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern") if settings.get(name)]
    if settings.get("peft_type") != "LORA" or others:
        raise ModelError(
            f"{folder / SETTINGS} is of {settings.get('peft_type')} with {', '.join(others) or 'no options'}, and only "
            "plain LoRA can be merged; merge it with peft"
        )
    try:
        tensors, scale = load_file(folder / WEIGHTS), settings["lora_alpha"] / settings["r"]
        config = replace(model.config, **{name: base["knows"][name] for name in KNOWS})
    except (OSError, SafetensorError, KeyError, TypeError, ZeroDivisionError, ConfigError) as error:
        raise ModelError(f"the adapter {folder} is not whole ({error}); copy it again") from None
    names = {name.removeprefix(_PREFIX).removesuffix(end) for name in tensors for end in (_A, _B) if name.endswith(end)}
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    for name in sorted(names):
        pair = [tensors.get(f"{_PREFIX}{name}{end}") for end in (_B, _A)]
        shapes = [None if one is None else tuple(one.shape) for one in pair]
        wanted = tuple(layers[name].weight.shape) if name in layers else None
        if None in shapes or wanted != (shapes[0][0], shapes[1][1]):
            raise ModelError(f"the adapter {folder} does not fit: {name!r} is {wanted} and its matrices are {shapes}")
    if len(tensors) != 2 * len(names) or not names:
        raise ModelError(f"{folder / WEIGHTS} holds {len(tensors)} tensors, and pairs of matrices are expected")
    with torch.no_grad():
        for name in names:
            b, a = (tensors[f"{_PREFIX}{name}{end}"].float() for end in (_B, _A))
            layers[name].weight += scale * (b @ a)
    model.config = config


def _import_peft() -> ModuleType:
    import_torchaudio()  # peft imports transformers, which imports it
    return load_extra("peft", "finetune", ModelError)


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not folder.is_dir():
        raise ModelError(f"{str(folder)!r} does not exist, or is no folder; give a folder of `ditar finetune --lora`")
    if not isinstance(content, dict):
        raise ModelError(f"{str(folder)!r} holds no {name} that can be read; give a folder of `ditar finetune --lora`")
    return content
