"""A pretrained text LM as the LM to start from: Qwen2 and Qwen2.5 (arXiv 2407.10671, 2412.15115), whose layers ours are
once `lm` has a gated feed-forward, shared keys and values, `qkv_bias`, and their RoPE base and epsilon.

A checkpoint is a folder as the Hugging Face hub has it: config.json, model.safetensors or its shards with their index,
and tokenizer.json for who reads its subwords.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ditar.config import BlockConfig, ConfigError
from ditar.model.ditar import DiTAR
from ditar.storage.weights import CONFIG, WEIGHTS, ModelError, read_config

INDEX, TOKENIZER = f"{WEIGHTS}.index.json", "tokenizer.json"
EMBEDDINGS, TEXT_HEAD = "model.embed_tokens.weight", "lm_head.weight"  # the head predicts text, which nothing here does
# What only a value is known of here; without the key it is that value.
_ONLY = {"hidden_act": "silu", "use_sliding_window": False, "attention_dropout": 0.0, "rope_scaling": None}


def find_lm(name: str) -> Path:
    """The folder of a checkpoint: given, or of a model on the hub, downloaded. ModelError: it cannot be had."""
    if Path(name).is_dir():
        return Path(name)
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name) or Path(name.split("/")[0]).exists():
        raise ModelError(f"folder {name!r} of a text LM does not exist; give one, or a name on the Hugging Face hub")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG, "*.safetensors", INDEX, TOKENIZER]))
    except Exception as error:  # whatever the installed network stack raises
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"text LM {name!r} is not a folder and could not be fetched from the Hugging Face hub ({reason}); check "
            "the name and the network"
        ) from error


def tokenizer_content(folder: Path) -> str:
    """The content of the tokenizer's file, for `text.subwords`. ModelError: it is missing or no text."""
    try:
        return (folder / TOKENIZER).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / TOKENIZER} cannot be read ({error}); copy it there, or use phonemes") from None


def block_config(folder: Path) -> BlockConfig:
    """The shape of a checkpoint's layers. ModelError: it is no Qwen2, or one with what our layers lack."""
    found, where = read_config(folder), folder / CONFIG
    if found.get("model_type") != "qwen2":
        raise ModelError(f"{where} is of model_type {found.get('model_type')!r}, not 'qwen2'; give a Qwen2 or Qwen2.5")
    rope: dict[str, Any] = found.get("rope_parameters") or found  # transformers 5, and before
    if rope.get("rope_type", "default") != "default":
        raise ModelError(f"{where}: rope_type must be 'default', got {rope['rope_type']!r}; give another checkpoint")
    for key, value in _ONLY.items():
        if found.get(key, value) != value:
            raise ModelError(f"{where}: {key} must be {value!r}, got {found[key]!r}; give another checkpoint")
    try:
        return BlockConfig(
            layers=found["num_hidden_layers"],
            width=found["hidden_size"],
            heads=found["num_attention_heads"],
            ffn=found["intermediate_size"],
            ffn_kind="gated",
            kv_heads=found["num_key_value_heads"],
            qkv_bias=True,
            rope_base=rope["rope_theta"],
            norm_epsilon=found["rms_norm_eps"],
        )
    except (KeyError, ConfigError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"{where} does not describe a Qwen2: {what}; download it again") from None


