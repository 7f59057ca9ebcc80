"""Types and ranges of a configuration's values, declared at the field and checked whenever one is made.

`h_dropout: Share = 0.1` is a float that must be in [0, 1], whether it comes from a file, a checkpoint or Python. A
configuration class inherits from `Ranged`; rules about several fields go into its `__post_init__`.

Not pydantic: its errors would have to be rewritten in this form (full key, value, remedy), which takes as many lines as
`_convert`, and every `ditar --help` would import it: 0.1 s of CPU on top of 0.2.
"""

import argparse
import dataclasses
import difflib
import functools
import json
import math
import numbers
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

Config = TypeVar("Config")


class ConfigError(ValueError):
    """A configuration that cannot be used; the message quotes the key, the value and the remedy."""


def positive(text: str) -> int:
    """A count on the command line of a program."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text!r}")
    return int(text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'width'?`, or nothing if no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Range:
    """Finite numbers from `low` to `high`; `above`, `below`: without these ends themselves. NaN is in no range."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        low = value > self.low if self.above else value >= self.low
        return low and (value < self.high if self.below else value <= self.high) and math.isfinite(value)

    def __str__(self) -> str:
        if math.isfinite(self.high):
            return f"be in {'(' if self.above else '['}{self.low:g}, {self.high:g}{')' if self.below else ']'}"
        if math.isfinite(self.low):
            return f"be {'above' if self.above else 'at least'} {self.low:g}"
        return "be a finite number"


@dataclass(frozen=True)
class Ascending:
    """A tuple in which no value is below the previous one: (low, high)."""

    def __contains__(self, value: tuple[float, ...]) -> bool:
        return list(value) == sorted(value)

    def __str__(self) -> str:
        return "ascend, low before high"


Share = Annotated[float, Range(0, 1)]  # also a probability
Decay = Annotated[float, Range(0, 1, below=True)]  # of a running average: 1 would never move
Positive = Annotated[float, Range(0, above=True)]
NotNegative = Annotated[float, Range(0)]
Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]  # also a step or an id
Decibels = Annotated[float, Range(-100, 100)]  # of a gain


class Ranged:
    """Base of every configuration class. ConfigError names a field whose value has another type or is out of range."""

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            object.__setattr__(self, name, _convert(getattr(self, name), hint, name))  # frozen from here on


def from_dict(data: Any, kind: type[Config], where: str = "", complete: bool = False) -> Config:
    """Build the configuration class `kind` from plain dictionaries; the inverse of `to_dict`.

    `complete`: every key must be there. Otherwise a missing key has its default: a checkpoint may be older than the
    key. A field with the metadata `made: True` is never asked for: only programs set it.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{where or 'the configuration'} must be a mapping of {kind.__name__}'s keys, got {data!r}")
    hints = _hints(kind)
    for key in data:
        if key not in hints:
            hint = did_you_mean(str(key), hints) or f"known keys: {', '.join(hints)}"
            raise ConfigError(f"unknown key {_join(where, key)!r}; {hint}")
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        asked = required or (complete and not field.metadata.get("made"))
        if field.name not in data and asked:
            message = f"missing key {_join(where, field.name)!r} ({_name(hints[field.name])})"
            if not required:
                # JSON is YAML
                default = "" if field.default is dataclasses.MISSING else f", by default {json.dumps(field.default)}"
                message += f"; a file spells every key out: add it{default}"
            raise ConfigError(message)
    values = {name: _convert(value, hints[name], _join(where, name), complete) for name, value in data.items()}
    try:
        return kind(**values)
    except ConfigError as error:  # about several fields, by their names
        raise ConfigError(_join(where, error)) from None


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)


def _name(hint: Any) -> str:
    hint = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _convert(value: Any, hint: Any, where: str, complete: bool = False) -> Any:
    """The value in its field's type: lists as tuples, mappings as configurations."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _convert(value, next(a for a in arguments if a is not type(None)), where, complete)
    if origin is Annotated:
        inner, *rules = arguments
        value = _convert(value, inner, where, complete)
        for rule in rules:
            if value not in rule:
                raise ConfigError(f"{where} must {rule}, got {list(value) if isinstance(value, tuple) else value!r}")
        return value
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_dict(value, hint, where, complete)
    if origin is Literal:
        if value not in arguments:
            import yaml  # here, since who speaks reads none

            message = f"{where} must be one of {', '.join(map(repr, arguments))}, got {value!r}"
            # YAML 1.1 reads a bare no, off, yes or on as a truth value.
            bare = [a for a in arguments if isinstance(value, bool) and yaml.safe_load(a) is value]
            raise ConfigError(message + (f"; YAML reads a bare {bare[0]} so: quote it, '{bare[0]}'" if bare else ""))
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where} must be a list, got {value!r}")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(value):
            raise ConfigError(f"{where} must be a list of {len(kinds)} values, got {value!r}")
        return tuple(_convert(v, k, f"{where}[{i}]", complete) for i, (v, k) in enumerate(zip(value, kinds)))
    allowed = {float: (numbers.Real, str), int: numbers.Integral}.get(hint, hint)  # YAML 1.1 reads 1e-4 as a string
    if isinstance(value, allowed) and not (isinstance(value, bool) and hint is not bool):
        try:
            return hint(value)
        except ValueError:
            pass
    raise ConfigError(f"{where} must be {_name(hint)}, got {value!r}")
