"""Cross-entropy of the delayed streams on the cells that hold a frame."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.baseline.batch import TokenBatch
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import NO_TOKEN
from ditar.config import BaselineLossConfig, ConfigError, StreamsConfig


class TokenLoss(nn.Module):
    """Runs the model once and returns its losses. Each kind of streams has a term, the weighted mean of its cells'
    cross-entropies, normalised by the sum of their weights; the loss is the terms' sum."""

    def __init__(self, config: BaselineLossConfig, model: TokenLM):
        super().__init__()
        if config.condition_dropout and model.config.text not in ("prefix", "cross"):
            raise ConfigError(
                f"condition_dropout {config.condition_dropout} needs a text that can be left out, and text is "
                f"{model.config.text!r}"
            )
        self.config, self.model = config, model
        self.pattern = replace(model.streams.pattern, keep_tail=config.keep_tail)
        self._refuse_untrained_ends()

    def _refuse_untrained_ends(self) -> None:
        """ConfigError where the end of streams, their last frame, is never among the cells that carry loss."""
        symmetric = self.config.mask == "symmetric"
        tail = self.pattern.max_delay if self.config.keep_tail else 0  # steps behind the last frame, without delay
        for kind in self.model.streams.predicted:
            delay = kind.delays[0]
            if kind.end_id is not None and delay * (2 if symmetric else 1) > tail:
                raise ConfigError(
                    f"streams {kind.name!r} would never learn to end: with a delay of {delay}, keep_tail "
                    f"{self.config.keep_tail} and mask {self.config.mask} their last frame carries no loss; keep the "
                    "tail, and the mask a staircase"
                )

    def cells(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """Delayed tokens (B, Q, 1 + S), and the weight of each cell of the S steps behind the leading one, (B, Q, S)
        float32: 0 where it holds no frame, no token, or a stream that is not predicted."""
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
        """What the losses and accuracies are means over, float64: the sum of weights of each predicted kind, and then
        the cells of each predicted stream that carry loss.

        Summed over processes and accumulated batches it makes their losses add up to the one of the whole batch.
        """
        return self._counts(self.cells(batch)[1])

    def _counts(self, weights: Tensor) -> Tensor:
        parts = [weights[:, self.model.streams.slices[kind.name]] for kind in self.model.streams.predicted]
        sums = [part.double().sum() for part in parts]
        return torch.cat((torch.stack(sums), *((part > 0).sum(dim=(0, 2)).double() for part in parts)))

    def forward(
        self, batch: TokenBatch, generators: Sequence[torch.Generator] = (), counts: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Scalars: `loss`, the sum to minimise; of each predicted kind its term by its name, and
        `accuracy_<name>_<number>`, the share of a stream's cells whose most likely token is the right one.

        `generators`: one a row, on the CPU, for leaving texts out. `counts`: what to divide by, this batch's own when
        None. ValueError quotes both where a token cannot be predicted.
        """
        delayed, weights = self.cells(batch)
        divide = (self._counts(weights) if counts is None else counts).tolist()
        kinds = self.model.streams.predicted
        totals, cells = divide[: len(kinds)], iter(divide[len(kinds) :])
        output = self.model(delayed, self._condition(batch, generators))
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
        return {"loss": total, **losses}

    def _condition(self, batch: TokenBatch, generators: Sequence[torch.Generator]):
        share = self.config.condition_dropout
        if not share or batch.condition is None:
            return batch.condition
        if len(generators) != len(batch.tokens):
            raise ValueError(f"{len(generators)} generators for a batch of {len(batch.tokens)}; give one for each row")
        keep = torch.tensor([torch.rand((), generator=g).item() >= share for g in generators])
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
