"""The plan of an epoch: which utterances make an example, and which examples a batch.

A plan is a pure function of (seed, epoch, length limit): a resumed run replays nothing, and no number of processes
changes it.

A corpus larger than memory is read in windows of shards, in a different order each epoch. Examples and buckets are made
within a window; while one is trained on, the next is read. Where there are several `data.readers`, the shards of an
epoch are dealt to as many lanes, each with windows of its own and an equal part of every batch; ranks share the lanes,
so that each shard is read once, by one rank. No clock decides anything, and no rank asks another.
"""

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.units import frames_to_patches, seconds_to_frames

# A joined example ends after its second utterance and after each further one with this probability, so that references
# of many lengths are learnt; data.max_seconds ends it as well.
_ENOUGH = 0.6


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


@dataclass(frozen=True)
class Lane:
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


class EpochPlans:
    """Which utterances of a store make which example and which batch of which epoch.

    `most_per_speaker`: utterances of a speaker in one epoch, others in the next, so that speakers are equally frequent
    (0: all of them).
    """

    def __init__(
        self, store: LatentStore, config: ExampleOptions, grid: FrameGrid, seed: int, most_per_speaker: int = 0
    ):
        self.store, self.config, self.grid, self.seed = store, config, grid, seed
        self.most_per_speaker = most_per_speaker
        self._members: dict[str, list[int]] = {shard: [] for shard in store.shards}  # shard -> entry numbers
        for index, entry in enumerate(store.entries):
            self._members[entry.shard].append(index)
        self._made: dict[tuple[int, float], list[Lane]] = {}

    def plan(self, epoch: int, limit_seconds: float) -> list[list[tuple[int, ...]]]:
        """Batches of one epoch: lists of examples, each a tuple of entry numbers; no utterance twice, and none missing
        except those that `left_out` names and those beyond `most_per_speaker` of a speaker in a window of shards.
        DataError if nothing is left."""
        lanes = self.lanes(epoch, limit_seconds)
        longest = max(len(lane.batches) for lane in lanes)
        return [[example for lane in lanes for example in lane.at(position)] for position in range(longest)]

    def left_out(self, limit_seconds: float) -> list[str]:
        """Utterances that an epoch with this limit omits: longer than the limit, or shorter than a unit."""
        limit = self._frames(limit_seconds)
        return [e.utt for e in self.store.entries if not self.grid.unit_frames <= e.frames <= limit]

    def lanes(self, epoch: int, limit_seconds: float) -> list[Lane]:
        """What each reader contributes to an epoch's batches. DataError if nothing is left."""
        key = (epoch, limit_seconds)
        if key not in self._made:
            self._made.clear()  # only one epoch is in use at a time
            self._made[key] = self._make_plan(epoch, limit_seconds)
        return self._made[key]

    def windows(self, epoch: int) -> list[list[list[str]]]:
        """The shards in this epoch's order: for each reader, in as few and as equal windows as possible. Where there
        are several of both, each reader's first window is shorter by another share, so that they do not all begin to
        read at the same step."""
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

    def _make_plan(self, epoch: int, limit_seconds: float) -> list[Lane]:
        lanes = []
        for reader, (windows, later) in enumerate(zip(self.windows(epoch), self.windows(epoch + 1), strict=True)):
            batches, ends = [], []
            for number, shards in enumerate(windows):
                members = sorted(index for shard in shards for index in self._members[shard])
                place = [self.seed, epoch, number] + [reader] * (self.config.readers > 1)
                batches += self._plan_window(members, np.random.default_rng(place), limit_seconds)
                ends.append(len(batches))
            following = [*windows[1:], later[0]]
            lanes.append(Lane(batches, ends, [now + then for now, then in zip(windows, following)]))
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
            if not group and random.random() >= self.config.joined_share:
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

    def _frames(self, seconds: float) -> int:
        return seconds_to_frames(seconds, self.grid.rate_hz)
