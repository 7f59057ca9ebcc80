"""Files that are there whole or not at all: written beside their final name, and renamed."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
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


def check_not_input(path: str | Path, option: str, inputs: Mapping[str, str | Path | None]) -> None:
    """WriteError where a file to write, which `option` asks for, is one that is read: by what it is and not by its
    name, so that links and other spellings are found. inputs: files by what a user calls them, such as an option."""
    for name, source in inputs.items():
        try:
            same = source is not None and os.path.samefile(path, source)
        except (OSError, ValueError):  # one of them is not there, or no file's name
            continue
        if same:
            raise WriteError(
                f"{option} would write over {path}, which is the file of {name} ({source}); give another name"
            )
