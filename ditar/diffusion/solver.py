"""What generation expects of every solver of the reverse ODE, and the solvers of a batch's rows as one."""

import functools
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ditar.config.sampling import SamplingOptions
from ditar.diffusion.ddim import DDIM
from ditar.diffusion.schedule import Generators


class Solver(Protocol):
    """`start`, then `step` once for each of `times[:-1]`, in order; step 0 begins a new sample.

    times: 1 = t_0 > ... > t_steps = 0. x and the (guided) prediction u: rows first, any shape, float32 or wider.
    """

    times: list[float]

    def start(self, shape: tuple[int, ...], generator: Generators, like: Tensor) -> Tensor:
        """x at t = 1, with the dtype and device of `like`."""

    def step(self, index: int, u: Tensor, x: Tensor, generator: Generators = None) -> Tensor:
        """From times[index] to times[index + 1], given u at x; same shapes."""

    def to_x0(self, index: int, u: Tensor, x: Tensor) -> Tensor:
        """The data that x at times[index] and u imply."""


def make_solver(options: SamplingOptions) -> Solver:
    """The solver with these options' steps, temperature and grid, by name."""
    if options.solver == "ddim":
        return DDIM(options.num_inference_steps, options.temperature, options.time_grid)
    from ditar.diffusion.diffusers_solver import DiffusersSolver  # imports scipy: half a second that ours do not need

    return DiffusersSolver(options.solver, options.num_inference_steps)


def shared_solvers(most: int = 64) -> Callable[[SamplingOptions], Solver]:
    """`make_solver` with one object for all options that ask for the same solver, as far as the last `most` of them go.
    For one thread: solvers remember what they are at."""
    make = functools.lru_cache(most)(make_solver)
    others = {name: getattr(SamplingOptions, name) for name in ("guidance_scale", "guidance_rise", "guidance_steps")}
    return lambda options: make(options.override(**others))


class RowSolvers:
    """A solver for each row of a batch; rows that share one object step together.

    times (steps + 1, B) float64, or (steps + 1, 1) if all rows share one. ValueError: numbers of steps that differ.
    """

    def __init__(self, solvers: Sequence[Solver]):
        rows: dict[int, list[int]] = {}
        for row, solver in enumerate(solvers):
            rows.setdefault(id(solver), []).append(row)
        self.groups = [(solvers[members[0]], members) for members in rows.values()]
        steps = sorted({len(solver.times) - 1 for solver in solvers})
        if len(steps) != 1:
            raise ValueError(f"the rows of a batch must have the same number of inference steps, got {steps}")
        together = solvers[:1] if len(self.groups) == 1 else solvers
        self.steps = steps[0]
        self.times = _table([solver.times for solver in together])
        self._together = together

    @property
    def aims(self) -> Tensor:
        """For distilled models, `DDIM.aims`: (steps, B) float64, or (steps, 1). AttributeError: another solver."""
        return _table([solver.aims for solver in self._together])

    def start(self, shape: tuple[int, ...], generators: Generators, like: Tensor) -> Tensor:
        """As Solver.start; `generators`: one for each row, or one for all rows that share a solver."""
        if len(self.groups) == 1:
            return self.groups[0][0].start(shape, generators, like)
        x = like.new_empty(shape)
        for solver, rows in self.groups:
            x[rows] = solver.start((len(rows), *shape[1:]), [generators[row] for row in rows], like)
        return x

    def step(self, index: int, u: Tensor, x: Tensor, generators: Generators) -> Tensor:
        """As Solver.step."""
        if len(self.groups) == 1:
            return self.groups[0][0].step(index, u, x, generators)
        after = torch.empty_like(x)
        for solver, rows in self.groups:
            after[rows] = solver.step(index, u[rows], x[rows], [generators[row] for row in rows])
        return after


def _table(rows: list[list[float]]) -> Tensor:
    """Times of solvers as columns; on the CPU whatever the default device is."""
    return torch.tensor(rows, dtype=torch.float64, device="cpu").T
