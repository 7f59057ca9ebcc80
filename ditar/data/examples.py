"""Training examples from latents or codes on disk: joined utterances, their plan, buckets by length.

The plan of an epoch is a pure function of (seed, epoch, length limit), and an example of (seed, epoch, its first
utterance): a resumed run replays nothing, and neither depends on the number of processes.

A corpus larger than memory is read in windows of shards, in a different order each epoch. Examples and buckets are made
within a window; while one is trained on, the next is read. Where there are several `data.readers`, the shards of an
epoch are dealt to as many lanes, each with windows of its own and an equal part of every batch; ranks share the lanes, so
that each shard is read once, by one rank. No clock decides anything, and no rank asks another.
"""

import functools
import math
import zlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch

from ditar.data.align import Times
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.data.references import ExamplePart, ReferenceOptions, as_reference, shift
from ditar.units import frames_to_patches, seconds_to_frames

# A joined example ends after its second utterance and after each further one with this probability, so that references
# of many lengths are learnt; data.max_seconds ends it as well.
_ENOUGH = 0.6
_JOINED_MEAN = 1 + 1 / _ENOUGH


class ExampleOptions(Protocol):
    """What the data section of a configuration says about examples."""

    joined_share: float
    pause_seconds: tuple[float, float]
    shards_in_memory: int
    readers: int


@dataclass(frozen=True)
class FrameGrid:
    """How frames are counted: `unit_frames` in a unit (a patch; 1 for tokens), `batch_units` in a batch, padding
    included, `rate_hz` frames a second; up to `crop_frames` - 1 leading frames are cut at random."""

    unit_frames: int
    batch_units: int
    rate_hz: float
    crop_frames: int = 0


def take_rows(batch: Any, rows: slice) -> Any:
    """Some rows of a batch that `JoinedExamples.collate` made, padded as they are. `utterances` remain those of all."""
    fields = {name: value[rows] for name, value in vars(batch).items() if name != "utterances"}
    return replace(batch, **fields)


@dataclass(frozen=True)
class _Lane:
    """What one reader contributes to the batches of an epoch: batch p of the epoch is batch p of every lane."""

    batches: list[list[tuple[int, ...]]]
    ends: list[int]  # batches of each window of shards and of all before it
    shards: list[list[str]]  # to hold during a window: its own, and then those of the next

    def at(self, position: int) -> list[tuple[int, ...]]:
        """Its examples in a batch; none if it has ended."""
        return self.batches[position] if position < len(self.batches) else []

    def to_hold(self, position: int) -> list[str]:
        """The shards to hold during a batch. A lane that has ended waits for the next epoch's first window."""
        return self.shards[min(bisect_right(self.ends, position), len(self.shards) - 1)]


@dataclass(frozen=True)
class Example:
    """Utterances of one voice, concatenated. `unaligned`: ranges of frames, from and to, whose symbols are unknown.
    `reference`: how many symbols and frames precede the second of several utterances."""

    symbols: list[str]
    times: list[list[float] | None]  # seconds, in the example
    unaligned: list[tuple[int, int]]
    values: torch.Tensor  # (T, C), latents or codes
    utterances: list[str]
    reference: tuple[int, int] = (0, 0)


