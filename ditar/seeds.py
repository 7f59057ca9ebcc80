"""The derivation of every seed: randomness is a function of its purpose, so that no random state has to be kept."""

import hashlib
import zlib
from collections import Counter
from collections.abc import Sequence


def seed_of(seed: int, name: str) -> int:
    """The seed of a part of a whole: the first 4 bytes, big-endian, of SHA-256 of "SEED NAME". A part sounds the same
    whatever else is spoken, and in whatever order."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big")


def piece_seeds(seed: int, texts: Sequence[str]) -> list[int]:
    """The seed of each piece of a long text: of what is said, and of how often it was said before. Adding or changing a
    sentence leaves the sound of the others unchanged."""
    said: Counter[str] = Counter()
    seeds = []
    for text in texts:
        seeds.append(seed_of(seed, f"{said[text]} {text}"))
        said[text] += 1
    return seeds


def text_seeds(seed: int, texts: Sequence[str]) -> list[int]:
    """The seed of each piece of a whole text: `piece_seeds`, or for a single piece the seed itself."""
    return [seed] if len(texts) == 1 else piece_seeds(seed, texts)


def repeat_seed(seed: int, name: str) -> int:
    """The seed of a sentence in one of the repetitions of a sweep: the CRC-32 of "SEED NAME"."""
    return zlib.crc32(f"{seed} {name}".encode())


def attempt_seed(first: int, attempt: int) -> int:
    """The seed of an attempt at the same speech, counted from 0."""
    return (first + attempt * 1_000_003) % 2**63


def keyed_seed(seed: int, step: int, name: str) -> int:
    """The seed (64 bits, signed) of what training draws for `name` in a step: the same on any rank and after a
    resume."""
    digest = hashlib.blake2b(f"{seed} {step} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
