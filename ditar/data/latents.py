"""Latents on disk: shards of safetensors with one tensor per utterance, and an index of JSON lines.

    <folder>/index.jsonl             utt, speaker, shard, frames, symbols, times, text
    <folder>/shard-00000.safetensors utt -> posterior mean (T, C), float16, not normalised
    <folder>/statistics.safetensors  latent_mean (C,), latent_std (C,): of the training split

`times` holds one [start_s, end_s] or null for each symbol; it is null as a whole where the corpus has no phone times.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ditar.data.errors import DataError

UTTERANCES_PER_SHARD = 2000


@dataclass(frozen=True)
class LatentEntry:
    """One line of the index."""

    utt: str
    speaker: str
    shard: str
    frames: int
    symbols: list[str]
    times: list[list[float] | None] | None
    text: str


class LatentWriter:
    """Writes a folder of latents; `close` writes the index, so a folder with an index is complete."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.entries: list[LatentEntry] = []
        self.pending: dict[str, torch.Tensor] = {}
        self.shards = 0

    def add(self, utt: str, speaker: str, latents: torch.Tensor, symbols: list[str], times, text: str) -> None:
        """One utterance: latents (T, C)."""
        shard = f"shard-{self.shards:05d}.safetensors"
        self.entries.append(LatentEntry(utt, speaker, shard, len(latents), symbols, times, text))
        self.pending[utt] = latents.to(torch.float16).contiguous()
        if len(self.pending) >= UTTERANCES_PER_SHARD:
            self._write_shard()

    def close(self, statistics: dict[str, torch.Tensor] | None = None) -> None:
        """Finish the last shard, the statistics and the index."""
        self._write_shard()
        if statistics is not None:
            _save_beside(statistics, self.folder / "statistics.safetensors")
        partial = self.folder / ".index.partial"
        with open(partial, "w", encoding="utf-8") as file:
            for entry in self.entries:
                file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
        os.replace(partial, self.folder / "index.jsonl")

    def _write_shard(self) -> None:
        if self.pending:
            _save_beside(self.pending, self.folder / f"shard-{self.shards:05d}.safetensors")
            self.pending, self.shards = {}, self.shards + 1


def _save_beside(tensors: dict[str, torch.Tensor], path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial")
    save_file(tensors, partial)
    os.replace(partial, path)


def read_index(folder: str | Path) -> list[LatentEntry]:
    """The index of a folder of latents."""
    path = Path(folder) / "index.jsonl"
    if not path.is_file():
        raise DataError(f"{path} does not exist; extract latents first (stage 3 of the recipe)")
    return [LatentEntry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def read_statistics(folder: str | Path) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, total std), both (C,), that normalise latents."""
    path = Path(folder) / "statistics.safetensors"
    if not path.is_file():
        raise DataError(f"{path} does not exist; extract the latents of the training split with --statistics")
    values = load_file(path)
    return values["latent_mean"], values["latent_std"]


class LatentStore:
    """Normalised latents of a folder by utterance, held in memory as float16 (an hour of speech is 18 MB)."""

    def __init__(self, folder: str | Path, mean: torch.Tensor, std: torch.Tensor):
        folder = Path(folder)
        self.entries = read_index(folder)
        if not self.entries:
            raise DataError(f"{folder} holds no utterance")
        self.tensors: dict[str, torch.Tensor] = {}
        for shard in sorted({e.shard for e in self.entries}):
            self.tensors |= load_file(folder / shard)
        missing = [e.utt for e in self.entries if e.utt not in self.tensors]
        if missing:
            raise DataError(f"{folder}: {len(missing)} utterances of the index have no latents, first {missing[0]!r}")
        self.mean, self.std = mean, std

    def latents(self, utt: str) -> torch.Tensor:
        """(T, C), float32, normalised."""
        return (self.tensors[utt].float() - self.mean) / self.std
