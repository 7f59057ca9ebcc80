"""What training the continuous and the discrete system has in common: epochs of joined utterances, a curriculum, fading
helpers, and a picture of the attention."""

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ditar.config import BaselineConfig, DistilConfig, DiTARConfig, to_dict
from ditar.config.speech import TextConfig
from ditar.data.codes import CodeStore
from ditar.data.errors import DataError
from ditar.data.examples import JoinedExamples
from ditar.data.latents import LatentEntry, LatentStore
from ditar.nn.precision import autocast
from ditar.storage.digests import digest_lines
from ditar.train.checkpoint import start_from
from ditar.train.tracker import Tracker

VALIDATION_BATCHES = 4
# Units (patches times noise draws, or frames) in one validation pass: a batch of the published sizes has 240,000, more
# than one attention call takes on a GPU, and more than most memories hold.
UNITS_AT_ONCE = 8192

Shares = list[tuple[int, dict[str, float]]]  # (validation batch, what some of its rows add to its figures)


def of_corpus(store: LatentStore, rate_hz: float, max_seconds: float, before: TextConfig | None) -> dict[str, Any]:
    """What a checkpoint keeps of its data, for synthesis: seconds_per_symbol, trained_symbols, trained_languages,
    trained_seconds.

    `before`: the configuration of the model to start from; if what that one heard is unknown, it stays unknown.
    """
    entries = store.entries
    heard, languages = {symbol for entry in entries for symbol in entry.symbols}, set(store.languages)
    if before is not None:
        heard = heard | set(before.trained_symbols) if before.trained_symbols else set()
        known = languages and before.trained_languages
        languages = languages | set(before.trained_languages) if known else set()
    return {
        "seconds_per_symbol": round(
            sum(e.frames for e in entries) / rate_hz / sum(len(e.symbols) for e in entries), 4
        ),
        "trained_symbols": tuple(sorted(heard)),
        "trained_languages": tuple(sorted(languages)),
        "trained_seconds": max_seconds,
    }


def check_channels(store: LatentStore, channels: int) -> None:
    """DataError: latents of another VAE than the model is made for."""
    if len(store.mean) != channels:
        raise DataError(
            f"the latents of {store.folder} have {len(store.mean)} channels, and model.latent_channels is {channels}; "
            "set that to their number, or extract latents with the VAE that the model is for"
        )


def start_from_trained(model: Any, init: Any) -> None:
    """Fine-tuning: the weights of `init`. CheckpointError if the configurations differ, except for what describes the
    corpus and not the weights. A model that attends to its text may learn to read monotonically: what that adds to its
    weights starts new."""
    mine = model.config
    of_data = ("seconds_per_symbol", "trained_symbols", "trained_languages", "trained_seconds")
    kept = {name: getattr(mine, name) for name in of_data}
    if not getattr(init.config, "vae_fingerprint", "another system's"):  # an older model does not say which
        kept["vae_fingerprint"] = mine.vae_fingerprint
    new = ()
    if mine.reads_monotonically and not init.config.reads_monotonically:
        kept["alignment"], new = mine.alignment, ("reading.",)
    start_from(model, init, to_dict(mine), to_dict(replace(init.config, **kept)), new)


