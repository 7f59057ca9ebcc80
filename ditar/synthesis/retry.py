"""Whether an attempt at speech failed, and which seeds the attempts have."""

import torch

from ditar.seeds import attempt_seed

TOO_SHORT_SHARE = 0.5  # of the expected length: speech that ends before it has skipped words


class SpeechError(ValueError):
    """A stream whose speech failed when some of it had been heard already, so that it could not be made again."""


def problem(seconds: float, silent: bool, stopped: bool, expected_seconds: float) -> str | None:
    """What is wrong with an output of that length, in words, or None."""
    if silent:
        return "the output is silent"
    if not stopped:
        return f"the speech did not end by itself within {seconds:.1f} s and was cut there"
    if seconds < TOO_SHORT_SHARE * expected_seconds:
        return f"the speech ended after {seconds:.1f} s where about {expected_seconds:.1f} s were expected"
    return None


def attempt_seeds(seed: int | None, temperature: float, retries: int) -> list[int]:
    """A seed for each attempt; seed None: the first is drawn. At temperature 0 there is one attempt: another seed would
    give the same samples."""
    first = int(torch.Generator().seed()) >> 1 if seed is None else seed
    return [attempt_seed(first, attempt) for attempt in range(1 if temperature == 0 else 1 + retries)]
