"""Ctrl-C, and the collection of garbage, while a command starts."""

import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """For the imports and the loading of a model, which leave nothing to clean up: Ctrl-C ends the process at once, and
    nothing looks for garbage.

    The exit code of Ctrl-C is 130. As an exception it would sometimes get lost: importing torch, transformers and
    diffusers takes seconds and runs through code that takes any exception for a missing package.

    What is imported stays, and is half a million objects of torch alone: looking through them again and again for
    cycles takes a third of a second.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _ending_at_once():
            yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _ending_at_once() -> Iterator[None]:
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
