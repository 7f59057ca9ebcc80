"""How a program of the recipes ends: one line that says why, and an exit code."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

KEPT = "what is finished is kept, and the same command goes on"
NOT_KEPT = "the same command begins again"


class Terminated(KeyboardInterrupt):
    """SIGTERM, in the form of Ctrl-C: everything ends as after that."""


def exit_code(
    run: Callable[[], int | None],
    name: str | None = None,
    errors: tuple[type[Exception], ...] = (),
    keeps: bool = False,
) -> int:
    """Run a program: 0, or what it returns; 1 failed, 130 after Ctrl-C, 143 after SIGTERM, and one line on stderr that
    says so and how to go on.

    Args:
        name: in that line; None: the file's.
        errors: whose messages are for users; others are faults of the program, and remain exceptions.
        keeps: whether the same command goes on from what an earlier run has finished. A KeyboardInterrupt with a
            message says itself what is kept.
    """
    try:
        with _terminable():
            return run() or 0
    except BrokenProcessPool:
        told, code = f"error: a process was killed (is the memory full?); {KEPT if keeps else NOT_KEPT}", 1
    except errors as error:
        told, code = f"error: {error}", 1
    except KeyboardInterrupt as stopped:
        word, code = ("terminated", 143) if isinstance(stopped, Terminated) else ("interrupted", 130)
        told = str(stopped) or f"{word}; {KEPT if keeps else NOT_KEPT}"
    # Behind the blocks: bars of progress end their lines when the exception, which holds them, is gone.
    print(f"{Path(sys.argv[0]).stem if name is None else name}: {told}", file=sys.stderr)
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """Within it SIGTERM is an exception, if nobody has decided otherwise."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
