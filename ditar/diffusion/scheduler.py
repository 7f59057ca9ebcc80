"""The sampler as a diffusers scheduler: components of a pipeline, saved and loaded with it."""

from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils import BaseOutput
from torch import Tensor

from ditar.diffusion import SOLVERS
from ditar.diffusion.ddim import DDIM
from ditar.diffusion.schedule import Generators
from ditar.diffusion.solver import Solver


@dataclass
class DiTARSchedulerOutput(BaseOutput):
    """prev_sample: x at the next time; pred_original_sample: the data that x and u imply. Same shapes as x."""

    prev_sample: Tensor
    pred_original_sample: Tensor | None = None


class DiTARScheduler(SchedulerMixin, ConfigMixin):
    """VP cosine schedule, prediction of u, and a choice of solvers and time grids.

    `timesteps` run from 1 to the last time above 0; `set_timesteps` first, then `start` and one `step` for each.
    solver: "ddim" is ours, with the paper's temperature (`diffusion.ddim`) on any time_grid (`schedule.grid_time`);
    "diffusers-ddim", "dpm-solver++" and "unipc" are diffusers' (`diffusion.diffusers_solver`), at temperature 1 on the
    uniform grid. ValueError for other names and other combinations.
    """

    order = 1

    @register_to_config
    def __init__(
        self,
        solver: str = "ddim",
        num_inference_steps: int = 10,
        prediction_type: str = "v_prediction",
        time_grid: str = "uniform",
    ):
        self.init_noise_sigma = 1.0
        self.set_timesteps(num_inference_steps)

    def solver(
        self,
        num_inference_steps: int | None = None,
        temperature: float = 1.0,
        solver: str | None = None,
        time_grid: str | None = None,
    ) -> Solver:
        """The reverse process that generation runs for every patch; None: the configuration's choice, and the uniform
        grid for a solver of diffusers that is named, whatever grid the configuration has for its own.

        ValueError: an unknown name, temperature outside [0, 1], fewer than one step, or a solver of diffusers with
        temperature < 1 or another grid than the uniform one.
        """
        steps = self.config.num_inference_steps if num_inference_steps is None else num_inference_steps
        name = self.config.solver if solver is None else solver
        grid = self.config.time_grid if solver in (None, "ddim") else "uniform"
        grid = grid if time_grid is None else time_grid
        if name not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(map(repr, SOLVERS))}, got {name!r}")
        ours = DDIM(steps, temperature, grid)  # refuses what no solver can do
        if name == "ddim":
            return ours
        if temperature != 1.0:
            raise ValueError(f"solver {name!r} has no temperature below 1, got {temperature}; use 1, or solver 'ddim'")
        if grid != "uniform":
            raise ValueError(f"solver {name!r} has no time_grid {grid!r}; use 'uniform', or solver 'ddim'")
        from ditar.diffusion.diffusers_solver import DiffusersSolver  # with scipy, half a second that ours do not need

        return DiffusersSolver(name, steps)

    def set_timesteps(
        self, num_inference_steps: int | None = None, device: str | torch.device | None = None, temperature: float = 1.0
    ) -> None:
        """Lay the grid. ValueError: see `solver`."""
        self.process = self.solver(num_inference_steps, temperature)
        self.num_inference_steps = len(self.process.times) - 1
        self.timesteps = torch.tensor(self.process.times[:-1], dtype=torch.float64, device=device)

    def scale_model_input(self, sample: Tensor, timestep: float | Tensor | None = None) -> Tensor:
        """The sample itself: this schedule needs no scaling."""
        return sample

    def start(self, shape: tuple[int, ...], generator: Generators = None, like: Tensor | None = None) -> Tensor:
        """x at t = 1: noise, or zeros where temperature < 1. `like` gives dtype and device."""
        return self.process.start(shape, generator, torch.zeros(()) if like is None else like)

    def step(
        self,
        model_output: Tensor,
        timestep: float | Tensor,
        sample: Tensor,
        generator: Generators = None,
        return_dict: bool = True,
    ) -> DiTARSchedulerOutput | tuple[Tensor]:
        """One step from `timestep`, which must be one of `timesteps`, to the next; in order, since the multistep
        solvers remember earlier outputs (the first timestep makes them forget). model_output: the (guided) u.

        `generator` (one, or one for each row) draws the noise that enters at t = temperature.
        """
        index = int((self.timesteps.cpu() - float(timestep)).abs().argmin())
        t = self.process.times[index]
        if abs(t - float(timestep)) > 1e-3:
            times = self.process.times[:-1]
            raise ValueError(f"timestep {float(timestep)} is not one of {times}; call set_timesteps first")
        previous = self.process.step(index, model_output, sample, generator)
        if not return_dict:
            return (previous,)
        return DiTARSchedulerOutput(previous, self.process.to_x0(index, model_output, sample))

    def __len__(self) -> int:
        return self.num_inference_steps
