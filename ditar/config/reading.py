"""Typed configurations and strict YAML: an unknown key, a missing key, a wrong type or a value out of its
field's range is an error that names it.

A configuration file is complete: no includes, no inheritance, and every key spelt out, so that what a run did does not
change with the defaults. `load_config` reads one, `to_dict` is its inverse and goes into every checkpoint as JSON.
"""

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from ditar.config.ranges import ConfigError

Config = TypeVar("Config")


def load_config(path: str | Path, kind: type[Config]) -> Config:
    """Read a complete YAML file into the configuration class `kind`. ConfigError names file, key, value and remedy."""
    data = _read_yaml(path)
    try:
        return from_dict(data, kind, complete=True)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def nearest_kind(path: str | Path, kinds: Sequence[type]) -> type:
    """Which of several configuration classes, all with a `model`, has most of the keys of a file's `model`; the first
    of equals. ConfigError: no YAML file, or one that has none of these keys."""
    data = _read_yaml(path)
    model = data.get("model") if isinstance(data, dict) else None
    keys = set(model) if isinstance(model, dict) else set()

    def shared(kind: type) -> int:
        return len(keys & {f.name for f in dataclasses.fields(typing.get_type_hints(kind)["model"])})

    nearest = max(kinds, key=shared)
    if not shared(nearest):
        raise ConfigError(
            f"{path} is no configuration of a model: it has no `model` with keys of a "
            f"{' or a '.join(kind.__name__ for kind in kinds)}; give a file like those in configs/ditar, configs/vae "
            "and configs/baseline"
        )
    return nearest


def _read_yaml(path: str | Path) -> Any:
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give a configuration file, such as configs/ditar/tiny.yaml")
    if not path.is_file():
        raise ConfigError(f"configuration file {str(path)!r} does not exist")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None


def from_dict(data: Any, kind: type[Config], where: str = "", complete: bool = False) -> Config:
    """Build the configuration class `kind` from plain dictionaries; the inverse of `to_dict`.

    `complete`: every key must be there. Without it, a key that is missing has its default: a checkpoint may be older
    than the key.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{where or 'the configuration'} must be a mapping of {kind.__name__}'s keys, got {data!r}")
    known = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise ConfigError(f"unknown key {_join(where, key)!r}; {hint}")
    values = {}
    for name, spec in known.items():
        if name in data:
            values[name] = _convert(data[name], hints[name], _join(where, name), complete)
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise ConfigError(f"missing key {_join(where, name)!r} ({_name(hints[name])})")
        elif complete:
            # JSON is YAML
            default = "" if spec.default is dataclasses.MISSING else f", by default {json.dumps(spec.default)}"
            raise ConfigError(
                f"missing key {_join(where, name)!r} ({_name(hints[name])}); a file spells every key out: "
                f"add it{default}"
            )
    try:
        return kind(**values)
    except ConfigError as error:  # a value out of its range, by the field's name
        raise ConfigError(_join(where, error)) from None


def to_dict(config: Any) -> dict[str, Any]:
    """Plain dictionaries, lists, strings and numbers, ready for JSON or YAML."""

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    return plain(dataclasses.asdict(config))


def _join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)


def _name(hint: Any) -> str:
    return getattr(hint, "__name__", None) if isinstance(hint, type) else str(hint)


def _convert(value: Any, hint: Any, where: str, complete: bool) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        hint = next(a for a in arguments if a is not type(None))
        return _convert(value, hint, where, complete)
    if dataclasses.is_dataclass(hint):
        return from_dict(value, hint, where, complete)
    if origin is Literal:
        if value not in arguments:
            message = f"{where} must be one of {', '.join(map(repr, arguments))}, got {value!r}"
            # YAML 1.1 reads a bare no, off, yes or on as a truth value.
            bare = [a for a in arguments if isinstance(value, bool) and yaml.safe_load(a) is value]
            raise ConfigError(message + (f"; YAML reads a bare {bare[0]} so: quote it, '{bare[0]}'" if bare else ""))
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where} must be a list, got {value!r}")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(value):
            raise ConfigError(f"{where} must be a list of {len(kinds)} values, got {value!r}")
        pairs = enumerate(zip(value, kinds))
        return tuple(_convert(v, k, f"{where}[{i}]", complete) for i, (v, k) in pairs)
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)  # YAML 1.1 reads 1e-4 as a string
        except ValueError:
            raise ConfigError(f"{where} must be float, got {value!r}") from None
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return value
    raise ConfigError(f"{where} must be {_name(hint)}, got {value!r}")
