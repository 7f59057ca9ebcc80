"""Only one program at a time writes a file or a folder: two that continue the same work would garble it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not Unix: nothing is locked
    fcntl = None


class InUseError(ValueError):
    """Another program is writing there; the message names the place and the remedy."""


def lock(file: int, name: str | Path) -> None:
    """Lock an open file (its descriptor) for this process, until it is closed. InUseError if another process has it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUseError(
            f"{name} is being written by another program; wait until that has ended, or choose another place"
        ) from None
    except OSError:  # a file system without locks
        pass


@contextmanager
def only_writer(folder: str | Path) -> Iterator[None]:
    """Lock an existing folder for this process. InUseError if another process has it."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        lock(opened, folder)
        yield
    finally:
        os.close(opened)
