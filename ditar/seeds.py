"""Seeds of the parts of a whole, and what tells whether two wholes are one."""

import hashlib
import json
from typing import Any


def seed_of(seed: int, name: str) -> int:
    """The seed of a part of a whole: the first 4 bytes, big-endian, of SHA-256 of "SEED NAME". Whatever else is spoken
    beside it, and in which order, a part sounds the same."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big")


def fingerprint(value: Any) -> str:
    """16 hexadecimal digits of plain values (what JSON has), whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]
