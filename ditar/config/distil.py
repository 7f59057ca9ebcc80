"""Distillation: `configs/distil/*.yaml`."""

from dataclasses import dataclass, field
from typing import Annotated

from ditar.config.ditar import DiTARDataConfig
from ditar.config.ranges import Ascending, ConfigError, Count, Positive, Ranged, Share
from ditar.config.training import OptimiserConfig, RunConfig


@dataclass(frozen=True)
class DistilLossConfig(Ranged):
    """What a student of LocDiT is taught; see ditar/model/distillation.py."""

    # Guidance scales, drawn uniformly; the second is the highest that the student can be asked for.
    guidance_scale: Annotated[tuple[Positive, Positive], Ascending()] = (1.0, 4.0)
    teacher_steps: Count = 5  # of the teacher's guided path
    noise_draws: Count = 1  # paths for each patch
    # Paths that begin at t = 1, half of them with x = 0, where temperature < 1 starts; the others begin at noised
    # patches, at a logit-normal or uniform time.
    start_share: Share = 0.5
    time_logit_normal: Share = 0.5
    whole_share: Share = 0.5  # paths that end at t = 0; the others end anywhere before
    instant_share: Share = 0.25  # states from which a step of no length is taught: guidance only
    own_share: Share = 0.5  # as in DiTARLossConfig; the patches are the student's
    own_passes: Count = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.guidance_scale[0] < 1:
            raise ConfigError(f"guidance_scale must not begin below 1, which is no guidance, got {self.guidance_scale}")


@dataclass(frozen=True)
class DistilConfig(Ranged):
    """A whole configuration file of distillation: `configs/distil/*.yaml`. The model's shape is the teacher's."""

    loss: DistilLossConfig
    data: DiTARDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)
