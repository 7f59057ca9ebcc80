"""Ctrl-C while a command starts."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """Around the imports and the loading of a model, with nothing to be left tidy: Ctrl-C ends the process at once.

    Its exit code is 130. As an exception it would get lost now and then: importing torch, transformers and diffusers
    takes seconds and runs through code that takes whatever is raised for a package that is not there.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield  # whoever called us has it otherwise: `nohup` ignores it, a program from Python has a handler of its own
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(*_) -> None:
    os.write(2, b"ditar: interrupted\n")
    os._exit(130)
