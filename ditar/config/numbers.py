"""Numeric arguments: of Python's or numpy's types, in range, and never NaN."""

import math
import numbers
from typing import Any

MAX_SEED = 2**63 - 1


def check_whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`, as Python's own. ValueError, with name, range and value, for all else."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    shown = "2^63 - 1" if high == MAX_SEED else high
    raise ValueError(f"{name} must be a whole number from {low} to {shown}, got {value!r}")


def check_number(value: Any, name: str, low: float, high: float) -> float:
    """A finite number from `low` to `high`. ValueError as `check_whole`."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if real and low <= value <= high and math.isfinite(value):
        return float(value)
    raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