class JoinedExamples(ABC):
    """Examples of a store of latents or codes, dealt to batches. `symbols` are the model's, in the order of their ids.
    What is trained defines `collate`."""

    def __init__(
        self,
        store: LatentStore,
        config: ExampleOptions,
        grid: FrameGrid,
        symbols: tuple[str, ...],
        seed: int,
        references: ReferenceOptions | None = None,
        most_per_speaker: int = 0,
        whole_references: bool = False,
    ):
        """`references`: what happens to the first of several utterances; `most_per_speaker`: utterances of a speaker in
        one epoch, others in the next, so that speakers are equally frequent (0: all of them); `whole_references`: the
        first of several utterances ends with a unit, as at synthesis, and with any part of its pause."""
        self.store, self.config, self.grid, self.seed = store, config, grid, seed
        self.references, self.most_per_speaker = references, most_per_speaker
        self.whole_references = whole_references
        self.ids = {symbol: number for number, symbol in enumerate(symbols)}
        self._refuse_unknown_symbols()
        self._members: dict[str, list[int]] = {shard: [] for shard in store.shards}  # shard -> entry numbers
        for index, entry in enumerate(store.entries):
            self._members[entry.shard].append(index)
        self._plans: dict[tuple[int, float], list[_Lane]] = {}

    def _refuse_unknown_symbols(self) -> None:
        known = self.ids.keys()
        bad = {e.utt: set(e.symbols) - known for e in self.store.entries if not known >= set(e.symbols)}
        if bad:
            raise DataError(
                f"the model's vocabulary lacks {sorted(set().union(*bad.values()))}, which {len(bad)} utterances of "
                f"{self.store.folder} hold, {next(iter(bad))!r} the first; extract latents again with --config of this "
                "model, which refuses such utterances or, with --skip-bad, leaves them out"
            )

    def plan(self, epoch: int, limit_seconds: float) -> list[list[tuple[int, ...]]]:
        """Batches of one epoch: lists of examples, each a tuple of entry numbers; no utterance twice, and none missing
        except those that `left_out` names and those beyond `most_per_speaker` of a speaker in a window of shards.
        DataError if nothing is left."""
        lanes = self._plan(epoch, limit_seconds)
        longest = max(len(lane.batches) for lane in lanes)
        return [[example for lane in lanes for example in lane.at(position)] for position in range(longest)]

    def left_out(self, limit_seconds: float) -> list[str]:
        """Utterances that an epoch with this limit omits: longer than the limit, or shorter than a unit."""
        limit = self._frames(limit_seconds)
        return [e.utt for e in self.store.entries if not self.grid.unit_frames <= e.frames <= limit]

    def _plan(self, epoch: int, limit_seconds: float) -> list[_Lane]:
        key = (epoch, limit_seconds)
        if key not in self._plans:
            self._plans.clear()  # only one epoch is in use at a time
            self._plans[key] = self._make_plan(epoch, limit_seconds)
        return self._plans[key]

    def _lanes(self, epoch: int) -> list[list[list[str]]]:
        """The shards in this epoch's order: for each reader, in as few and as equal windows as possible. Where there are
        several of both, each reader's first window is shorter by another share, so that they do not all begin to read at
        the same step."""
        shards, readers = self.store.shards, self.config.readers
        windows = math.ceil(len(shards) / readers / max(1, self.config.shards_in_memory // readers))
        if windows == readers == 1:
            return [[shards]]
        # Each window is drawn from (seed, epoch, its number).
        order = np.random.default_rng([self.seed, epoch, windows]).permutation(len(shards))
        lanes = []
        for reader in range(readers):
            mine, ends = order[reader::readers], windows
            if windows > 1 and readers > 1:
                width = len(mine) / windows
                ends = sorted({round(width * (k + (reader + 1) / readers)) for k in range(windows)} - {0, len(mine)})
            lanes.append([[shards[i] for i in part] for part in np.array_split(mine, ends)])
        return lanes

    def _make_plan(self, epoch: int, limit_seconds: float) -> list[_Lane]:
        lanes = []
        for reader, (windows, later) in enumerate(zip(self._lanes(epoch), self._lanes(epoch + 1), strict=True)):
            batches, ends = [], []
            for number, shards in enumerate(windows):
                members = sorted(index for shard in shards for index in self._members[shard])
                place = [self.seed, epoch, number] + [reader] * (self.config.readers > 1)
                batches += self._plan_window(members, np.random.default_rng(place), limit_seconds)
                ends.append(len(batches))
            following = [*windows[1:], later[0]]
            lanes.append(_Lane(batches, ends, [now + then for now, then in zip(windows, following)]))
        if not any(lane.batches for lane in lanes):
            raise DataError(
                f"none of the {len(self.store.entries)} utterances of {self.store.folder} lasts between a unit and "
                f"{limit_seconds:g} s; raise data.max_seconds and data.first_seconds, or cut the utterances"
            )
        return lanes

    def _plan_window(
        self, members: list[int], random: np.random.Generator, limit_seconds: float
    ) -> list[list[tuple[int, ...]]]:
        entries, limit = self.store.entries, self._frames(limit_seconds)
        waiting: dict[str, list[int]] = {}
        heard: Counter[str] = Counter()
        examples: list[tuple[int, ...]] = []
        for index in random.permutation(members).tolist():
            entry = entries[index]
            if not self.grid.unit_frames <= entry.frames <= limit:
                continue
            heard[entry.speaker] += 1
            if self.most_per_speaker and heard[entry.speaker] > self.most_per_speaker:
                continue
            group = waiting.setdefault(entry.speaker, [])
            if not group and random.random() >= self._single_to_joined():
                examples.append((index,))
                continue
            if group and sum(entries[i].frames for i in group) + entry.frames > limit:
                examples.append(tuple(group))
                group.clear()
            group.append(index)
            if len(group) >= 2 and random.random() < _ENOUGH:
                examples.append(tuple(group))
                group.clear()
        examples += [tuple(g) for g in waiting.values() if g]
        lengths = np.array([sum(entries[i].frames for i in e) for e in examples], dtype=np.float64)
        # A little noise on the lengths: buckets stay tight, but their composition differs between epochs.
        order = np.argsort(lengths * random.uniform(0.9, 1.1, len(examples))).tolist()
        units = [frames_to_patches(int(length), self.grid.unit_frames) + 1 for length in lengths]
        batches = self._buckets(order, units)
        return [[examples[i] for i in batches[number]] for number in random.permutation(len(batches))]

    def _buckets(self, order: list[int], units: list[int]) -> list[list[int]]:
        """Cut `order` into batches of at most so many units each, padding included."""
        most, batches, longest = max(1, self.grid.batch_units // self.config.readers), [], 0
        for one in order:
            longest = max(longest, units[one])
            if not batches or longest * (len(batches[-1]) + 1) > most:
                batches.append([])
                longest = units[one]
            batches[-1].append(one)
        # The last batch takes from the previous one: a remainder of one or two rows would not feed many ranks.
        while len(batches) > 1 and len(batches[-2]) > len(batches[-1]) + 1:
            if max(units[i] for i in (batches[-2][-1], *batches[-1])) * (len(batches[-1]) + 1) > most:
                break
            batches[-1].insert(0, batches[-2].pop())
        return batches

    def _single_to_joined(self) -> float:
        # A single example uses one utterance; the configured share counts examples.
        joined = _JOINED_MEAN * self.config.joined_share
        return joined / (joined + 1.0 - self.config.joined_share)

    def batch(self, epoch: int, position: int, limit_seconds: float, rank: int = 0, ranks: int = 1) -> Any:
        """This rank's rows of batch `position` of an epoch's plan: those of lanes rank::ranks, or of a single lane the
        rows rank::ranks; the same rows for any number of ranks, padded to the longest of those returned. Positions are
        quickest in order, since the next window is read ahead. DataError: more ranks than readers."""
        lanes = self._plan(epoch, limit_seconds)
        if len(lanes) == 1:
            mine, examples = lanes, lanes[0].at(position)[rank::ranks]
        elif ranks > len(lanes):
            raise DataError(f"data.readers is {len(lanes)}, and there are {ranks} ranks to read; give at least as many")
        else:
            mine = lanes[rank::ranks]
            examples = [example for lane in mine for example in lane.at(position)]
        self.store.hold(shard for lane in mine for shard in lane.to_hold(position))
        if self.store.skip_bad:
            examples = [e for e in examples if all(self.store.readable(self.store.entries[i].utt) for i in e)]
        return self.collate([self._example(example, epoch) for example in examples])

    def _example(self, indices: tuple[int, ...], epoch: int) -> Example:
        entries = [self.store.entries[i] for i in indices]
        random = np.random.default_rng([self.seed, epoch, zlib.crc32(entries[0].utt.encode())])
        pieces = [ExamplePart(list(e.symbols), e.times or None, self.store.latents(e.utt)) for e in entries]
        if self.grid.crop_frames:
            cut = min(int(random.integers(self.grid.crop_frames)), len(pieces[0].values) - self.grid.unit_frames)
            earlier = shift(pieces[0].times, -cut / self.grid.rate_hz)
            pieces[0] = replace(pieces[0], times=earlier, values=pieces[0].values[cut:])
        if self.references is not None and len(pieces) > 1:
            pieces[0] = as_reference(pieces[0], self._all_symbols, self.references, self.grid.rate_hz, random)
        return self._join(pieces, [e.utt for e in entries], random)

    def _join(self, pieces: list[ExamplePart], utterances: list[str], random: np.random.Generator) -> Example:
        symbols: list[str] = []
        times: list[list[float] | None] = []
        parts: list[torch.Tensor] = []
        unaligned: list[tuple[int, int]] = []
        frames = 0
        reference = (0, 0)
        for number, piece in enumerate(pieces):
            if number == 1 and self.whole_references:
                spare = frames % self.grid.unit_frames
                parts, times = [parts[0][spare:]], shift(times, -spare / self.grid.rate_hz)
                frames -= spare
                unaligned = [(0, frames) for _ in unaligned]
                pause = 0 if pieces[0].ends_open else frames - self._last_sound(times, frames)
                taken = int(random.integers(pause // self.grid.unit_frames + 1)) * self.grid.unit_frames
                reference = len(symbols) + 1, frames - taken
            if number:
                symbols.append(" ")
                times.append(None)
            symbols += piece.symbols
            times += shift(piece.times, frames / self.grid.rate_hz) or [None] * len(piece.symbols)
            last = number == len(pieces) - 1
            parts.append(piece.values if last else self._end_with_pause(piece, random))
            if not (piece.transcribed and piece.times):
                unaligned.append((frames, frames + len(parts[-1])))
            frames += len(parts[-1])
        values = torch.cat(parts)
        whole = frames_to_patches(len(values), self.grid.unit_frames) * self.grid.unit_frames
        return Example(symbols, times, unaligned, values[:whole], utterances, reference)

    def _last_sound(self, times: Times, frames: int) -> int:
        """The frame after it, `frames` if no times are known."""
        ends = [t[1] for t in times if t]
        return min(frames, max(0, self._frames(max(ends)))) if ends else frames

    def _end_with_pause(self, piece: ExamplePart, random: np.random.Generator) -> torch.Tensor:
        """Cut or lengthen the silence after the last sound, so that a pause precedes the next utterance. Speech that
        was cut off in the middle has none to lengthen."""
        ends = [t[1] for t in piece.times or [] if t]
        if not ends or piece.ends_open:
            return piece.values
        wanted = self._frames(max(ends)) + self._frames(random.uniform(*self.config.pause_seconds))
        if wanted <= len(piece.values):
            return piece.values[:wanted]
        return torch.cat([piece.values, piece.values[-1:].expand(wanted - len(piece.values), -1)])

    @functools.cached_property
    def _all_symbols(self) -> list[tuple[str, ...]]:
        return [entry.symbols for entry in self.store.entries]

    @abstractmethod
    def collate(self, examples: list[Example]) -> Any:
        """Pad examples to one batch; without examples, a batch of no rows."""

    def pad_symbols(self, examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids (B, L) padded with 0, and counts (B,)."""
        ids = torch.zeros(len(examples), max((len(e.symbols) for e in examples), default=0), dtype=torch.long)
        for row, example in enumerate(examples):
            ids[row, : len(example.symbols)] = torch.tensor([self.ids[s] for s in example.symbols])
        return ids, torch.tensor([len(e.symbols) for e in examples], dtype=torch.long)

    def pad_values(self, examples: Sequence[Example], width: int) -> torch.Tensor:
        """Values (B, T, width) padded with 0."""
        values = torch.zeros(len(examples), max((len(e.values) for e in examples), default=0), width)
        for row, example in enumerate(examples):
            values[row, : len(example.values)] = example.values
        return values

    def _frames(self, seconds: float) -> int:
        return seconds_to_frames(seconds, self.grid.rate_hz)
