"""Packages that come with an extra of pyproject.toml: one message for all that are missing."""

import importlib
from types import ModuleType


def install_line(extras: str, pip: str = "pip") -> str:
    """How to install extras, separated by commas. The package is on no index."""
    return f"in a clone of this project: {pip} install '.[{extras}]'"


def missing(package: str, extra: str) -> str:
    """The message for a package of an extra that is not installed."""
    return f"{package} is not installed; it comes with the extra {extra!r}; {install_line(extra)}"


def load_extra(module: str, extra: str, error: type[Exception]) -> ModuleType:
    """Import a module of an extra's package; if it is not installed, `error` says how to install it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as lacking:
        if lacking.name != module:
            raise
        raise error(missing(module, extra)) from None
