"""Optimiser, schedule and reports: common to all systems."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class OptimiserConfig:
    """Optimiser, schedule, averaging, precision: common to all systems."""

    steps: int
    learning_rate: float = 1e-4
    final_learning_rate: float | None = None  # None: constant; a value: cosine down to it
    warmup_steps: int = 0
    kind: Literal["adamw", "muon"] = "adamw"  # muon: Muon for the matrices inside blocks, AdamW for all else
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    accumulation: int = 1
    ema_decay: float = 0.999
    precision: Literal["no", "bf16"] = "bf16"


@dataclass(frozen=True)
class RunConfig:
    """What a run writes, and how often (in steps)."""

    seed: int = 0
    log_every: int = 20
    validate_every: int = 500
    sample_every: int = 1000
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
