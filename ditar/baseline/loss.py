"""Cross-entropy of the delayed streams on the cells that hold a frame, with help for small models."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.baseline.batch import TextCondition, TokenBatch
from ditar.baseline.lm import TokenLM, TokenOutput
from ditar.baseline.streams import AUDIO, NO_TOKEN
from ditar.config import BaselineLossConfig, ConfigError, StreamsConfig
from ditar.nn.alignment import NO_TARGET, AlignmentHelpers, attention_error


class TokenLoss(nn.Module):
    """Runs the model once and returns its losses. Each kind of streams has a term, the weighted mean of its cells'
    cross-entropies, normalised by the sum of their weights; the loss is the terms' sum. Holds the model and, if used,
    the helpers: the one module that is trained and wrapped."""

    def __init__(self, config: BaselineLossConfig, model: TokenLM, helpers: AlignmentHelpers | None = None):
        super().__init__()
        if (config.phoneme_weight or config.attention_weight) and model.config.text != "prefix":
            raise ConfigError(
                f"phoneme_weight {config.phoneme_weight} and attention_weight {config.attention_weight} need phonemes "
                f"before the audio, and text is {model.config.text!r}; set both to 0"
            )
        if config.condition_dropout and model.config.text not in ("prefix", "cross"):
            raise ConfigError(
                f"condition_dropout {config.condition_dropout} needs a text that can be left out, and text is "
                f"{model.config.text!r}"
            )
        self.config, self.model, self.helpers = config, model, helpers
        self.attention_layer = model.config.lm.layers // 2
        self.pattern = replace(model.streams.pattern, keep_tail=config.keep_tail)
        self._refuse_untrained_ends()

    def _refuse_untrained_ends(self) -> None:
        """ConfigError if the end of streams, their last frame, is never among the cells that carry loss."""
        symmetric = self.config.mask == "symmetric"
        tail = self.pattern.max_delay if self.config.keep_tail else 0  # steps after the last frame, without delay
        for kind in self.model.streams.predicted:
            delay = kind.delays[0]
            if kind.end_id is not None and delay * (2 if symmetric else 1) > tail:
                raise ConfigError(
                    f"streams {kind.name!r} would never learn to end: with a delay of {delay}, keep_tail "
                    f"{self.config.keep_tail} and mask {self.config.mask} their last frame carries no loss; keep the "
                    "tail, and the mask a staircase"
                )

    def cells(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """Delayed tokens (B, Q, 1 + S), and the weight of each cell of the S steps after the leading one, (B, Q, S)
        float32: 0 for cells without a frame or token, and for streams that are not predicted."""
        streams, counts = self.model.streams, batch.frame_counts
        streams.check(batch.tokens)
        delayed = self.pattern.apply(streams.fill(batch.tokens, counts))
        valid = self.pattern.masks(counts, delayed.shape[2], self.config.mask == "symmetric") & (delayed != NO_TOKEN)
        if batch.loss_from is not None:
            steps = torch.arange(delayed.shape[2], device=delayed.device) - 1
            frames = steps - torch.tensor(self.pattern.delays, device=delayed.device)[:, None]
            valid = valid & (frames >= batch.loss_from[:, None, None])
        per_stream = [w * kind.predicted for kind in streams.kinds for w in kind.weights]
        weights = valid * torch.tensor(per_stream, dtype=torch.float32, device=valid.device)[:, None]
        for kind in streams.predicted:
            part = streams.slices[kind.name]
            is_pad = torch.isin(delayed[:, part], torch.tensor(kind.pad_ids, device=delayed.device))
            weights[:, part] = torch.where(is_pad, weights[:, part] * kind.pad_weight, weights[:, part])
        return delayed, weights[..., 1:]

    def counts(self, batch: TokenBatch) -> Tensor:
        """What losses and accuracies are averaged over, float64: the sum of weights of each predicted kind, the cells
        of each predicted stream that carry loss, and for the helpers the frames with a known symbol and those that
        speak.

        Summed over processes and accumulated batches, it makes their losses add up to that of the whole batch.
        """
        return self._counts(batch, self.cells(batch)[1])

    def _counts(self, batch: TokenBatch, weights: Tensor) -> Tensor:
        parts = [weights[:, self.model.streams.slices[kind.name]] for kind in self.model.streams.predicted]
        sums = [part.double().sum() for part in parts]
        helped = torch.zeros(2, dtype=torch.float64, device=weights.device)
        if batch.alignment is not None:
            helped[0] = (batch.alignment.frame_symbols != NO_TARGET).sum()
            helped[1] = batch.alignment.spoken.any(-1).sum()
        return torch.cat((torch.stack(sums), *((part > 0).sum(dim=(0, 2)).double() for part in parts), helped))

    def forward(
        self,
        batch: TokenBatch,
        generators: Sequence[torch.Generator] = (),
        counts: Tensor | None = None,
        helper_scale: float = 0.0,
    ) -> dict[str, Tensor]:
        """Scalars: `loss`, the sum to minimise; for each predicted kind its term by its name, and
        `accuracy_<name>_<number>`, the share of a stream's cells whose most likely token is right; with helpers
        `phoneme` and `attention`.

        `generators`: one a row, on the CPU, for leaving texts out and for noise. `counts`: what to divide by, this
        batch's own if None. `helper_scale` in [0, 1] fades the helpers out; at 0 they are not computed. ValueError
        quotes both if a token cannot be predicted.
        """
        delayed, weights = self.cells(batch)
        *divide, known, speaking = (self._counts(batch, weights) if counts is None else counts).tolist()
        kinds = self.model.streams.predicted
        totals, cells = divide[: len(kinds)], iter(divide[len(kinds) :])
        condition = self._condition(batch, generators)
        helped = self.helpers is not None and helper_scale > 0 and batch.alignment is not None
        keep = (self.attention_layer,) if helped and self.config.attention_weight else ()
        output = self.model(self._with_noise(batch, delayed, generators), condition, keep)
        losses, total = {}, 0.0
        for kind, sum_of_weights in zip(kinds, totals):
            part = self.model.streams.slices[kind.name]
            weight, target = weights[:, part], delayed[:, part, 1:]
            chosen = weight > 0  # (B, its streams, S)
            logits, right = output.logits[kind.name][chosen], target[chosen]  # (M, V), (M,)
            _check_targets(kind, right)
            error = F.cross_entropy(logits.float(), right, reduction="none")
            losses[kind.name] = (error * weight[chosen]).sum() / (sum_of_weights or 1.0)
            total = total + losses[kind.name]
            with torch.no_grad():
                hits = torch.zeros(chosen.shape, dtype=torch.bool, device=chosen.device)
                hits[chosen] = logits.argmax(-1) == right
                for number, hit in enumerate(hits.sum(dim=(0, 2))):
                    losses[f"accuracy_{kind.name}_{number}"] = hit / max(1.0, next(cells))
        if helped:
            for name, value in self._helpers(batch, condition, output, max(1.0, known), max(1.0, speaking)).items():
                losses[name] = value
                total = total + helper_scale * getattr(self.config, f"{name}_weight") * value
        return {"loss": total, **losses}

    def _helpers(
        self, batch: TokenBatch, condition: TextCondition, output: TokenOutput, known: float, speaking: float
    ) -> dict[str, Tensor]:
        """`phoneme` and `attention` at the places that predict a frame's first codebook, in rows with a text."""
        steps, delay = output.hidden.shape[1], self.model.streams[AUDIO].delays[0]
        frames = slice(delay, min(steps, delay + batch.alignment.frame_symbols.shape[1]))
        targets = batch.alignment.frame_symbols[:, : frames.stop - delay]
        spoken = batch.alignment.spoken[:, : frames.stop - delay]
        if condition.keep is not None:
            targets = targets.masked_fill(~condition.keep[:, None], NO_TARGET)
            spoken = spoken & condition.keep[:, None, None]
        losses = {}
        if self.config.phoneme_weight:
            losses["phoneme"] = self.helpers(output.hidden[:, frames], targets[..., None]) / known
        if self.config.attention_weight:
            query, key = output.kept[self.attention_layer]
            kept = query[:, :, query.shape[2] - steps :][:, :, frames], key
            error = attention_error(kept, self.config.attention_heads, condition.counts, spoken)
            losses["attention"] = error / speaking
        return losses

    def _with_noise(self, batch: TokenBatch, delayed: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """What the LM reads: delayed tokens, some of whose codes are drawn anew, as sampling errs in generation."""
        if not self.config.token_noise:
            return delayed
        self._require_generators(batch, generators)
        kind, tokens = self.model.streams[AUDIO], batch.tokens.clone()
        part = self.model.streams.slices[AUDIO]
        for row, count, generator in zip(tokens[:, part], batch.frame_counts.tolist(), generators):
            shape, codes = (len(row), count), row[:, :count]
            share = self.config.token_noise * torch.rand((), generator=generator, device="cpu")
            drawn = torch.randint(kind.card, shape, generator=generator, device="cpu").to(codes.device)
            anew = (torch.rand(shape, generator=generator, device="cpu") < share).to(codes.device)
            is_code = (codes >= kind.first_code) & (codes < kind.first_code + kind.card)
            row[:, :count] = torch.where(anew & is_code, kind.first_code + drawn, codes)
        return self.pattern.apply(self.model.streams.fill(tokens, batch.frame_counts))

    def _require_generators(self, batch: TokenBatch, generators: Sequence[torch.Generator]) -> None:
        if len(generators) != len(batch.tokens):
            raise ValueError(f"{len(generators)} generators for a batch of {len(batch.tokens)}; give one for each row")

    def _condition(self, batch: TokenBatch, generators: Sequence[torch.Generator]):
        share = self.config.condition_dropout
        if not share or batch.condition is None:
            return batch.condition
        self._require_generators(batch, generators)
        keep = torch.tensor([torch.rand((), generator=g, device="cpu").item() >= share for g in generators])
        return replace(batch.condition, keep=keep.to(batch.tokens.device))


def _check_targets(kind: StreamsConfig, targets: Tensor) -> None:
    never = torch.tensor(kind.never, dtype=targets.dtype, device=targets.device)
    bad = (targets >= kind.outputs) | torch.isin(targets, never)
    if bad.any():
        also = f" without {list(kind.never)}" if kind.never else ""
        raise ValueError(
            f"id {int(targets[bad][0])} is to be predicted and the streams {kind.name!r} predict 0 to "
            f"{kind.outputs - 1}{also}; give it no weight, or NO_TOKEN ({NO_TOKEN})"
        )
