"""Errors of recognition."""

from collections.abc import Iterable
from types import ModuleType

from ditar.extras import load_extra


class RecogniserError(ValueError):
    """Recognition is not possible; the message quotes the value and the remedy."""


def import_for_recognition(module: str) -> ModuleType:
    """Import an optional package of the extra `eval`, or say how to install it."""
    return load_extra(module, "eval", RecogniserError)


def quote(names: Iterable[str], most: int = 5) -> str:
    """The first few names, and how many more there are: for error messages."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
