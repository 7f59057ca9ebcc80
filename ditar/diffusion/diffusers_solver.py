"""diffusers' solvers on the project's schedule: ordinary sampling (temperature 1) on the uniform grid."""

import numpy as np
from torch import Tensor

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.diffusion.schedule import Generators, angle_parts, draw_noise, time_grid, to_x0

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler  # noqa: E402

# Otherwise defaults: order 2, both multistep solvers in x0, a lower order at the end of fewer than 15 steps.
SCHEDULERS = {
    "diffusers-ddim": (DDIMScheduler, {"clip_sample": False}),
    "dpm-solver++": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
    "unipc": (UniPCMultistepScheduler, {}),
}
TRAINED_STEPS = 1000


class DiffusersSolver:
    """A `Solver` (see `solver.py`) that delegates every step to a scheduler of diffusers: DDIM, DPM-Solver++ or UniPC.

    name: a key of SCHEDULERS. DDIM: arXiv 2010.02502; DPM-Solver++ (second order, multistep): arXiv 2211.01095; UniPC:
    arXiv 2302.04867. diffusers computes from a table of float32 betas, so tests check agreement and not the order of
    convergence. ValueError: fewer than one step.
    """

    def __init__(self, name: str, steps: int):
        self.times, _ = time_grid(steps)
        self._steps, self._next = steps, 0
        # Enough betas that every time of the grid is one of theirs. With always 1000, diffusers rounds the times, and
        # its DDIM steps by 1000 // steps, which falls short of them: on N(0, 0.3^2) it then ends 1.5 % away from ours
        # at 15 steps, 5 % at 60 and 62 % at 600; with these within 0.01 %.
        count = steps * -(-TRAINED_STEPS // steps)
        kind, options = SCHEDULERS[name]
        self._scheduler = kind(
            num_train_timesteps=count,
            trained_betas=cosine_betas(count),
            rescale_betas_zero_snr=True,  # the last beta is 1; without it the multistep solvers give NaN
            prediction_type="v_prediction",
            timestep_spacing="trailing",  # from the last beta on, which is t = 1
            **options,
        )

    def start(self, shape: tuple[int, ...], generator: Generators, like: Tensor) -> Tensor:
        """Noise: x at t = 1; `shape` has rows first; dtype and device are those of `like`."""
        return draw_noise(shape, generator, like)

    def step(self, index: int, u: Tensor, x: Tensor, generator: Generators = None) -> Tensor:
        """From times[index] to times[index + 1], given the (guided) prediction u at x; same shapes, no noise drawn.

        The multistep solvers remember earlier predictions until index 0. ValueError: an index that does not follow the
        previous one.
        """
        if index == 0:
            self._scheduler.set_timesteps(self._steps)
        elif index != self._next:
            raise ValueError(f"step {index} cannot follow step {self._next - 1}; start again at step 0")
        self._next = index + 1
        return self._scheduler.step(u, self._scheduler.timesteps[index], x, return_dict=False)[0]

    def to_x0(self, index: int, u: Tensor, x: Tensor) -> Tensor:
        """The data that x at times[index] and u imply."""
        return to_x0(x, u, self.times[index])


def cosine_betas(count: int) -> list[float]:
    """The schedule as diffusers' `trained_betas`, whose step k is our t = (k + 1) / count.

    beta_k = 1 - a((k + 1) / count) / a(k / count) with a(t) = cos^2(pi t / 2); the last is 1.
    """
    kept = np.array([angle_parts(k / count)[0] ** 2 for k in range(count + 1)])
    return (1 - kept[1:] / kept[:-1]).tolist()
