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
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from ditar.data.errors import DataError
from ditar.data.shard_urls import fetch, is_file, locate
from ditar.data.tables import read_languages

READERS = 4  # threads that read shards ahead
REMEDY = "extract latents again (stage 3); training leaves it out with --skip-bad-shards"


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
    def timed(self) -> bool:
        """Whether `times` are known, without parsing them."""
        return b'"times": null' not in self.line  # in a text its quotation marks would be escaped

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


class ShardError(DataError):
    """A shard that is missing, cut short or damaged; the message names it and the remedy."""


class LatentStore:
    """Normalised latents of a folder by utterance.

    `entries` is the index, `shards` the names of the shards, and `languages` those of the texts, if they are known. The
    tensors (float16, 18 MB for an hour of speech) of the shards named to `hold` are in memory, and one more shard. Made
    for a single thread that asks.

    `urls`: where the shards are, as in ditar.data.shard_urls; None: in the folder. `skip_bad`: a shard that cannot be
    read is told on standard error, once, and its utterances are left out wherever `readable` is asked; otherwise it is a
    ShardError, at once if a file does not exist and else when it is read.
    """

    def __init__(
        self,
        folder: str | Path,
        mean: torch.Tensor,
        std: torch.Tensor,
        urls: Sequence[str] | None = None,
        skip_bad: bool = False,
    ):
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
        self.skip_bad, self._told = skip_bad, set()
        self._count = Counter(self._shard_of.values())
        self._places = {shard: str(self.folder / "shar" / shard) for shard in self.shards}
        if urls is not None:
            self._places = locate(self.shards, urls)
        for place in self._places.values():
            if not skip_bad and is_file(place) and not Path(place).is_file():
                raise ShardError(f"{place} of the index does not exist; {REMEDY}")
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
            work = iter([(self._places[shard], self._count[shard], future) for shard, future in missing.items()])
            turn = threading.Lock()
            for _ in range(min(READERS, len(missing))):
                threading.Thread(target=_read_in_turn, args=(work, turn), daemon=True).start()

    def readable(self, utt: str) -> bool:
        """Whether an utterance can be read, which reads its shard. Never False without `skip_bad`: then ShardError."""
        try:
            self._tensors(utt)
        except ShardError as error:
            if not self.skip_bad:
                raise
            if (shard := self._shard_of[utt]) not in self._told:
                self._told.add(shard)
                print(f"left out, with its {self._count[shard]} utterances: {error}", file=sys.stderr)
            return False
        return True

    def latents(self, utt: str) -> torch.Tensor:
        """(T, C), float32, normalised. ShardError names a shard that cannot be read."""
        return (torch.from_numpy(self._tensors(utt)[utt].astype(np.float32)) - self.mean) / self.std

    def _tensors(self, utt: str) -> dict[str, np.ndarray]:
        shard = self._shard_of[utt]
        if shard in self._held:
            tensors = self._held[shard].result()
        else:
            if self._aside[0] != shard:
                self._aside = shard, _read_shard(self._places[shard], self._count[shard])
            tensors = self._aside[1]
        if utt not in tensors:
            raise ShardError(f"{self._places[shard]} has no latents of {utt!r}; {REMEDY}")
        return tensors


def _read_in_turn(work: Iterator[tuple[str, int, Future]], turn: threading.Lock) -> None:
    """What one of several threads does, each with the next shard that nobody has begun: one slow disk does not keep the
    others waiting."""
    while True:
        with turn:
            place, count, future = next(work, (None, 0, None))
        if place is None:
            return
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(_read_shard(place, count))
        except Exception as error:  # belongs to the thread that asks for the result
            future.set_exception(error)


def _read_shard(place: str, count: int) -> dict[str, np.ndarray]:
    """Tensors (T, C), float16, by utterance: the `<utterance>.npy` of a lhotse Shar archive, read from end to end.
    ShardError: unreadable, no numbers in it, or not `count` utterances: an archive may be cut between two of them, where
    it looks whole."""
    tensors = {}
    try:
        source = {"name": place} if is_file(place) else {"fileobj": io.BytesIO(fetch(place))}
        with tarfile.open(**source) as archive:
            for member in archive:
                if member.name.endswith(".npy"):
                    data = archive.extractfile(member).read()
                    tensors[member.name.removesuffix(".npy")] = np.load(io.BytesIO(data))
    except (OSError, tarfile.TarError, ValueError, EOFError) as error:
        raise ShardError(f"{place} cannot be read ({error}); {REMEDY}") from None
    if broken := [utt for utt, values in tensors.items() if values.dtype.kind == "f" and not np.isfinite(values).all()]:
        raise ShardError(f"{place}: the latents of {broken[0]!r} hold values that are no numbers; {REMEDY}")
    if len(tensors) < count:
        raise ShardError(f"{place} is cut short: it holds {len(tensors)} of the {count} utterances of the index; {REMEDY}")
    return tensors
