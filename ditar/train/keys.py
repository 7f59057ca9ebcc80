"""Random generators that are functions of what they are for, so that nothing about randomness has to be saved or
replayed; and a fingerprint of data."""

import hashlib
from collections.abc import Iterable, Sequence

import torch


def keyed_generators(seed: int, step: int, names: Sequence[str]) -> list[torch.Generator]:
    """One generator on the CPU for each name, keyed by (seed, step, name): the same on any rank and after a resume."""
    made = []
    for name in names:
        digest = hashlib.blake2b(f"{seed} {step} {name}".encode(), digest_size=8).digest()
        made.append(torch.Generator().manual_seed(int.from_bytes(digest, "little", signed=True)))
    return made


def fingerprint(lines: Iterable[str]) -> str:
    """A short hash that two data sets share only when these lines of theirs are the same."""
    digest = hashlib.blake2b(digest_size=12)
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
