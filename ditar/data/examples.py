"""Training examples from latents or codes on disk: joined utterances, as an epoch's plan deals them to batches.

An example is a pure function of (seed, epoch, its first utterance), so that a resumed run replays nothing; which
utterances it joins, `epoch_plan.py` says.
"""

import functools
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
import torch

from ditar.data.align import Times
from ditar.data.epoch_plan import EpochPlans, ExampleOptions, FrameGrid
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.data.references import ExamplePart, ReferenceOptions, as_reference, shift
from ditar.units import frames_to_patches, seconds_to_frames


def take_rows(batch: Any, rows: slice) -> Any:
    """Some rows of a batch that `JoinedExamples.collate` made, padded as they are. `utterances` remain those of all."""
    fields = {name: value[rows] for name, value in vars(batch).items() if name != "utterances"}
    return replace(batch, **fields)


@dataclass(frozen=True)
class Example:
    """Utterances of one voice, concatenated. `unaligned`: ranges of frames, from and to, whose symbols are unknown.
    `reference`: how many symbols and frames precede the second of several utterances. `poor`: how many frames at the
    start are of a poor recording."""

    symbols: list[str]
    times: list[list[float] | None]  # seconds, in the example
    unaligned: list[tuple[int, int]]
    values: torch.Tensor  # (T, C), latents or codes
    utterances: list[str]
    reference: tuple[int, int] = (0, 0)
    poor: int = 0


class JoinedExamples(ABC):
    """Examples of a store of latents or codes, dealt to batches. `symbols` are the model's, in the order of their ids.
    What is trained defines `collate`."""

    monotonic = False  # whether symbols must have times, since a model reads in step with them

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
        poor: LatentStore | None = None,
    ):
        """`references`: what happens to the first of several utterances; `most_per_speaker`: see
        `EpochPlans`; `whole_references`: the first of several utterances ends with a unit, as at synthesis, and with
        any part of its pause; `poor`: the same utterances as poor recordings, from which the first of several is taken
        in a share `references.reference_poor`. DataError: that share without `poor`, `poor` without the share, or
        other utterances in it, or the very same latents."""
        self.store, self.config, self.grid, self.seed = store, config, grid, seed
        self.references, self.whole_references, self.poor = references, whole_references, poor
        self._check_poor()
        self.ids = {symbol: number for number, symbol in enumerate(symbols)}
        self._refuse_unknown_symbols()
        self.plans = EpochPlans(store, config, grid, seed, most_per_speaker)

    def _refuse_unknown_symbols(self) -> None:
        known = self.ids.keys()
        bad = {e.utt: set(e.symbols) - known for e in self.store.entries if not known >= set(e.symbols)}
        if bad:
            raise DataError(
                f"the model's vocabulary lacks {sorted(set().union(*bad.values()))}, which {len(bad)} utterances of "
                f"{self.store.folder} hold, {next(iter(bad))!r} the first; extract latents again with --config of this "
                "model, which refuses such utterances or, with --skip-bad, leaves them out"
            )

    def _check_poor(self) -> None:
        share = 0.0 if self.references is None else self.references.reference_poor
        if self.poor is None and share > 0:
            raise DataError(
                f"data.reference_poor is {share:g}, and there are no latents of poor recordings; make them with "
                "recipes/extract_latents.py --poor-recordings and give them as --poor, or set it to 0"
            )
        if self.poor is None:
            return
        if share == 0:
            raise DataError(
                f"{self.poor.folder} holds poor recordings, of which data.reference_poor 0 uses none; raise that, or "
                "leave --poor out"
            )
        here, there = ([(e.utt, e.frames, e.shard) for e in store.entries] for store in (self.store, self.poor))
        if here != there:
            other = next((a or b for a, b in zip_longest(here, there) if a != b), None)
            raise DataError(
                f"{self.poor.folder} holds other utterances, or in other shards, than {self.store.folder} "
                f"({other[0]!r} is the first); extract both from the same data directory with the same --shard-size"
            )
        same_maker = bool(self.poor.made_from) and self.poor.made_from == self.store.made_from
        if same_maker or self.poor.folder.resolve() == self.store.folder.resolve():
            raise DataError(
                f"{self.poor.folder} holds no poor recordings: its latents are those of {self.store.folder}; make them "
                "with recipes/extract_latents.py --poor-recordings"
            )

    def plan(self, epoch: int, limit_seconds: float) -> list[list[tuple[int, ...]]]:
        """See `EpochPlans`."""
        return self.plans.plan(epoch, limit_seconds)

    def left_out(self, limit_seconds: float) -> list[str]:
        """See `EpochPlans`."""
        return self.plans.left_out(limit_seconds)

    def batch(self, epoch: int, position: int, limit_seconds: float, rank: int = 0, ranks: int = 1) -> Any:
        """This rank's rows of batch `position` of an epoch's plan: those of lanes rank::ranks, or of a single lane the
        rows rank::ranks; the same rows for any number of ranks, padded to the longest of those returned. Positions are
        quickest in order, since the next window is read ahead. DataError: more ranks than readers."""
        lanes = self.plans.lanes(epoch, limit_seconds)
        if len(lanes) == 1:
            mine, examples = lanes, lanes[0].at(position)[rank::ranks]
        elif ranks > len(lanes):
            raise DataError(f"data.readers is {len(lanes)}, and there are {ranks} ranks to read; give at least as many")
        else:
            mine = lanes[rank::ranks]
            examples = [example for lane in mine for example in lane.at(position)]
        stores = [self.store] if self.poor is None else [self.store, self.poor]
        for store in stores:
            store.hold(shard for lane in mine for shard in lane.to_hold(position))
        if self.store.skip_bad:
            entries = self.store.entries
            examples = [e for e in examples if all(s.readable(entries[i].utt) for i in e for s in stores)]
        return self.collate([self._example(example, epoch) for example in examples])

    def _example(self, indices: tuple[int, ...], epoch: int) -> Example:
        entries = [self.store.entries[i] for i in indices]
        random = np.random.default_rng([self.seed, epoch, zlib.crc32(entries[0].utt.encode())])
        pieces = [ExamplePart(list(e.symbols), e.times or None, self.store.latents(e.utt)) for e in entries]
        if self.poor is not None and len(pieces) > 1 and random.random() < self.references.reference_poor:
            pieces[0] = replace(pieces[0], values=self.poor.latents(entries[0].utt), poor=True)
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
        reference, poor = (0, 0), 0
        for number, piece in enumerate(pieces):
            if number == 1 and self.whole_references:
                spare = frames % self.grid.unit_frames
                parts, times = [parts[0][spare:]], shift(times, -spare / self.grid.rate_hz)
                frames -= spare
                unaligned = [(0, frames) for _ in unaligned]
                pause = 0 if pieces[0].ends_open else frames - self._last_sound(times, frames)
                taken = int(random.integers(pause // self.grid.unit_frames + 1)) * self.grid.unit_frames
                reference = len(symbols) + 1, frames - taken
            if number == 1 and pieces[0].poor:
                poor = frames
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
        return Example(symbols, times, unaligned, values[:whole], utterances, reference, poor)

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
