"""Optimisers, the learning-rate schedule and the running average of the weights."""

import copy
import math
import re

import torch
from torch import nn

from ditar.config import OptimiserConfig

BLOCKS = re.compile(r"\.(blocks|convnext)\.")


def build_optimisers(module: nn.Module, config: OptimiserConfig) -> list[torch.optim.Optimizer]:
    """AdamW on everything, or Muon (Jordan 2024) on the matrices of transformer and ConvNeXt blocks, AdamW on the rest.

    Muon's updates are scaled to the size of AdamW's, so that one learning rate serves both. Vectors (norms, biases)
    are not decayed.
    """
    named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    muon = {n for n, p in named if config.kind == "muon" and p.ndim == 2 and BLOCKS.search(n)}
    groups = [
        {"params": [p for n, p in named if n not in muon and p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for n, p in named if n not in muon and p.ndim < 2], "weight_decay": 0.0},
    ]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([g for g in groups if g["params"]], lr=config.learning_rate, betas=config.betas, fused=True)
    ]
    if muon:
        optimisers.append(
            torch.optim.Muon(
                [p for n, p in named if n in muon],
                lr=config.learning_rate,
                weight_decay=config.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    return optimisers


def learning_rate(step: int, config: OptimiserConfig) -> float:
    """Learning rate of a step: linear warm-up, then constant or a cosine down to `final_learning_rate`."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.final_learning_rate is None:
        return config.learning_rate
    progress = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    share = 0.5 * (1.0 + math.cos(math.pi * progress))
    return config.final_learning_rate + share * (config.learning_rate - config.final_learning_rate)


class WeightAverage:
    """Exponential moving average of a module's parameters and buffers, kept as a module that can be used itself.

    The decay warms up as (1 + step) / (10 + step), so that early averages are not the initial weights.
    """

    def __init__(self, module: nn.Module, decay: float):
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the average towards `module` after training step `step` (from 0)."""
        weight = 1.0 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), weight)
        for mine, theirs in zip(self.module.buffers(), module.buffers()):
            mine.copy_(theirs)
