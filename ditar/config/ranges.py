"""Ranges of a configuration's values, declared beside the field and checked whenever one is made.

`h_dropout: Share = 0.1` is a float of which every value outside [0, 1] is refused, whether it comes from a file, a
checkpoint or Python. A configuration class inherits from `Ranged`; what ties two fields goes into its `__post_init__`.
"""

import dataclasses
import functools
import math
import numbers
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any


class ConfigError(ValueError):
    """A configuration that cannot be used; the message quotes the key, the value and the remedy."""


@dataclass(frozen=True)
class Range:
    """Finite numbers from `low` to `high`; `above`, `below`: without these ends themselves. NaN is in no range."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, numbers.Real):
            return False
        low = value > self.low if self.above else value >= self.low
        return low and (value < self.high if self.below else value <= self.high) and math.isfinite(value)

    def __str__(self) -> str:
        if math.isfinite(self.high):
            return f"in {'(' if self.above else '['}{self.low:g}, {self.high:g}{')' if self.below else ']'}"
        if math.isfinite(self.low):
            return f"{'above' if self.above else 'at least'} {self.low:g}"
        return "a finite number"


@dataclass(frozen=True)
class Ascending:
    """A tuple in which no value is below the one before it: (low, high)."""


Share = Annotated[float, Range(0, 1)]  # also a probability
Decay = Annotated[float, Range(0, 1, below=True)]  # of a running average: 1 would never move
Positive = Annotated[float, Range(0, above=True)]
NotNegative = Annotated[float, Range(0)]
Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]  # also a step or an id
Decibels = Annotated[float, Range(-100, 100)]  # of a gain


class Ranged:
    """Base of every configuration class. ConfigError names a field whose value is out of its range."""

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            _check(getattr(self, name), hint, name)


def check_curriculum(until: float, first_seconds: float, max_seconds: float) -> None:
    """ConfigError where a curriculum, which is off at `until` 0, would begin with longer examples than it ends with."""
    if until > 0 and first_seconds > max_seconds:
        raise ConfigError(f"first_seconds must not be above max_seconds, {max_seconds}, got {first_seconds}")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _check(value: Any, hint: Any, name: str) -> None:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None:
        return
    if origin in (types.UnionType, typing.Union):
        _check(value, next(a for a in arguments if a is not type(None)), name)
    elif origin is tuple:
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        for number, (one, kind) in enumerate(zip(value, kinds)):
            _check(one, kind, f"{name}[{number}]")
    elif origin is Annotated:
        inner, *rules = arguments
        _check(value, inner, name)
        for rule in rules:
            if isinstance(rule, Range) and value not in rule:
                raise ConfigError(f"{name} must be {rule}, got {value!r}")
            if isinstance(rule, Ascending) and list(value) != sorted(value):
                raise ConfigError(f"{name} must ascend, low before high, got {list(value)}")
