"""Gaussian data N(0, Sigma), where the exact u is linear in x: everything about the sampler is known."""

import math

import pytest
import torch

from ditar.diffusion.ddim import DDIM
from ditar.diffusion.scheduler import DiTARScheduler
from ditar.diffusion.schedule import angle_parts


def exact_u(x, t, covariance):
    """E[u | x_t = x] for data N(0, covariance) and rows x: cs (I - Sigma) (c^2 Sigma + s^2 I)^-1 x."""
    c, s = angle_parts(t)
    identity = torch.eye(len(covariance), dtype=torch.float64)
    return x @ torch.linalg.solve(c * c * covariance + s * s * identity, c * s * (identity - covariance))


def run(steps, temperature, covariance, seed=0, rows=1, x=None):
    process, generator = DDIM(steps, temperature), torch.Generator().manual_seed(seed)
    like = torch.zeros((), dtype=torch.float64)
    x = process.start((rows, len(covariance)), generator, like) if x is None else x
    for index, t in enumerate(process.times[:-1]):
        x = process.step(index, exact_u(x, t, covariance), x, generator)
    return x


COVARIANCE = torch.tensor([[1.5, 0.6], [0.6, 0.5]], dtype=torch.float64)


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
@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_variance_between(temperature, sigma):
    covariance = torch.full((1, 1), sigma**2, dtype=torch.float64)
    rows = 20_000
    c, s = angle_parts(temperature)
    expected = sigma**2 * s * s / (c * c * sigma**2 + s * s)
    variance = run(200, temperature, covariance, rows=rows).var().item()
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


def test_first_order_of_convergence():
    covariance = torch.full((1, 1), 0.09, dtype=torch.float64)
    start = torch.ones(1, 1, dtype=torch.float64)
    errors = [abs(run(n, 1.0, covariance, x=start).item() - 0.3) for n in (40, 80, 160)]
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert all(0.85 < order < 1.15 for order in orders), (errors, orders)


def test_diffusers_interface_equals_the_process(tmp_path):
    scheduler = DiTARScheduler()
    scheduler.save_pretrained(tmp_path)
    scheduler = DiTARScheduler.from_pretrained(tmp_path)
    scheduler.set_timesteps(7, temperature=0.4)
    assert len(scheduler.timesteps) == 7 and scheduler.timesteps[0] == 1
    generator = torch.Generator().manual_seed(0)
    x = scheduler.start((4, 2), generator, torch.zeros((), dtype=torch.float64))
    for t in scheduler.timesteps:
        output = scheduler.step(exact_u(x, float(t), COVARIANCE), t, scheduler.scale_model_input(x, t), generator)
        x = output.prev_sample
    assert torch.allclose(x, run(7, 0.4, COVARIANCE, rows=4))
    assert torch.allclose(x, output.pred_original_sample)


def test_scheduler_errors():
    with pytest.raises(ValueError, match="'euler'"):
        DiTARScheduler(solver="euler")
    scheduler = DiTARScheduler()
    with pytest.raises(ValueError, match=r"\[0, 1\].*1.5"):
        scheduler.set_timesteps(10, temperature=1.5)
    with pytest.raises(ValueError, match="0.55"):
        scheduler.step(torch.zeros(1), 0.55, torch.zeros(1))
