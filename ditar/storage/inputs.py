"""Inputs by name: a file, a pipe such as <(...) or a FIFO, /dev/stdin; and the text in one."""

import codecs
import errno
import io
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

PIPE_SECONDS = 30.0  # to wait for a writer of a FIFO
PIPE_BYTES = 2**30  # the content of a pipe is kept in memory


def open_input(path: str | Path) -> BinaryIO:
    """A seekable binary file: a pipe is read to its end first. OSError says what is wrong, with the name: a FIFO
    without a writer, a pipe with more than 1 GiB, a folder."""
    file = _open(path)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file:
        data = file.read(PIPE_BYTES + 1)
    if len(data) > PIPE_BYTES:
        raise OSError(errno.EFBIG, f"more than {PIPE_BYTES} bytes came out of this pipe", str(path))
    return io.BytesIO(data)


def read_input(path: str | Path, most_bytes: int = -1) -> bytes:
    """The bytes of a file or pipe, or its first `most_bytes`. OSError as `open_input`."""
    with _open(path) as file:
        return file.read(most_bytes)


def decode_text(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 if it begins with a byte-order mark, as Windows writes it. ValueError, to be
    read after the name of the file: which byte is no such text, and the command that converts it."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"is not UTF-8 text (byte {error.start}); convert it with iconv -f LATIN1 -t UTF-8, or from whichever "
            "encoding it has"
        ) from None
    if 4 * text.count("\0") > len(text):
        raise ValueError("is no text, or UTF-16 without a byte-order mark; convert it with iconv -f UTF-16LE -t UTF-8")
    return text


def _open(path: str | Path) -> BinaryIO:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder, not a file", str(path))
    return _open_fifo(path) if stat.S_ISFIFO(mode) else open(path, "rb")


def _open_fifo(path: str | Path) -> BinaryIO:
    """Opening waits for a writer: in a thread, which can be given up. Reading then takes as long as the writer does."""
    opened: list[BinaryIO | OSError] = []

    def wait() -> None:
        try:
            opened.append(open(path, "rb"))
        except OSError as error:
            opened.append(error)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(PIPE_SECONDS)
    if waiting.is_alive():
        with suppress(OSError):  # a writer for a moment, so that the thread ends
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        raise TimeoutError(errno.ETIMEDOUT, f"nobody wrote to this pipe within {PIPE_SECONDS:g} s", str(path))
    if isinstance(opened[0], OSError):
        raise opened[0]
    return opened[0]