def start_from_qwen2(model: DiTAR, folder: Path) -> None:
    """Copy the weights of a checkpoint to a new model's LM, as float32.

    A model that reads subwords gets their embeddings, too. What the layers read besides, phonemes, begin of audio,
    patches and what is told with them, is brought from our scale to that of the embeddings they were trained on.
    ModelError quotes what does not fit.
    """
    mine, theirs = (dataclasses.asdict(config) for config in (model.config.lm, block_config(folder)))
    different = [f"lm.{k} is {theirs[k]} there and {mine[k]} here" for k in mine if mine[k] != theirs[k]]
    if different:
        raise ModelError(
            f"the text LM in {folder} does not fit the configuration: {'; '.join(different)}; give the configuration "
            "the values of the LM, as configs/ditar/qwen2.5-0.5b.yaml has those of Qwen2.5-0.5B"
        )
    tensors, lm = dict(_tensors(folder)), model.lm
    tensors.pop(TEXT_HEAD, None)
    embeddings = _take(tensors, folder, EMBEDDINGS, (None, mine["width"]))
    layout, state = _layout(model.config.lm), {}
    for name, like in lm.transformer.state_dict().items():
        *_, part = re.split(r"blocks\.\d+\.", name)
        layer = name[: -len(part)].replace("blocks", "model.layers")
        part, kind = part.rsplit(".", 1)
        sources = ((f"{layer}{source}.{kind}", (rows, *like.shape[1:])) for source, rows in layout[part])
        state[name] = torch.cat([_take(tensors, folder, *source) for source in sources])
    if tensors:
        raise ModelError(
            f"{folder} holds {len(tensors)} tensors that a Qwen2 of {mine['layers']} layers has no place for, the "
            f"first {min(tensors)!r}; download it again"
        )
    lm.transformer.load_state_dict(state)
    scale, table = embeddings.std(), lm.symbols.weight
    with torch.no_grad():
        if model.config.tokenizer:
            if len(embeddings) < len(table) - 1:
                raise ModelError(
                    f"{folder} has {len(embeddings)} embeddings and its {TOKENIZER} {len(table) - 1} subwords; use the "
                    "files of one model"
                )
            table[1:] = embeddings[: len(table) - 1]  # row 0 is padding
        else:
            table.mul_(scale)
        told = () if model.reading is None else model.reading.to_lm.parameters()
        for value in (lm.begin, *model.embed.parameters(), *told):
            value.mul_(scale)


def _tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """All tensors of a checkpoint, by their names."""
    files = [folder / WEIGHTS]
    if not files[0].is_file() and (folder / INDEX).is_file():
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
            files = [folder / name for name in sorted(set(index.values()))]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ModelError(f"{folder / INDEX} is no index of shards ({error!r}); download it again") from None
    for path in files:
        if not path.is_file():
            raise ModelError(f"{path} does not exist; give a checkpoint with its safetensors, all of them")
        try:
            with safe_open(path, framework="pt") as file:
                yield from ((name, file.get_tensor(name).float()) for name in list(file.keys()))
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path} is not a whole safetensors file ({error}); download it again") from None


def _layout(config: BlockConfig) -> dict[str, list[tuple[str, int]]]:
    """What each of our modules holds: Qwen2's, one below the other, and their rows."""
    own, shared = config.width, config.kv_heads * config.width // config.heads
    return {
        "attention_norm": [("input_layernorm", config.width)],
        "attention.qkv": [("self_attn.q_proj", own), ("self_attn.k_proj", shared), ("self_attn.v_proj", shared)],
        "attention.out": [("self_attn.o_proj", config.width)],
        "ffn_norm": [("post_attention_layernorm", config.width)],
        "ffn.up": [("mlp.gate_proj", config.ffn), ("mlp.up_proj", config.ffn)],
        "ffn.down": [("mlp.down_proj", config.width)],
        "norm": [("model.norm", config.width)],
    }


def _take(tensors: dict[str, Tensor], folder: Path, name: str, shape: tuple[int | None, ...]) -> Tensor:
    """One of the tensors, which is then no longer among them; of any size where the shape has None."""
    found = tensors.pop(name, None)
    size = () if found is None else tuple(found.shape)
    if len(size) != len(shape) or any(want not in (None, have) for want, have in zip(shape, size)):
        raise ModelError(
            f"{folder}: {name!r} is {'missing' if found is None else size}, and must be "
            f"({', '.join('any' if want is None else str(want) for want in shape)}) by its {CONFIG}; use the files of "
            "one model"
        )
    return found
