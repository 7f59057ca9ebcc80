"""How DiTAR samples: every setting once, with its default and its range, for the command line, Python, sweeps, benches
and listening during training."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal, get_args

from ditar.config.ranges import Ascending, ConfigError, Range, Ranged, Share

SolverName = Literal["ddim", "diffusers-ddim", "dpm-solver++", "unipc"]
TimeGridName = Literal["uniform", "cosine", "sway"]
SOLVERS: tuple[str, ...] = get_args(SolverName)  # "ddim" is ours (diffusion/ddim.py), the others are diffusers'
TIME_GRIDS: tuple[str, ...] = get_args(TimeGridName)  # diffusion/schedule.py, `grid_time`

MAX_RETRIES = 2  # new attempts, with other seeds, at speech that never ends, is silent or far too short
MOST_RETRIES = 100
BATCH_SIZE = 8  # utterances that are spoken at the same time
MOST_ROWS = 1000  # of a batch
MOST_STEPS = 1000  # of diffusion
RISES = (1.0, 100.0)  # of guidance
# Of what a request asks for; a model of diffusion takes less of the first. Rates in a text have the range of speed.
RANGES = {
    "temperature": (0.0, 100.0), "guidance_scale": (1.0, 100.0), "stop_threshold": (0.0, 1.0), "speed": (0.5, 2.0),
}  # fmt: skip


@dataclass(frozen=True)
class SamplingOptions(Ranged):
    """How a patch is drawn. ConfigError names what is out of range, or impossible for the solver.

    Args:
        temperature: the time at which noise enters the reverse ODE, 0 (deterministic) to 1 (ordinary sampling); arXiv
            2502.03930, equations 3 and 4.
        guidance_scale: 1 + w of the paper, 1 to 100; 1 is off (section 3.4).
        guidance_rise: how many times as strong guidance is at the data as at the noise, 1 to 100, see
            `diffusion.guidance.scale_at`; 1: the same at all times, as in the paper.
        guidance_steps: (low, high) in [0, 1], the part of the steps with guidance; the others cost half.
        num_inference_steps: diffusion steps of a patch (NFE), 1 to 1000.
        solver: of SOLVERS; all but "ddim" require temperature 1 and the uniform grid.
        time_grid: of TIME_GRIDS.
    """

    temperature: Share = 1.0
    guidance_scale: Annotated[float, Range(*RANGES["guidance_scale"])] = 2.0
    guidance_rise: Annotated[float, Range(*RISES)] = 1.0
    guidance_steps: Annotated[tuple[Share, Share], Ascending()] = (0.0, 1.0)
    num_inference_steps: Annotated[int, Range(1, MOST_STEPS)] = 10
    solver: SolverName = "ddim"
    time_grid: TimeGridName = "uniform"

    def __post_init__(self) -> None:
        if isinstance(self.temperature, numbers.Real) and self.temperature not in Range(0, 1):
            raise ConfigError(
                "temperature must lie in [0, 1] (the time at which noise enters; 1 is ordinary sampling), "
                f"got {self.temperature}"
            )
        super().__post_init__()
        low, high = self.guidance_steps
        if low == high:
            raise ConfigError(f"guidance_steps must be (low, high) with 0 <= low < high <= 1, got ({low}, {high})")
        if 0 < self.temperature < 1 and self.num_inference_steps == 1:
            raise ConfigError(
                f"temperature {self.temperature} needs at least 2 inference steps, got 1; use more, or 0 or 1"
            )
        if self.solver != "ddim" and self.temperature != 1.0:
            raise ConfigError(
                f"solver {self.solver!r} has no temperature below 1, got {self.temperature}; use 1, or solver 'ddim'"
            )
        if self.solver != "ddim" and self.time_grid != "uniform":
            raise ConfigError(
                f"solver {self.solver!r} has no time_grid {self.time_grid!r}; use 'uniform', or solver 'ddim'"
            )

    def override(self, **given: Any) -> "SamplingOptions":
        """These options with those given, except None. Naming a solver of diffusers selects temperature 1 and the
        uniform grid, unless they are named. TypeError: no such option."""
        given = {name: value for name, value in given.items() if value is not None}
        if unknown := given.keys() - set(OPTIONS):
            raise unknown_option(min(unknown), OPTIONS)
        if given.get("solver", "ddim") != "ddim":
            given = {"temperature": 1.0, "time_grid": "uniform", **given}
        return replace(self, **given)


def unknown_option(name: str, options: Sequence[str]) -> TypeError:
    """What says which options there are, and where one belongs that is none."""
    where = ""
    if name in ("voice", "seed", "language", "stop_threshold", "speed", "timestamps"):
        where = f"; of a batch or a stream it is a field of a request, SpeechRequest(text, {name}=...)"
    elif name in ("prompt_audio", "prompt_text"):
        where = "; make a voice of the clip, create_voice(prompt_audio, prompt_text), and give that"
    return TypeError(f"{name!r} is not an option of sampling; there are {', '.join(options)}{where}")


OPTIONS: tuple[str, ...] = tuple(field.name for field in fields(SamplingOptions))
SAVED_OPTIONS = tuple(name for name in OPTIONS if name != "guidance_steps")  # in a model's scheduler_config.json
