"""Files that are complete or absent: written to a temporary name in the same folder, and renamed."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ABANDONED_SECONDS = 3600.0  # nothing takes so long between two writes to a file


class WriteError(OSError):
    """A file that cannot be written; the message names it, what the system says and the remedy."""


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """WriteError, which names `path`, for every OSError of the block: that of a full disk names no file."""
    try:
        yield
    except WriteError:  # of a file inside the block: it says everything
        raise
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"{path} cannot be written: {reason}; free space or choose another place") from error


@contextmanager
def atomic_write(path: str | Path, ending: str = "") -> Iterator[Path]:
    """A hidden name in the folder of `path` to write to: it becomes `path` if the block succeeds, and is deleted
    otherwise. Two programs that write the same file do not interfere.

    `ending`: for libraries that infer the format from the end of a name. WriteError for every OSError of the block.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{ending}")
    try:
        with naming(path):
            yield partial
            os.replace(partial, path)
    finally:
        with suppress(OSError):  # usually it is gone
            partial.unlink()


def remove_abandoned(folder: str | Path) -> None:
    """Delete what programs that were killed began to write into a folder, over an hour ago."""
    for partial in Path(folder).glob(".*.partial*"):
        with suppress(OSError):  # somebody else's, or gone by now
            if time.time() - partial.stat().st_mtime > ABANDONED_SECONDS:
                partial.unlink()


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """A text file of lines, whole or not at all."""
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def check_folder(folder: str | Path) -> None:
    """WriteError if no file can be made in a folder, found by making one: permissions do not tell everything, in /proc
    and for root in particular."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(b"x")  # a full disk still accepts new names
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"nothing can be written in the folder {folder} ({reason}); choose another place") from error


def check_not_input(path: str | Path, option: str, inputs: Mapping[str, str | Path | None]) -> None:
    """WriteError if an output file, requested by `option`, is one of the inputs: compared as files and not by name, so
    that links and other spellings are found. inputs: files by the user's name for them, such as an option."""
    for name, source in inputs.items():
        try:
            same = source is not None and os.path.samefile(path, source)
        except (OSError, ValueError):  # one of them does not exist, or is not a file name
            continue
        if same:
            raise WriteError(
                f"{option} would overwrite {path}, which is the file of {name} ({source}); give another name"
            )
