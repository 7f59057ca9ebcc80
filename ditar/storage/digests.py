"""Hashes of tensors, of plain values, of lines and of files, which tell whether two things are equal."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # digests without tensors need no torch
    from torch import Tensor


def digest_tensors(tensors: "Iterable[Tensor]") -> str:
    """16 hexadecimal digits of the values of tensors, in order."""
    import torch

    found = hashlib.blake2b(digest_size=8)
    for value in tensors:
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def digest_symbols(symbols: Iterable[str]) -> str:
    """16 hexadecimal digits of symbols, in order."""
    return hashlib.blake2b("\n".join(symbols).encode(), digest_size=8).hexdigest()


def digest_values(value: Any) -> str:
    """16 hexadecimal digits of plain values (what JSON has), whatever the order of their keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]  # which names of files may have


def digest_file(path: Path) -> str:
    """64 hexadecimal digits of the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_lines(lines: Iterable[str]) -> str:
    """24 hexadecimal digits, the same for two data sets only if these lines are the same."""
    found = hashlib.blake2b(digest_size=12)
    for line in lines:
        found.update(line.encode() + b"\n")
    return found.hexdigest()
