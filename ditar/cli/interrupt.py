"""Ctrl-C while a command starts."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """For the imports and the loading of a model, which leave nothing to clean up: Ctrl-C ends the process at once.

    Its exit code is 130. As an exception it would sometimes get lost: importing torch, transformers and diffusers takes
    seconds and runs through code that takes any exception for a missing package.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield  # the caller changed the handler: `nohup` ignores the signal, a Python program may have its own
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(*_) -> None:
    os.write(2, b"ditar: interrupted\n")
    os._exit(130)
