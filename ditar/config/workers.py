"""Processes that share work on a machine, as many as it has cores for (`config.cores`)."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Any

HELD = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal to get when the parent dies


class WorkerPool(ProcessPoolExecutor):
    """ProcessPoolExecutor, for `with`, whose processes are its own: Ctrl-C, which a terminal sends to all, reaches only
    the program, SIGTERM ends one without a word, and they end at once when the block fails or the program is gone. What
    they were doing then is lost, so that they must write files beside and rename; other programs that they have started
    run to their end.

    Args:
        processes: how many.
        start: is called in each with `arguments` before its work.
        method: "spawn", or "fork", which shares what the program holds; a program that spawns needs the usual
            `if __name__ == "__main__":`.
    """

    def __init__(
        self, processes: int, start: Callable[..., None] | None = None, arguments: tuple = (), method: str = "spawn"
    ):
        super().__init__(processes, multiprocessing.get_context(method), _begin, (start, arguments))

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future:
        """As ProcessPoolExecutor's; it may start a process."""
        with _interrupts_held():  # which a new process inherits, and keeps
            return super().submit(function, *arguments, **named)

    # `map` cancels what is left when it ends, and the thread of the executor does not expect that of what is killed.
    def in_order(self, function: Callable[[Any], Any], items: Iterable[Any], at_once: int = 1) -> Iterator[Any]:
        """function(item) of each item, in the order of these; so many go to a process together. The processes are
        started now, before a progress bar that shows the results starts threads."""
        return _results(self._submit_all(function, items, at_once))

    def as_done(self, function: Callable[[Any], Any], items: Iterable[Any], at_once: int = 1) -> Iterator[Any]:
        """The same, as they are done."""
        return _results(as_completed(self._submit_all(function, items, at_once)))

    def _submit_all(self, function: Callable[[Any], Any], items: Iterable[Any], at_once: int) -> list[Future]:
        rest = iter(items)
        parts = iter(lambda: list(islice(rest, at_once)), [])
        return [self.submit(_several, function, part) for part in parts]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if kind is None:
            return super().__exit__(kind, error, traceback)
        with _interrupts_held():  # a second Ctrl-C must not leave them half ended
            for process in [*(self._processes or {}).values()]:  # `kill_workers` since Python 3.14
                process.kill()
            return super().__exit__(kind, error, traceback)


def _results(parts: Iterable[Future]) -> Iterator[Any]:
    for part in parts:
        yield from part.result()


def _several(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [function(item) for item in items]


def _begin(start: Callable[..., None] | None, arguments: tuple) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # of a fork it would be the program's, and become an exception
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # or it would wait for ever if the program is killed
        if os.getppid() != multiprocessing.parent_process().pid:  # as it has been while this process was starting
            os._exit(1)
        # The semaphores of libraries then have no names, which would outlive it.
        multiprocessing.set_start_method("fork", force=True)
    if start is not None:
        start(*arguments)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM come when the block is over: they are blocked, which new processes inherit, and if another
    thread takes one, it is put off."""
    resource_tracker.ensure_running()  # which lets Ctrl-C through when it is started
    swapped, came = {}, []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    for number in HELD:
        if callable(handler := signal.getsignal(number)) and threading.current_thread() is threading.main_thread():
            swapped[number] = handler
            signal.signal(number, lambda *received: came.append(received))
    try:
        yield
    finally:
        for number, handler in swapped.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if came:
            swapped[came[-1][0]](*came[-1])
