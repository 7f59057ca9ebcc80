"""What generation asks of every solver of the reverse ODE."""

from typing import Protocol

from torch import Tensor

from ditar.diffusion.schedule import Generators


class Solver(Protocol):
    """`start`, then `step` once for each of `times[:-1]`, in order; step 0 begins another sample.

    times: 1 = t_0 > ... > t_steps = 0. x and the (guided) prediction u: rows first, any shape, float32 or wider.
    """

    times: list[float]

    def start(self, shape: tuple[int, ...], generator: Generators, like: Tensor) -> Tensor:
        """x at t = 1, with the dtype and device of `like`."""

    def step(self, index: int, u: Tensor, x: Tensor, generator: Generators = None) -> Tensor:
        """From times[index] to times[index + 1], given u at x; same shapes."""

    def to_x0(self, index: int, u: Tensor, x: Tensor) -> Tensor:
        """The data that x at times[index] and u imply."""