class SpeechSystem:
    """The parts of `ditar.train.loop.System` that do not depend on what an utterance consists of. `batches` are the
    training examples, `store` where they come from."""

    config: DiTARConfig | BaselineConfig | DistilConfig
    valid: LatentStore | CodeStore  # the held-out data
    loss: Any  # DiTARLoss or TokenLoss, with `helpers` or None, or DistillationLoss, which has none

    def __init__(
        self, config: DiTARConfig | BaselineConfig | DistilConfig, batches: JoinedExamples, also: Iterable[str]
    ):
        """`also`: what else identifies the training data, besides the lines of its index. DataError: no symbol has
        times, and the model reads in step with them, so that nothing would be trained."""
        if batches.monotonic and not any(entry.timed for entry in batches.store.entries):
            raise DataError(
                f"no utterance of {batches.store.folder} has times of its symbols, from which a model that reads "
                "monotonically learns; find them before the latents are extracted (--align true of the recipes, or "
                "recipes/align_phones.py), or train with model.alignment attention"
            )
        self.config, self.batches = config, batches
        self.data_digest = digest_lines([*(e.line.decode() for e in batches.store.entries), *also])
        self.more_digests = {"held-out data": digest_lines(e.line.decode() for e in self.valid.entries)}
        self.steps_place_data = config.data.curriculum_until > 0
        self.epoch_starts = [0]  # the first batch of each epoch, as far as known
        self._computable: Any = None  # the last batch of this rank that had rows
        helpers = getattr(self.loss, "helpers", None)
        fading = helpers is not None and config.loss.helper_until > 0 and config.loss.phoneme_weight > 0
        self.sometimes_unused = fading
        self.never_used = () if helpers is None or fading else (helpers,)

    def tell_left_out(self) -> None:
        """Say on standard error which utterances are too long or too short for training, and how many lack times."""
        most, entries = self.config.data.max_seconds, self.batches.store.entries
        if left_out := self.batches.left_out(most):
            unit = "a patch" if self.batches.grid.unit_frames > 1 else "a frame"
            print(
                f"{len(left_out)} of {len(entries)} utterances are left out (longer than data.max_seconds, {most:g} s, "
                f"or shorter than {unit}): {', '.join(left_out[:5])} ...",
                file=sys.stderr,
            )

        if self.batches.monotonic and (untimed := sum(not entry.timed for entry in entries)):
            print(
                f"{untimed} of {len(entries)} utterances have no times of their symbols: they serve as references only",
                file=sys.stderr,
            )

    def helper_scale(self, step: int) -> float:
        """1 for most of the helped part of the run, falling to 0 over its last third."""
        end = self.config.loss.helper_until * self.config.optimiser.steps
        return 0.0 if end == 0 else float(np.clip(3.0 * (1.0 - step / end), 0.0, 1.0))

    def phases(self, step: int) -> tuple[str, ...]:
        """One."""
        return ("model",)

    def batch(self, step: int, part: int, phases: tuple[str, ...], rank: int = 0, ranks: int = 1) -> Any:
        """This rank's rows of the next batch of the epoch in which this step falls."""
        index = step * self.config.optimiser.accumulation + part
        starts = self.epoch_starts
        while starts[-1] <= index:  # the next epoch's length is only known from its plan
            starts.append(starts[-1] + len(self.batches.plan(len(starts) - 1, self._limit(starts[-1]))))
        epoch = bisect_right(starts, index) - 1
        place = epoch, index - starts[epoch], self._limit(starts[epoch])
        batch = self.batches.batch(*place, rank, ranks)
        if batch.examples:
            self._computable = batch
            return batch
        # More ranks than examples, lanes that have ended or shards that are left out: every rank must take part in every
        # step, so this one computes something for nothing.
        for other in range(ranks):
            if self._computable is None and (theirs := self.batches.batch(*place, other, ranks)).examples:
                self._computable = theirs
        if self._computable is None:
            raise DataError(f"no utterance of the batch of step {step} can be read; repair the shards that are left out")
        return replace(self._computable, utterances=[])

    def _limit(self, index: int) -> float:
        """Longest example in seconds (the curriculum) of an epoch that begins at this batch."""
        data, optimiser = self.config.data, self.config.optimiser
        end = data.curriculum_until * optimiser.steps * optimiser.accumulation
        share = 1.0 if end == 0 else min(1.0, index / end)
        return data.first_seconds + share * (data.max_seconds - data.first_seconds)

    def over_validation(
        self,
        batches: JoinedExamples,
        device: torch.device,
        compute: Callable[[Any, slice], dict[str, Tensor]],
        rank: int,
        ranks: int,
        draws: int = 1,
    ) -> Shares:
        """This rank's part of the first validation batches, always the same, in the precision of training.

        `compute(batch, rows)` returns what these rows add to the figures of the batch: sums over them, divided by the
        counts of the whole batch. A batch is cut into pieces that fit, each with rows rows.start::rows.step.
        """
        limit, found = self.config.data.max_seconds, []
        for position in range(min(VALIDATION_BATCHES, len(batches.plan(0, limit)))):
            batch = batches.batch(0, position, limit)
            rows = len(batch.symbol_counts)
            pieces = max(ranks, -(-batches.grid.batch_units * draws // UNITS_AT_ONCE))
            for first in range(rank, min(pieces, rows), ranks):
                with autocast(self.config.optimiser.precision, device):
                    shares = compute(batch, slice(first, None, pieces))
                found.append((position, {name: value.item() for name, value in shares.items()}))
        return found

    def figures(self, found: Shares) -> dict[str, float]:
        """What all ranks found, summed over the rows of each batch: means over batches; a figure that some batches lack
        is averaged over the others."""
        sums: dict[str, dict[int, float]] = {}
        for position, shares in found:
            for name, value in shares.items():
                of_batch = sums.setdefault(name, {})
                of_batch[position] = of_batch.get(position, 0.0) + value
        return {name: sum(values.values()) / len(values) for name, values in sums.items()}

    @staticmethod
    def another_text(batches: JoinedExamples, batch: Any) -> LatentEntry | None:
        """For a batch of one row, to which no other row can lend its text: the utterance of the store with another text
        and the nearest number of symbols; None if all say the same."""
        ids = batch.symbol_ids[0, : int(batch.symbol_counts[0])].tolist()
        others = (e for e in batches.store.entries if [batches.ids[symbol] for symbol in e.symbols] != ids)
        others = (e for e in others if e.utt not in batch.utterances)
        return min(others, key=lambda e: abs(len(e.symbols) - len(ids)), default=None)

    def export(self, model: Any, folder: Path) -> None:
        """Write what the model's `from_pretrained` reads."""
        model.save_pretrained(folder)


def plot_attention(tracker: Tracker, step: int, maps: Tensor, spoken: Tensor) -> None:
    """The head that attends most to what is spoken: maps (heads, N, L) of one row, spoken (N, L) bool."""
    mass = (maps * spoken).sum(dim=(1, 2))
    best = maps[mass.argmax()]
    tracker.image("attention", best / best.max(), step)
    tracker.scalars({"sample/attention_on_spoken": float(mass.max() / max(1, spoken.any(-1).sum()))}, step)
