"""Typed configurations and strict YAML: an unknown key, a missing key, a wrong type or a value out of its field's range
is an error that names it.

A configuration file is complete: no includes, no inheritance, and every key spelt out, so that a run does not change
with the defaults. `load_config` reads one; `to_dict` is its inverse and goes into every checkpoint as JSON.
"""

import dataclasses
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ditar.config.ranges import Config, ConfigError, from_dict
from ditar.storage.inputs import read_input


def load_config(path: str | Path, kind: type[Config]) -> Config:
    """Read a complete YAML file into the configuration class `kind`. ConfigError names file, key, value and remedy."""
    data = _read_yaml(path)
    try:
        return from_dict(data, kind, complete=True)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def nearest_kind(path: str | Path, kinds: Sequence[type]) -> type:
    """The one of several configuration classes, all with a `model`, that has most of the keys of a file's `model`; the
    first if several do. ConfigError: not a YAML file, or one with none of these keys."""
    data = _read_yaml(path)
    model = data.get("model") if isinstance(data, dict) else None
    keys = set(model) if isinstance(model, dict) else set()

    def shared(kind: type) -> int:
        return len(keys & {f.name for f in dataclasses.fields(typing.get_type_hints(kind)["model"])})

    nearest = max(kinds, key=shared)
    if not shared(nearest):
        raise ConfigError(
            f"{path} is not a configuration of a model: it has no `model` with keys of a "
            f"{' or a '.join(kind.__name__ for kind in kinds)}; give a file like those in configs/ditar, configs/vae "
            "and configs/baseline"
        )
    return nearest


def _read_yaml(path: str | Path) -> Any:
    import yaml  # here, since who speaks reads none

    path = Path(path)
    try:
        return yaml.safe_load(read_input(path).decode("utf-8"))
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder; give a configuration file, such as configs/ditar/tiny.yaml") from None
    except FileNotFoundError:
        raise ConfigError(f"configuration file {str(path)!r} does not exist") from None
    except OSError as error:
        raise ConfigError(f"configuration file {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None


def to_dict(config: Any) -> dict[str, Any]:
    """Plain dictionaries, lists, strings and numbers, ready for JSON or YAML."""

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    return plain(dataclasses.asdict(config))
