"""diffusers' solvers on our schedule: agreement with the exact solution and with our DDIM, and their memory."""

import math

import pytest
import torch

from ditar.diffusion.ddim import DDIM
from ditar.diffusion.diffusers_solver import SCHEDULERS, DiffusersSolver
from tests.diffusion.gaussian import COVARIANCE, exact_end, solve


@pytest.fixture
def start():
    return torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def distance(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_agreement_with_the_exact_solution_and_with_ours(start, name):
    made = solve(DiffusersSolver(name, 300), start.float(), COVARIANCE)  # in float32, as generation runs
    assert made.dtype == torch.float32
    assert distance(made, exact_end(start, COVARIANCE)) < 0.01
    assert distance(made, solve(DDIM(1000), start, COVARIANCE)) < 0.01


# Numbers of steps that do not divide 1000 too: there diffusers' DDIM goes wrong with 1000 betas.
@pytest.mark.parametrize("steps", [2, 7, 15, 60, 600])
def test_their_ddim_is_ours_at_any_number_of_steps(start, steps):
    theirs, ours = DiffusersSolver("diffusers-ddim", steps), DDIM(steps)
    assert theirs.times == ours.times
    assert distance(solve(theirs, start, COVARIANCE), solve(ours, start, COVARIANCE)) < 1e-4


@pytest.mark.parametrize("name", SCHEDULERS)
def test_one_step_is_the_prediction_of_the_data(start, name):
    # Not exactly for the multistep solvers, which begin at a signal of 2^-12 in place of 0.
    u = torch.randn_like(start)
    process = DiffusersSolver(name, 1)
    assert torch.allclose(process.step(0, u, start), process.to_x0(0, u, start), atol=2e-3)


@pytest.mark.parametrize("steps", [5, 10])
def test_higher_order_pays_at_few_steps(start, steps):
    exact = exact_end(start, COVARIANCE)
    first = distance(solve(DDIM(steps), start, COVARIANCE), exact)
    plus_plus, unipc = (
        distance(solve(DiffusersSolver(name, steps), start, COVARIANCE), exact) for name in ("dpm-solver++", "unipc")
    )
    assert plus_plus < 0.7 * first and unipc < 0.7 * plus_plus  # measured: .238 .149 .075, and .125 .034 .014


@pytest.mark.parametrize("name", ["dpm-solver++", "unipc"])
def test_the_multistep_solvers_are_of_second_order(name, start):
    exact = exact_end(start, COVARIANCE)
    coarse, fine = (distance(solve(DiffusersSolver(name, steps), start, COVARIANCE), exact) for steps in (5, 10))
    assert math.log2(coarse / fine) > 1.8


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_sample_starts_afresh(start, name):
    process = DiffusersSolver(name, 4)
    first = solve(process, start, COVARIANCE)
    solve(process, -3 * start, COVARIANCE)
    for index in range(2):  # and after a sample that was given up half-way
        process.step(index, start, start)
    assert torch.equal(solve(process, start, COVARIANCE), first)


def test_steps_in_another_order_are_refused(start):
    process = DiffusersSolver("unipc", 4)
    process.step(0, start, start)
    with pytest.raises(ValueError, match="step 2 cannot follow step 0; start again at step 0"):
        process.step(2, start, start)


def test_no_steps():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        DiffusersSolver("unipc", 0)
