"""DDIM on the project's schedule with the paper's temperature; torch only, so that training can sample anywhere."""

import torch
from torch import Tensor

from ditar.diffusion.schedule import Generators, add_noise, draw_noise, rotate, time_grid, to_x0


class DDIM:
    """A reverse process: `start`, then `step` once for each of `times[:-1]` (arXiv 2502.03930, eqs. 3-4 and 13).

    temperature = 1: ordinary sampling from x_1 ~ N(0, I). Below 1 the process starts from x_1 = 0, and noise enters
    once, at t = temperature: x = cos x0-hat + sin eps with the (guided) x0-hat of the previous step. temperature = 0
    never draws noise. grid, and the ValueErrors: see `time_grid`.
    """

    def __init__(self, steps: int, temperature: float = 1.0, grid: str = "uniform"):
        self.times, self.noise_index = time_grid(steps, temperature, grid)
        self.temperature = temperature
        # Where the prediction of each step aims: at the next time, or at the data where noise will be added to it.
        self.aims = [0.0 if index == self.noise_index else t for index, t in enumerate(self.times)][1:]

    def start(self, shape: tuple[int, ...], generator: Generators, like: Tensor) -> Tensor:
        """x at t = 1; `shape` has rows first; dtype and device are those of `like`."""
        if self.temperature < 1.0:
            return torch.zeros(shape, dtype=like.dtype, device=like.device)
        return draw_noise(shape, generator, like)

    def step(self, index: int, u: Tensor, x: Tensor, generator: Generators = None) -> Tensor:
        """From times[index] to times[index + 1], given the (guided) prediction u at x; same shapes."""
        t, s = self.times[index], self.times[index + 1]
        if index + 1 == self.noise_index:
            return add_noise(self.to_x0(index, u, x), draw_noise(x.shape, generator, x), s)
        return rotate(x, u, t, s)

    def to_x0(self, index: int, u: Tensor, x: Tensor) -> Tensor:
        """The data that x at times[index] and u imply."""
        return to_x0(x, u, self.times[index])
