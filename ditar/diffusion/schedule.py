"""The variance-preserving cosine schedule, defined here once for the whole project.

    x_t = cos(pi t / 2) x0 + sin(pi t / 2) eps,    t in [0, 1]: 0 is data, 1 is noise
    u   = cos(pi t / 2) eps - sin(pi t / 2) x0     what the network predicts (diffusers' `v_prediction`)

The paper's v (arXiv 2502.03930, section 3.3) is dx_t / dt = (pi / 2) u; predicting u keeps the constant out of the
loss. In the plane of x0 and eps, (x_t, u) is a rotation by pi t / 2, and so is every DDIM step. All functions take t
as a number or as a tensor that broadcasts against x.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ditar.config.sampling import TIME_GRIDS

Generators = torch.Generator | Sequence[torch.Generator] | None
SWAY_COEFFICIENT = -1.0


def angle_parts(t: float | Tensor) -> tuple[float | Tensor, float | Tensor]:
    """cos(pi t / 2), sin(pi t / 2): the weights of data and noise at time t; exactly (0, 1) at t = 1."""
    if isinstance(t, Tensor):
        return torch.sin((1 - t) * (math.pi / 2)), torch.sin(t * (math.pi / 2))
    return math.sin((1 - t) * (math.pi / 2)), math.sin(t * (math.pi / 2))


def add_noise(x0: Tensor, noise: Tensor, t: float | Tensor) -> Tensor:
    """x_t from data and noise."""
    c, s = angle_parts(t)
    return c * x0 + s * noise


def velocity(x0: Tensor, noise: Tensor, t: float | Tensor) -> Tensor:
    """The target u from data and noise."""
    c, s = angle_parts(t)
    return c * noise - s * x0


def to_x0(x: Tensor, u: Tensor, t: float | Tensor) -> Tensor:
    """The data that x_t and u imply (eq. 12, which is printed with a wrong sign)."""
    c, s = angle_parts(t)
    return c * x - s * u


def rotate(x: Tensor, u: Tensor, t: float | Tensor, s: float | Tensor) -> Tensor:
    """DDIM step from time t to time s: the rotation by pi (t - s) / 2, exact if u is constant on the way."""
    cosine, sine = angle_parts(t - s)
    return cosine * x - sine * u


def average_velocity(x: Tensor, after: Tensor, t: float | Tensor, s: float | Tensor) -> Tensor:
    """The u with which `rotate` goes from x at time t to `after` at time s, not equal to t: what MeanFlow calls the
    average velocity (arXiv 2505.13447), on this schedule's arc instead of a straight line. From t = 1 to 0 it is
    -after."""
    cosine, sine = angle_parts(t - s)
    return (cosine * x - after) / sine


def grid_time(progress: float, grid: str = "uniform") -> float:
    """The time that a grid reaches after a share `progress` in [0, 1] of its steps: 1 at 0, 0 at 1.

    With p for progress:
    uniform: 1 - p: every step of DDIM is a rotation by the same angle.
    cosine: (1 + cos(pi p)) / 2, dense at both ends: the Chebyshev points of the second kind on [0, 1] (Trefethen,
        Approximation Theory and Approximation Practice, chapter 2).
    sway: 1 - f(p) with F5-TTS's f(p) = p + s (cos(pi p / 2) - 1 + p) (arXiv 2410.06885, section 3.3; its time runs
        from noise to data). s = SWAY_COEFFICIENT = -1, its default, makes this cos(pi p / 2), dense at the noise;
        CosyVoice calls that grid its cosine scheduler.
    ValueError: another name.
    """
    if grid == "uniform":
        return 1 - progress
    if grid == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    if grid == "sway":
        return 1 - (progress + SWAY_COEFFICIENT * (math.cos(math.pi / 2 * progress) - 1 + progress))
    raise ValueError(f"time_grid must be one of {', '.join(map(repr, TIME_GRIDS))}, got {grid!r}")


def time_grid(steps: int, temperature: float = 1.0, grid: str = "uniform") -> tuple[list[float], int | None]:
    """Times 1 = t_0 > ... > t_steps = 0, and the index at which noise enters (None: at the start or never).

    grid: a name that `grid_time` knows. For 0 < temperature < 1 the interior point nearest to the temperature is moved
    onto it, so that the temperature means the same at every number of steps (ours). ValueError: temperature outside
    [0, 1], no steps, one step with a temperature that needs an interior point, or an unknown grid.
    """
    if not 0.0 <= temperature <= 1.0:
        raise ValueError(
            f"temperature must lie in [0, 1] (the time at which noise enters; 1 is ordinary sampling), "
            f"got {temperature}"
        )
    if steps < 1:
        raise ValueError(f"the number of inference steps must be at least 1, got {steps}")
    times = [1.0, *(grid_time(i / steps, grid) for i in range(1, steps + 1))]
    times[-1] = 0.0
    if temperature in (0.0, 1.0):
        return times, None
    if steps == 1:
        raise ValueError(f"temperature {temperature} needs at least 2 inference steps, got 1; use more, or 0 or 1")
    index = min(range(1, steps), key=lambda i: abs(times[i] - temperature))
    times[index] = temperature
    return times, index


def draw_noise(shape: Sequence[int], generator: Generators, like: Tensor | None = None) -> Tensor:
    """Standard normal noise of a shape (rows first), drawn on the generator's device and moved to that of `like`.

    A sequence of generators gives each row its own, so that a row does not depend on the batch around it.
    ValueError if the numbers of generators and rows differ. Drawn in float32 whatever the dtype of `like`, so that
    precision does not change the meaning of a seed (float64: drawn in float64).
    """
    dtype = torch.float64 if like is not None and like.dtype == torch.float64 else torch.float32
    if generator is None or isinstance(generator, torch.Generator):
        device = generator.device if generator is not None else "cpu"
        noise = torch.randn(tuple(shape), generator=generator, dtype=dtype, device=device)
    else:
        if len(generator) != shape[0]:
            raise ValueError(f"{len(generator)} generators for a batch of {shape[0]}; give one for each row")
        row = tuple(shape[1:])
        noise = torch.stack([torch.randn(row, generator=g, dtype=dtype, device=g.device) for g in generator])
    return noise if like is None else noise.to(device=like.device, dtype=like.dtype)


def sample_times(
    count: int, generator: torch.Generator, logit_normal: float = 0.8, end: float = 0.05
) -> tuple[Tensor, Tensor]:
    """Times for training: (count,) float32 on the CPU, and which of them start from x = 0 at t = 1, (count,) bool.

    A share `end` has t = 1 exactly, with x = 0 instead of noise (where temperature < 1 starts); of the rest a share
    `logit_normal` is sigmoid(N(0, 1)) and the others are uniform, since the logit-normal alone hardly ever gives
    t > 0.95. Stratified: one draw from each of `count` equal slices of the distribution, in random order.
    """
    slices = torch.randperm(count, generator=generator, device="cpu").double()
    within = torch.rand(count, generator=generator, dtype=torch.float64, device="cpu")
    q = (slices + within) / count  # stratified in [0, 1)
    at_end = q < end
    q = ((q - end) / (1 - end)).clamp(min=0) if end < 1 else torch.zeros_like(q)
    normal = torch.special.ndtri((q / max(logit_normal, 1e-12)).clamp(1e-6, 1 - 1e-6)).sigmoid()
    uniform = (q - logit_normal) / max(1 - logit_normal, 1e-12)
    times = torch.where(q < logit_normal, normal, uniform)
    return torch.where(at_end, 1.0, times).float(), at_end
