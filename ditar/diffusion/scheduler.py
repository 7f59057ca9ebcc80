"""The sampler as a diffusers scheduler: a component of a pipeline, saved and loaded with it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config.sampling import SAVED_OPTIONS, SamplingOptions
from ditar.diffusion.schedule import Generators
from ditar.diffusion.solver import Solver, make_solver

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import ConfigMixin, SchedulerMixin  # noqa: E402
from diffusers.configuration_utils import register_to_config  # noqa: E402
from diffusers.utils import BaseOutput  # noqa: E402


@dataclass
class DiTARSchedulerOutput(BaseOutput):
    """prev_sample: x at the next time; pred_original_sample: the data that x and u imply. Same shapes as x."""

    prev_sample: Tensor
    pred_original_sample: Tensor | None = None


class DiTARScheduler(SchedulerMixin, ConfigMixin):
    """VP cosine schedule, prediction of u, and a choice of solvers and time grids.

    `timesteps` run from 1 to the last time above 0; call `set_timesteps`, then `start`, and `step` once for each.
    ValueError for names and combinations other than these:

    Args:
        solver: "ddim" is ours, with the paper's temperature (`diffusion.ddim`) on any time_grid;
            "diffusers-ddim", "dpm-solver++" and "unipc" are diffusers' (`diffusion.diffusers_solver`), at temperature 1
            on the uniform grid.
        num_inference_steps: diffusion steps of a patch (NFE), at least 1; at least 2 at temperatures between 0 and 1.
        prediction_type: "v_prediction", which diffusers expects in the file.
        time_grid: "uniform", "cosine" or "sway", see `schedule.grid_time`.
        temperature, guidance_scale, guidance_rise: which suit the model, see `SamplingOptions`.
    """

    order = 1

    @register_to_config
    def __init__(
        self,
        solver: str = SamplingOptions.solver,
        num_inference_steps: int = SamplingOptions.num_inference_steps,
        prediction_type: str = "v_prediction",
        time_grid: str = SamplingOptions.time_grid,
        temperature: float = SamplingOptions.temperature,
        guidance_scale: float = SamplingOptions.guidance_scale,
        guidance_rise: float = SamplingOptions.guidance_rise,
    ):
        self.init_noise_sigma = 1.0
        self.set_timesteps(num_inference_steps)

    def solver(
        self,
        num_inference_steps: int | None = None,
        temperature: float | None = None,
        solver: str | None = None,
        time_grid: str | None = None,
    ) -> Solver:
        """The reverse process that generation runs for every patch; None: the configuration's choice, except that a
        solver of diffusers named here runs at temperature 1 on the uniform grid, whatever the configuration's.

        ValueError: an unknown name, temperature outside [0, 1], fewer than one step, or a solver of diffusers with
        temperature < 1 or a grid other than the uniform one.
        """
        given = {"num_inference_steps": num_inference_steps, "solver": solver, "time_grid": time_grid}
        return make_solver(self.sampling.override(temperature=temperature, **given))

    @property
    def sampling(self) -> SamplingOptions:
        """The configuration's choice; defaults for the rest."""
        return SamplingOptions(**{name: self.config[name] for name in SAVED_OPTIONS})

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: str | torch.device | None = None,
        temperature: float | None = None,
    ) -> None:
        """Compute `timesteps`. ValueError: see `solver`."""
        self.process = self.solver(num_inference_steps, temperature)
        self.num_inference_steps = len(self.process.times) - 1
        self.timesteps = torch.tensor(self.process.times[:-1], dtype=torch.float64, device=device)

    def scale_model_input(self, sample: Tensor, timestep: float | Tensor | None = None) -> Tensor:
        """The sample itself: this schedule needs no scaling."""
        return sample

    def start(self, shape: tuple[int, ...], generator: Generators = None, like: Tensor | None = None) -> Tensor:
        """x at t = 1: noise, or zeros if temperature < 1. `like` gives dtype and device."""
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
        solvers remember earlier outputs (until the first timestep). model_output: the (guided) u.

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
