"""Optimisers, the learning-rate schedule and the running average of the weights."""

import contextlib
import math
import re
from collections.abc import Iterator

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ditar.config import OptimiserConfig
from ditar.train.muon import Muon

BLOCKS = re.compile(r"\.(blocks|convnext)\.")


def build_optimisers(module: nn.Module, config: OptimiserConfig) -> list[torch.optim.Optimizer]:
    """AdamW on everything, or Muon (Jordan 2024) on the matrices of transformer and ConvNeXt blocks, AdamW on the rest.

    Muon's updates are scaled to the size of AdamW's, so that one learning rate serves both. Vectors (norms, biases)
    are not decayed.
    """
    named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    muon = muon_names(module, config)
    groups = [
        {"params": [p for n, p in named if n not in muon and p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for n, p in named if n not in muon and p.ndim < 2], "weight_decay": 0.0},
    ]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([g for g in groups if g["params"]], lr=config.learning_rate, betas=config.betas, fused=True)
    ]
    if muon:
        optimisers.append(
            Muon([p for n, p in named if n in muon], lr=config.learning_rate, weight_decay=config.weight_decay)
        )
    return optimisers


def muon_names(module: nn.Module, config: OptimiserConfig) -> set[str]:
    """The names of the parameters that Muon moves; none if it is not asked for."""
    named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    return {n for n, p in named if config.kind == "muon" and p.ndim == 2 and BLOCKS.search(n)}


def learning_rate(step: int, config: OptimiserConfig) -> float:
    """Learning rate of a step: linear warm-up, then constant or a cosine down to `final_learning_rate`.

    A pure function without state to save; diffusers' `get_scheduler` starts and ends at 0 instead.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.final_learning_rate is None:
        return config.learning_rate
    progress = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    share = 0.5 * (1.0 + math.cos(math.pi * progress))
    return config.final_learning_rate + share * (config.learning_rate - config.final_learning_rate)


def average_decay(updates: int, decay: float) -> float:
    """Of the average of the initial weights and `updates` - 1 later ones: it warms up, so that early averages differ
    from the initial weights."""
    return min(decay, updates / (9 + updates))


class WeightAverage(AveragedModel):
    """Exponential moving average of a module's parameters, with its buffers; its `.module` can be used directly.
    `n_averaged` counts the initial weights and every update."""

    def __init__(self, module: nn.Module, decay: float):
        def follow(averaged: list[torch.Tensor], trained: list[torch.Tensor], counted: torch.Tensor) -> None:
            torch._foreach_lerp_(averaged, trained, 1.0 - average_decay(int(counted), decay))

        super().__init__(module, multi_avg_fn=follow)
        self.eval().requires_grad_(False)
        self.n_averaged += 1

    @contextlib.contextmanager
    def whole(self) -> Iterator[nn.Module]:
        """The averaged module."""
        yield self.module

    def tensors(self) -> dict[str, torch.Tensor]:
        """The average by the names of the module."""
        return self.module.state_dict()

    def load(self, tensors: dict[str, torch.Tensor], updates: int) -> None:
        """The average of the initial weights and `updates` - 1 later ones."""
        self.module.load_state_dict(tensors)
        self.n_averaged.fill_(updates)
