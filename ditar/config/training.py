"""Optimiser, schedule and reports: common to all systems."""

from dataclasses import dataclass
from typing import Annotated, Literal

from ditar.config.numbers import MAX_SEED
from ditar.config.ranges import ConfigError, Count, Decay, NotNegative, Positive, Range, Ranged, Whole


@dataclass(frozen=True)
class OptimiserConfig(Ranged):
    """Optimiser, schedule, averaging, precision: common to all systems."""

    steps: Count
    learning_rate: Positive = 1e-4
    final_learning_rate: NotNegative | None = None  # None: constant; a value: cosine down to it
    warmup_steps: Whole = 0
    kind: Literal["adamw", "muon"] = "adamw"  # muon: Muon for the matrices inside blocks, AdamW for the rest
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    weight_decay: NotNegative = 0.01
    clip_norm: Positive = 1.0
    accumulation: Count = 1
    ema_decay: Decay = 0.999
    precision: Literal["auto", "no", "bf16"] = "auto"  # of products; auto: bf16 where the device has instructions for it

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.final_learning_rate is not None and self.final_learning_rate > self.learning_rate:
            raise ConfigError(
                f"final_learning_rate must not be above learning_rate, {self.learning_rate}, "
                f"got {self.final_learning_rate}"
            )


@dataclass(frozen=True)
class RunConfig(Ranged):
    """What a run writes, and how often (in steps), and what it costs; none of this but the seed changes its results."""

    seed: Annotated[int, Range(0, MAX_SEED)] = 0
    log_every: Count = 20
    validate_every: Count = 500
    sample_every: Count = 1000
    checkpoint_every: Count = 500
    keep_checkpoints: Count = 2
    # Longest that one process may keep the others waiting, also by the main one's samples.
    timeout_s: Annotated[float, Range(0, 1e7, above=True)] = 1800.0
    # Of each transformer block only the input is kept for the backward pass, which computes the rest again: less memory,
    # a third more time. The losses are the same.
    activation_checkpointing: bool = False
    # torch.compile of each transformer block by itself, which makes its code in the first steps. The losses are the same
    # but for rounding.
    compile_blocks: bool = False
