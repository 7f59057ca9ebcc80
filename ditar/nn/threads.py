"""How many threads torch has on a CPU. On a busy machine two of them are 3 to 15 times slower than one: each small
product waits for a thread that does not run."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from ditar.config.cores import MOST_THREADS, usable_cores
from ditar.config.numbers import check_whole

ROWS = 16  # of a product: a patch, its history and its conditioning, with and without guidance
ROUNDS, ROUND_SECONDS, FEWEST_PRODUCTS = 4, 0.004, 3
CLEAR = 2.0  # times slower: no further round is needed
GAIN = 1.1  # that twice as many threads must bring: they take the cores from others
ASKED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def set_threads(threads: int | None, weight: Tensor) -> None:
    """Set the number of torch's threads in this process. None: on a CPU as many as are fastest now, by
    `fastest_threads` with the weight of a model, unless OMP_NUM_THREADS or `torch.set_num_threads` has set it before.
    ValueError: out of range."""
    if threads is not None:
        torch.set_num_threads(check_whole(threads, "threads", 1, MOST_THREADS))
        return
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    is_said = any(os.environ.get(name) for name in ASKED) or torch.get_num_threads() not in (there, os.cpu_count())
    if weight.device.type == "cpu" and not is_said:
        torch.set_num_threads(fastest_threads(weight.detach()))


def in_own_thread(work: Callable[[], Any]) -> Any:
    """work() in a thread that ends with it, for what comes before another thread speaks. OpenMP makes threads for every
    thread that computes; while there are more of them than cores, GNU's sleep between any two products, and speech
    takes twice as long."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def largest_weight(model: nn.Module) -> Tensor:
    """Of the model's linear maps, (out, in)."""
    return max((part.weight for part in model.modules() if isinstance(part, nn.Linear)), key=Tensor.numel)


@torch.inference_mode()
def fastest_threads(weight: Tensor, most: int | None = None) -> int:
    """1, 2, 4, ... threads, up to `most` (None: the cores that the process may use): as many as make a product with a
    weight (out, in) at least a tenth faster each time that they are doubled. Takes some 0.05 s on two cores; leaves
    torch with an arbitrary number of threads."""
    most, best = usable_cores() if most is None else most, 1
    while 2 * best <= most:
        seconds = {best: 0.0, 2 * best: 0.0}
        for number in range(ROUNDS + 1):  # in turns: another program may begin or end
            for threads in seconds:
                torch.set_num_threads(threads)
                took = _seconds(weight)
                seconds[threads] += took if number else 0.0  # threads are made in the first round
            if number and seconds[2 * best] > CLEAR * seconds[best]:
                return best
        if seconds[best] < GAIN * seconds[2 * best]:
            return best
        best *= 2
    return best


def _seconds(weight: Tensor) -> float:
    """Of a product, the mean over a few milliseconds."""
    rows = weight.new_ones(ROWS, weight.shape[1])
    began, count = perf_counter(), 0
    while count < FEWEST_PRODUCTS or perf_counter() - began < ROUND_SECONDS:
        nn.functional.linear(rows, weight)
        count += 1
    return (perf_counter() - began) / count
