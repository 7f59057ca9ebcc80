"""Latents on disk, as training reads them: the index in memory, and the tensors of a few shards at a time.

    <folder>/index.jsonl                 one utterance a line: utt, speaker, shard, frames, symbols, times, text
    <folder>/shar/latents.000000.tar     posterior means (T, C), float16, not normalised, in the order of the index
    <folder>/shar/cuts.000000.jsonl.gz   the same utterances for lhotse: `CutSet.from_shar(in_dir="<folder>/shar")`
    <folder>/statistics.safetensors      latent_mean (C,), latent_std (C,): of the training split
    <folder>/language                    espeak-ng's name of the language of the texts, as stage 1 noted it
    <folder>/skipped                     `<utterance> <reason>` of what was left out, if anything

`times` holds one [start_s, end_s] or null for each symbol; it is null as a whole if the corpus has no phone times. The
shards are lhotse Shar (ditar.data.shards writes them); reading them needs only the standard library and numpy, since
training runs on bare machines.
"""

import io
import json
import sys
import tarfile
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from ditar.data.errors import DataError
from ditar.data.tables import read_languages


@dataclass(frozen=True, slots=True)
class LatentEntry:
    """One line of the index. Phone times and text are parsed when they are asked for: as Python objects an utterance's
    times alone would take as much memory as its latents."""

    utt: str
    speaker: str
    shard: str  # file name under shar/
    frames: int
    symbols: tuple[str, ...]
    line: bytes  # of the index, JSON

    @property
    def times(self) -> list[list[float] | None] | None:
        """[start_s, end_s] or None for each symbol; None if they are unknown."""
        return json.loads(self.line)["times"]

    @property
    def text(self) -> str:
        """What is said."""
        return json.loads(self.line)["text"]


def read_index(folder: str | Path) -> list[LatentEntry]:
    """The index of a folder of latents. DataError if extraction has not finished."""
    path = Path(folder) / "index.jsonl"
    if not path.is_file():
        raise DataError(f"{path} does not exist; extract latents first, or to the end (stage 3 of the recipe)")
    try:
        with open(path, "rb") as file:
            return [_entry(line) for line in file]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not an index of latents ({error!r}); extract latents again (stage 3)") from None


def _entry(line: bytes) -> LatentEntry:
    row = json.loads(line)
    symbols = tuple(map(sys.intern, row["symbols"]))
    return LatentEntry(row["utt"], sys.intern(row["speaker"]), sys.intern(row["shard"]), row["frames"], symbols, line)


def read_statistics(folder: str | Path) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, total std), both (C,), that normalise latents."""
    path = Path(folder) / "statistics.safetensors"
    if not path.is_file():
        raise DataError(f"{path} does not exist; extract the latents of the training split with --statistics")
    values = load_file(path)
    return values["latent_mean"], values["latent_std"]


class LatentStore:
    """Normalised latents of a folder by utterance.

    `entries` is the index, `shards` the names of the shards, and `languages` those of the texts, if they are known. The
    tensors (float16, 18 MB for an hour of speech) of the shards named to `hold` are in memory, and one more shard. Made
    for a single reading thread.
    """

    def __init__(self, folder: str | Path, mean: torch.Tensor, std: torch.Tensor):
        self.folder = Path(folder)
        self.entries = read_index(folder)
        if not self.entries:
            raise DataError(f"{folder} holds no utterance")
        self.mean, self.std = mean, std
        noted = self.folder / "made_from.json"
        self.made_from = noted.read_text(encoding="utf-8") if noted.is_file() else ""  # which VAE and data, as text
        self.languages = read_languages(self.folder)
        self._shard_of = {e.utt: e.shard for e in self.entries}
        self.shards = sorted(set(self._shard_of.values()))
        for shard in self.shards:
            if not self._path(shard).is_file():
                raise DataError(f"{self._path(shard)} of the index does not exist; extract latents again (stage 3)")
        self._held: dict[str, Future] = {}
        self._aside: tuple[str, dict[str, np.ndarray]] = ("", {})

    def hold(self, shards: Iterable[str]) -> None:
        """Keep the tensors of these shards, and of no others, in memory. A background thread reads the missing ones in
        the order given; `latents` waits for the one that it needs."""
        wanted = dict.fromkeys(shards)
        for shard in self._held.keys() - wanted.keys():
            self._held.pop(shard).cancel()
        missing = {shard: Future() for shard in wanted if shard not in self._held}
        if missing:
            self._held |= missing
            work = [(self._path(shard), future) for shard, future in missing.items()]
            threading.Thread(target=_read_in_turn, args=(work,), daemon=True).start()

    def latents(self, utt: str) -> torch.Tensor:
        """(T, C), float32, normalised. DataError names a shard that cannot be read."""
        shard = self._shard_of[utt]
        if shard in self._held:
            tensors = self._held[shard].result()
        else:
            if self._aside[0] != shard:
                self._aside = shard, _read_shard(self._path(shard))
            tensors = self._aside[1]
        if utt not in tensors:
            raise DataError(f"{self._path(shard)} has no latents of {utt!r}; extract latents again (stage 3)")
        return (torch.from_numpy(tensors[utt].astype(np.float32)) - self.mean) / self.std

    def _path(self, shard: str) -> Path:
        return self.folder / "shar" / shard


def _read_in_turn(work: list[tuple[Path, Future]]) -> None:
    for path, future in work:
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(_read_shard(path))
        except Exception as error:  # belongs to the thread that asks for the result
            future.set_exception(error)


def _read_shard(path: Path) -> dict[str, np.ndarray]:
    """Tensors (T, C), float16, by utterance: the `<utterance>.npy` of a lhotse Shar archive, read from end to end."""
    tensors = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.endswith(".npy"):
                    data = archive.extractfile(member).read()
                    tensors[member.name.removesuffix(".npy")] = np.load(io.BytesIO(data))
    except (OSError, tarfile.TarError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}); extract latents again (stage 3)") from None
    return tensors
