"""Our DDIM and the scheduler around the solvers, on Gaussian data."""

import math

import pytest
import torch

from ditar.config.sampling import SOLVERS, TIME_GRIDS
from ditar.diffusion.ddim import DDIM
from ditar.diffusion.schedule import angle_parts
from ditar.diffusion.scheduler import DiTARScheduler
from ditar.synthesis.loading import load_sampling
from tests.diffusion.gaussian import COVARIANCE, exact_end, exact_u, solve


def run(steps, temperature, covariance, seed=0, rows=1, x=None, grid="uniform"):
    process, generator = DDIM(steps, temperature, grid), torch.Generator().manual_seed(seed)
    like = torch.zeros((), dtype=torch.float64)
    x = process.start((rows, len(covariance)), generator, like) if x is None else x
    return solve(process, x, covariance, generator)


def test_mean_and_covariance_at_temperature_one():
    # With this u the process is linear, so its matrix can be read off unit vectors: small steps give Sigma itself.
    unit = torch.eye(2, dtype=torch.float64)
    matrix = run(400, 1.0, COVARIANCE, x=unit)
    assert torch.allclose(matrix.T @ matrix, COVARIANCE, rtol=0.01, atol=0.005)
    matrix = run(20, 1.0, COVARIANCE, x=unit)
    samples = run(20, 1.0, COVARIANCE, rows=40_000)  # and noise drawn by the process itself is standard normal
    assert torch.allclose(samples.mean(0), torch.zeros(2, dtype=torch.float64), atol=0.025)
    assert torch.allclose(samples.T.cov(), matrix.T @ matrix, atol=0.04)


@pytest.mark.parametrize("temperature", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("sigma, grid", [(0.5, "uniform"), (2.0, "uniform"), (0.5, "cosine"), (0.5, "sway")])
def test_variance_between(temperature, sigma, grid):
    covariance = torch.full((1, 1), sigma**2, dtype=torch.float64)
    rows = 20_000
    c, s = angle_parts(temperature)
    expected = sigma**2 * s * s / (c * c * sigma**2 + s * s)
    variance = run(200, temperature, covariance, rows=rows, grid=grid).var().item()
    assert variance == pytest.approx(expected, rel=4 * math.sqrt(2 / rows) + 0.01)


def test_temperature_zero_is_one_point():
    shifted = torch.tensor([2.0, -1.0], dtype=torch.float64)  # u for data at one point: x = 0 must reach it
    ends = []
    for seed in (0, 1):
        process, generator = DDIM(10, 0.0), torch.Generator().manual_seed(seed)
        x = process.start((3, 2), generator, shifted)
        for index, t in enumerate(process.times[:-1]):
            c, s = angle_parts(t)
            noise = (x - c * shifted) / s
            x = process.step(index, c * noise - s * shifted, x, generator)
        ends.append(x)
    assert torch.equal(ends[0], ends[1]) and torch.allclose(ends[0], shifted.expand(3, 2))


def test_noise_enters_once_with_the_x0_of_the_step_before():
    process = DDIM(4, 0.5)
    x, u = torch.zeros(1, 3, dtype=torch.float64), torch.randn(1, 3, dtype=torch.float64)
    assert torch.equal(process.start((1, 3), None, x), x)
    noise = torch.randn(1, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    c, s = angle_parts(0.5)
    x0 = angle_parts(0.75)[0] * x - angle_parts(0.75)[1] * u
    entered = process.step(1, u, x, torch.Generator().manual_seed(5))
    assert torch.allclose(entered, c * x0 + s * noise)
    untouched = torch.Generator().manual_seed(5)
    before = untouched.get_state()
    for index in (0, 2, 3):
        process.step(index, u, x, untouched)
    assert torch.equal(untouched.get_state(), before)


@pytest.mark.parametrize("grid", TIME_GRIDS)
def test_first_order_of_convergence(grid):
    start = torch.eye(2, dtype=torch.float64)
    end = exact_end(start, COVARIANCE)
    errors = [(run(n, 1.0, COVARIANCE, x=start, grid=grid) - end).norm().item() for n in (40, 80, 160)]
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert all(0.9 < order < 1.1 for order in orders), (errors, orders)


@pytest.mark.parametrize(
    "config, temperature",
    [({}, 0.4), ({"time_grid": "sway"}, 0.4), ({"solver": "unipc"}, 1.0), ({"solver": "diffusers-ddim"}, 1.0)],
)
def test_diffusers_interface_equals_the_process(tmp_path, config, temperature):
    DiTARScheduler(**config).save_pretrained(tmp_path)
    scheduler = DiTARScheduler.from_pretrained(tmp_path)
    scheduler.set_timesteps(7, temperature=temperature)
    assert len(scheduler.timesteps) == 7 and scheduler.timesteps[0] == 1
    generator = torch.Generator().manual_seed(0)
    x = scheduler.start((4, 2), generator, torch.zeros((), dtype=torch.float64))
    for t in scheduler.timesteps:
        output = scheduler.step(exact_u(x, float(t), COVARIANCE), t, scheduler.scale_model_input(x, t), generator)
        x = output.prev_sample
    process, generator = DiTARScheduler().solver(7, temperature, **config), torch.Generator().manual_seed(0)
    start = process.start((4, 2), generator, x)
    assert torch.equal(x, solve(process, start, COVARIANCE, generator))
    assert torch.allclose(x, output.pred_original_sample, atol=1e-6)


def test_scheduler_errors():
    names = ".*".join(f"'{name}'" for name in SOLVERS)
    with pytest.raises(ValueError, match=rf"one of {names.replace('+', '[+]')}, got 'euler'"):
        DiTARScheduler(solver="euler")
    with pytest.raises(ValueError, match="one of 'uniform', 'cosine', 'sway', got 'karras'"):
        DiTARScheduler(time_grid="karras")
    scheduler = DiTARScheduler()
    with pytest.raises(ValueError, match=r"\[0, 1\].*1.5"):
        scheduler.set_timesteps(10, temperature=1.5)
    with pytest.raises(ValueError, match=r"\[1, 1000\], got 0"):
        scheduler.set_timesteps(0)
    with pytest.raises(ValueError, match="0.55"):
        scheduler.step(torch.zeros(1), 0.55, torch.zeros(1))


@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "ddim"])
def test_what_solvers_of_diffusers_cannot_do(name):
    scheduler = DiTARScheduler()
    with pytest.raises(ValueError, match=r"has no temperature below 1, got 0.5; use 1, or solver 'ddim'"):
        scheduler.solver(10, 0.5, name)
    with pytest.raises(ValueError, match="has no time_grid 'sway'; use 'uniform', or solver 'ddim'"):
        scheduler.solver(10, 1.0, name, "sway")


def test_a_model_has_a_temperature_and_a_guidance_scale_of_its_own(tmp_path):
    DiTARScheduler(temperature=0.3, guidance_scale=3.0, guidance_rise=4.0).save_pretrained(tmp_path)
    sampling = DiTARScheduler.from_pretrained(tmp_path).sampling
    assert (sampling.temperature, sampling.guidance_scale, sampling.guidance_rise) == (0.3, 3.0, 4.0)
    assert load_sampling(tmp_path) == sampling
    assert sampling.override(temperature=0.8).temperature == 0.8
    named = sampling.override(solver="unipc")  # which has no temperature below 1
    assert (named.temperature, named.time_grid) == (1.0, "uniform")
    with pytest.raises(ValueError, match="no temperature below 1, got 0.5"):
        sampling.override(solver="unipc", temperature=0.5)
