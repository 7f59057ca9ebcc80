"""Training examples of DiTAR from latents on disk: joined utterances, random grid phase, buckets by length.

The plan of an epoch is a pure function of (seed, epoch, length limit), and an example of (seed, epoch, position):
nothing has to be replayed when a run resumes.
"""

import functools
import unicodedata
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from ditar.config import DiTARDataConfig
from ditar.data.errors import DataError
from ditar.data.latents import LatentEntry, LatentStore
from ditar.units import LATENT_RATE_HZ, frames_to_patches, seconds_to_frames

NO_TARGET = -100  # cross-entropy's "ignore" value


@dataclass(frozen=True)
class DiTARBatch:
    """Padded examples.

    symbol_ids (B, L) padded with 0, symbol_counts (B,); latents (B, N, P, C) normalised, padded with 0, patch_counts
    (B,). For the helpers of small models: frame_symbols (B, N, P), the id of the symbol spoken in each frame, the
    number of symbols where it is silent, NO_TARGET where it is unknown; spoken (B, N, L) bool, symbols that patch i
    speaks.
    """

    symbol_ids: torch.Tensor
    symbol_counts: torch.Tensor
    latents: torch.Tensor
    patch_counts: torch.Tensor
    frame_symbols: torch.Tensor
    spoken: torch.Tensor
    utterances: list[str]

    def to(self, device: torch.device) -> "DiTARBatch":
        """The same on another device."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in moved.items() if isinstance(v, torch.Tensor)})


@dataclass(frozen=True)
class _Example:
    symbols: list[str]
    times: list[list[float] | None]  # seconds, in the example
    aligned: bool
    latents: torch.Tensor  # (T, C)
    utterances: list[str]


@functools.cache
def is_letter(symbol: str) -> bool:
    """Whether a symbol is a speech sound of its own (not stress, length, a diacritic, punctuation or a space)."""
    return len(symbol) == 1 and unicodedata.category(symbol) in ("Ll", "Lo", "Lu")


class DiTARBatches:
    """Batches of a latent store. `patch_frames` is P; `symbol_ids` maps a symbol to its id, `silence_id` marks frames
    in which nothing is spoken."""

    def __init__(
        self, store: LatentStore, config: DiTARDataConfig, patch_frames: int, symbols: tuple[str, ...], seed: int
    ):
        self.store, self.config, self.patch_frames, self.seed = store, config, patch_frames, seed
        self.ids = {symbol: number for number, symbol in enumerate(symbols)}
        self.silence_id = len(symbols)
        unknown = sorted({s for e in store.entries for s in e.symbols if s not in self.ids})
        if unknown:
            raise DataError(f"symbols {unknown} of the index are not in the model's vocabulary; extract latents again")
        self._plans: dict[tuple[int, float], list[list[tuple[int, ...]]]] = {}

    def plan(self, epoch: int, limit_seconds: float) -> list[list[tuple[int, ...]]]:
        """Batches of one epoch: lists of examples, each a tuple of entry numbers; no utterance twice."""
        key = (epoch, limit_seconds)
        if key not in self._plans:
            self._plans.clear()  # one epoch at a time is in use
            self._plans[key] = self._make_plan(np.random.default_rng([self.seed, epoch]), limit_seconds)
        return self._plans[key]

    def _make_plan(self, random: np.random.Generator, limit_seconds: float) -> list[list[tuple[int, ...]]]:
        entries, limit = self.store.entries, seconds_to_frames(limit_seconds)
        waiting: dict[str, list[int]] = {}
        examples: list[tuple[int, ...]] = []
        for index in random.permutation(len(entries)):
            entry = entries[index]
            if entry.frames > limit:
                continue
            group = waiting.setdefault(entry.speaker, [])
            if not group and random.random() >= self._single_to_joined():
                examples.append((int(index),))
                continue
            if group and sum(entries[i].frames for i in group) + entry.frames > limit:
                examples.append(tuple(group))
                group.clear()
            group.append(int(index))
            if len(group) == 3 or (len(group) == 2 and random.random() < 0.7):
                examples.append(tuple(group))
                group.clear()
        examples += [tuple(g) for g in waiting.values() if g]
        lengths = np.array([sum(entries[i].frames for i in e) for e in examples], dtype=np.float64)
        # A little noise on the lengths: buckets stay tight and their make-up still differs between epochs.
        order = np.argsort(lengths * random.uniform(0.9, 1.1, len(examples)))
        batches, batch, longest = [], [], 0
        for position in order:
            patches = frames_to_patches(int(lengths[position]), self.patch_frames) + 1
            longest = max(longest, patches)
            if batch and longest * (len(batch) + 1) > self.config.batch_patches:
                batches.append(batch)
                batch, longest = [], patches
            batch.append(examples[position])
        batches.append(batch)
        return [batches[i] for i in random.permutation(len(batches))]

    def _single_to_joined(self) -> float:
        # A joined example uses 2.3 utterances on average, a single one 1; the configured share counts examples.
        joined = 2.3 * self.config.joined_share
        return joined / (joined + 1.0 - self.config.joined_share)

    def batch(self, epoch: int, position: int, limit_seconds: float) -> DiTARBatch:
        """Batch `position` of an epoch's plan."""
        plan = self.plan(epoch, limit_seconds)
        random = np.random.default_rng([self.seed, epoch, position])
        return self.collate([self._example(e, random) for e in plan[position]])

    def _example(self, indices: tuple[int, ...], random: np.random.Generator) -> _Example:
        symbols: list[str] = []
        times: list[list[float] | None] = []
        pieces: list[torch.Tensor] = []
        frames = 0
        entries = [self.store.entries[i] for i in indices]
        for number, entry in enumerate(entries):
            latents = self.store.latents(entry.utt)
            if number == 0:
                cut = int(random.integers(self.config.crop_frames)) if self.config.crop_frames else 0
                latents, offset = latents[cut:], -cut
            else:
                symbols.append(" ")
                times.append(None)
                offset = frames
            symbols += entry.symbols
            times += [
                None if t is None else [t[0] + offset / LATENT_RATE_HZ, t[1] + offset / LATENT_RATE_HZ]
                for t in entry.times or [None] * len(entry.symbols)
            ]
            if number < len(entries) - 1:
                latents = self._end_with_pause(latents, entry, random, cut if number == 0 else 0)
            pieces.append(latents)
            frames += len(latents)
        latents = torch.cat(pieces)
        whole = frames_to_patches(len(latents), self.patch_frames) * self.patch_frames
        return _Example(symbols, times, all(e.times for e in entries), latents[:whole], [e.utt for e in entries])

    def _end_with_pause(self, latents: torch.Tensor, entry: LatentEntry, random, cut: int) -> torch.Tensor:
        """Cut or lengthen the silence behind the last sound, so that a pause stands before the next utterance."""
        ends = [t[1] for t in entry.times or [] if t]
        if not ends:
            return latents
        pause = seconds_to_frames(random.uniform(*self.config.pause_seconds))
        wanted = seconds_to_frames(max(ends)) - cut + pause
        if wanted <= len(latents):
            return latents[:wanted]
        return torch.cat([latents, latents[-1:].expand(wanted - len(latents), -1)])

    def collate(self, examples: list[_Example]) -> DiTARBatch:
        """Pad examples to one batch and place the helpers' targets."""
        rows, patch = len(examples), self.patch_frames
        most_symbols = max(len(e.symbols) for e in examples)
        most_patches = max(len(e.latents) for e in examples) // patch
        channels = examples[0].latents.shape[1]
        ids = torch.zeros(rows, most_symbols, dtype=torch.long)
        latents = torch.zeros(rows, most_patches * patch, channels)
        # numpy, since thousands of single writes into a tensor would take as long as the LM
        frame_symbols = np.full((rows, most_patches * patch), NO_TARGET)
        spoken = np.zeros((rows, most_patches, most_symbols), dtype=bool)
        for row, example in enumerate(examples):
            ids[row, : len(example.symbols)] = torch.tensor([self.ids[s] for s in example.symbols])
            frames = len(example.latents)
            latents[row, :frames] = example.latents
            if not example.aligned:
                continue
            frame_symbols[row, :frames] = self.silence_id
            for place, (symbol, time) in enumerate(zip(example.symbols, example.times)):
                if time is None or time[1] <= 0:
                    continue
                first = max(0, seconds_to_frames(time[0]))
                last = min(frames, max(first + 1, seconds_to_frames(time[1])))
                if first < frames and is_letter(symbol):
                    frame_symbols[row, first:last] = self.ids[symbol]
                    spoken[row, first // patch : (last - 1) // patch + 1, place] = True
        return DiTARBatch(
            symbol_ids=ids,
            symbol_counts=torch.tensor([len(e.symbols) for e in examples]),
            latents=latents.view(rows, most_patches, patch, channels),
            patch_counts=torch.tensor([len(e.latents) // patch for e in examples]),
            frame_symbols=torch.from_numpy(frame_symbols).view(rows, most_patches, patch),
            spoken=torch.from_numpy(spoken),
            utterances=[u for e in examples for u in e.utterances],
        )
