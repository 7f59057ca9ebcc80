"""Work for several processes of one thread each, whose results come as they are finished."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from ditar.config.workers import WorkerPool

WAITING = 2  # items for each process that are taken ahead


def each(
    function: Callable[[Any], dict], items: Iterable[Any], nj: int, start: Callable[..., None], arguments: tuple
) -> Iterator[dict]:
    """function(item) of each item, in any order. `start(*arguments)` prepares a process once; with nj = 1 it is this
    one.

    Items are taken only as fast as they are processed, so that they may be without end.
    """
    items = iter(items)
    first = next(items, None)
    if first is None:
        return  # load nothing if there is nothing to do
    items = itertools.chain([first], items)
    if nj == 1:
        start(*arguments)
        yield from map(function, items)
        return
    with WorkerPool(nj, start, arguments) as pool:
        waiting: set[Future] = set()
        while True:
            free = WAITING * nj - len(waiting)
            waiting |= {pool.submit(function, item) for item in itertools.islice(items, free)}
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
