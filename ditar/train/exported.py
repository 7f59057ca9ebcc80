"""The models that a run writes, `best` and `final`: whole or not at all, and of which step."""

import shutil
from collections.abc import Callable
from pathlib import Path

from ditar.train.checkpoint import CheckpointError

STEP, WHOLE = "step", "whole"  # a file in a model's folder; what one without it counts as


def note_step(folder: Path, step: int) -> None:
    """Say whose weights a folder has."""
    (folder / STEP).write_text(f"{step}\n", encoding="utf-8")


def write_whole(target: Path, write: Callable[[Path], None]) -> None:
    """A folder that appears when all of it is written. CheckpointError: the disk refuses."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        write(partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.replace(target)
    except OSError as error:
        raise CheckpointError(f"{target} cannot be written: {error.strerror or error}; free space and run again") from None


def step_of(final: Path) -> int | str | None:
    """The step whose weights a run's last model has: behind it there may be further ones, if the number of steps was
    raised. WHOLE if it does not say, as those written before they did; None if there is no model."""
    if not final.is_dir() or not any(final.iterdir()):
        return None
    noted = final / STEP
    return int(noted.read_text(encoding="utf-8")) if noted.is_file() else WHOLE
