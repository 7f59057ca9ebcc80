"""Files that are there whole or not at all: written beside their final name, and renamed."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class WriteError(OSError):
    """A file that cannot be written; the message names it, what the system says and the remedy."""


@contextmanager
def atomic_write(path: str | Path, ending: str = "") -> Iterator[Path]:
    """A hidden name in the folder of `path` to write to: it becomes `path` where the block ends well, and is deleted
    where it does not. Two programs that write the same file do not meet.

    `ending`: for libraries that read the format from the end of a name. WriteError for every OSError of the block.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{ending}")
    try:
        yield partial
        os.replace(partial, path)
    except WriteError:  # of a file inside the block: all is said
        raise
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"{path} cannot be written: {reason}; free space or choose another place") from error
    finally:
        with suppress(OSError):  # most often it is gone
            partial.unlink()


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """A text file of lines, whole or not at all."""
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def check_folder(folder: str | Path) -> None:
    """WriteError where no file can be made in a folder, found by making one: a system's permissions do not say all,
    of /proc and to root least."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(b"x")  # a full disk still gives names away
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"nothing can be written in the folder {folder} ({reason}); choose another place") from error
