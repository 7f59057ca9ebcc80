"""DDIM with the paper's temperature on the variance-preserving cosine schedule, in numpy: what `ditar.diffusion` says
in torch, where the formulas are explained (arXiv 2502.03930, equations 3, 4 and 13). A test compares the two."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ditar.config.numbers import check_number
from ditar.config.sampling import MOST_STEPS, RANGES, RISES, unknown_option

TIME_GRIDS: dict[str, Callable[[float], float]] = {
    "uniform": lambda progress: 1 - progress,
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
    "sway": lambda progress: math.cos(math.pi / 2 * progress),
}

Noise = Callable[[tuple[int, ...]], np.ndarray]  # standard normal, float32, of a shape


@dataclass(frozen=True)
class Sampling:
    """How a patch is drawn; the defaults of a model are in its folder. ValueError names what is out of range.

    Args:
        temperature: in [0, 1], where noise enters; 1: ordinary sampling, 0: none.
        guidance_scale: 1 to 100; 1 is off.
        guidance_rise: 1 to 100, how many times as strong guidance is at the data as at the noise.
        guidance_steps: (low, high) in [0, 1], the part of the steps with guidance.
        num_inference_steps: diffusion steps of a patch, 1 to 1000.
        time_grid: of TIME_GRIDS.
    """

    temperature: float = 1.0
    guidance_scale: float = 2.0
    guidance_rise: float = 1.0
    guidance_steps: tuple[float, float] = (0.0, 1.0)
    num_inference_steps: int = 10
    time_grid: str = "uniform"

    def __post_init__(self) -> None:
        check_number(self.temperature, "temperature", 0, 1)
        check_number(self.guidance_scale, "guidance_scale", *RANGES["guidance_scale"])
        check_number(self.guidance_rise, "guidance_rise", *RISES)
        rules = {
            "guidance_steps": (_is_part(self.guidance_steps), "be (low, high) with 0 <= low < high <= 1"),
            "num_inference_steps": (
                self.num_inference_steps in range(1, MOST_STEPS + 1), f"be a whole number from 1 to {MOST_STEPS}"
            ),
            "time_grid": (self.time_grid in TIME_GRIDS, f"be one of {', '.join(TIME_GRIDS)}"),
        }  # fmt: skip
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"{name} must {rule}, got {getattr(self, name)!r}")
        if 0 < self.temperature < 1 and self.num_inference_steps == 1:
            raise ValueError(f"temperature {self.temperature} needs at least 2 inference steps; use more, or 0 or 1")

    def override(self, **given: Any) -> "Sampling":
        """These with those given, except None. TypeError: no such option."""
        names = [field.name for field in fields(self)]
        if unknown := given.keys() - set(names):
            raise unknown_option(min(unknown), names)
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def times(self) -> tuple[list[float], int | None]:
        """1 = t_0 > ... > t_steps = 0, and the index at which noise enters, None: at the start or never."""
        steps, grid = self.num_inference_steps, TIME_GRIDS[self.time_grid]
        times = [1.0, *(grid(i / steps) for i in range(1, steps)), 0.0]
        if self.temperature in (0.0, 1.0):
            return times, None
        index = min(range(1, steps), key=lambda i: abs(times[i] - self.temperature))
        times[index] = self.temperature
        return times, index


class DDIM:
    """The reverse process of one row: `start`, then `step` once for each of `times[:-1]`."""

    def __init__(self, sampling: Sampling, noise: Noise):
        self.times, self._noise_index = sampling.times()
        self._starts_from_noise, self._noise = sampling.temperature == 1.0, noise
        # Where a distilled model aims at each step: at the next time, or at the data where noise enters.
        self.aims = [0.0 if index == self._noise_index else t for index, t in enumerate(self.times)][1:]

    def start(self, shape: tuple[int, ...]) -> np.ndarray:
        """x at t = 1."""
        return self._noise(shape) if self._starts_from_noise else np.zeros(shape, np.float32)

    def step(self, index: int, u: np.ndarray, x: np.ndarray) -> np.ndarray:
        """From times[index] to times[index + 1], given the guided u at x."""
        t, s = self.times[index], self.times[index + 1]
        if index + 1 == self._noise_index:
            (c, d), (c_s, d_s) = _parts(t), _parts(s)
            return (c_s * (c * x - d * u) + d_s * self._noise(x.shape)).astype(np.float32)
        c, d = _parts(t - s)
        return (c * x - d * u).astype(np.float32)


def seeded(seed: int) -> Noise:
    """Noise that a seed repeats; not torch's of the same seed."""
    generator = np.random.default_rng(seed)
    return lambda shape: generator.standard_normal(shape, dtype=np.float32)


def _is_part(steps: Any) -> bool:
    """Whether it is (low, high) with 0 <= low < high <= 1."""
    try:
        low, high = steps
        return bool(0 <= low < high <= 1)
    except (TypeError, ValueError):
        return False


def _parts(t: float) -> tuple[float, float]:
    """cos(pi t / 2), sin(pi t / 2)."""
    return math.sin((1 - t) * (math.pi / 2)), math.sin(t * (math.pi / 2))
