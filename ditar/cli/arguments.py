"""Values of options: argparse types whose errors name the range and the value, and the defaults that help shows."""

import argparse
import re
from collections.abc import Callable
from typing import NoReturn

from ditar.cli.streams import one_line


class CommandParser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, without thirty of usage above it. Subparsers do, too."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)}; see {self.prog} --help\n")


class DefaultsShown(argparse.ArgumentDefaultsHelpFormatter):
    """Help with the defaults that say something: not those of flags, nor None."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        silent = action.default is None or action.default is False  # 0 equals False
        return action.help if silent else super()._get_help_string(action)


def number(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}, got {text!r}")
        return value

    return parse


def whole(low: int, high: int, shown: str = "") -> Callable[[str], int]:
    """A whole number from `low` to `high`, which errors write as `shown`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {shown or high}, got {text!r}")
        return int(text)

    return parse


def part(text: str) -> tuple[float, float]:
    """LOW,HIGH: a part of the diffusion steps, 0 <= low < high <= 1."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = float("nan")
    if not 0.0 <= low < high <= 1.0:
        raise argparse.ArgumentTypeError(f"must be LOW,HIGH with 0 <= LOW < HIGH <= 1, such as 0,0.5, got {text!r}")
    return low, high


def device(text: str) -> str:
    """A name that torch may know; whether it is there is found later."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"must be auto, cpu, mps, cuda or cuda:N, got {text!r}")
    return text
