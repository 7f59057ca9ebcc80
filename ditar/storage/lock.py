"""Only one program at a time writes a file or a folder: two that continue the same work would garble it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not Unix: nothing is locked
    fcntl = None

LOCK_FILE = ".lock"


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
    """Lock an existing folder for this process. InUseError if another process has it, on another machine, too, where
    they share the folder by NFS: that locks only what is open for writing, so a file `.lock` stays in the folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        if _must_be_writable(opened):
            beside = os.open(Path(folder) / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
            os.close(opened)
            opened = beside
        lock(opened, folder)
        yield
    finally:
        os.close(opened)


def _must_be_writable(folder: int) -> bool:
    """Whether an open folder is refused a lock since it is not open for writing, which no folder can be."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno == errno.EBADF
    return False
