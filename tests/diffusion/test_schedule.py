import math

import pytest
import torch

from ditar.config.sampling import TIME_GRIDS
from ditar.diffusion.guidance import guide
from ditar.diffusion.schedule import add_noise, draw_noise, rotate, sample_times, time_grid, to_x0, velocity


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return torch.randn(2, 5, 3, dtype=torch.float64)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, torch.rand(5, 1, dtype=torch.float64)])
def test_data_come_back(pair, t):
    x0, noise = pair
    x, u = add_noise(x0, noise, t), velocity(x0, noise, t)
    assert torch.allclose(to_x0(x, u, t), x0)


def test_ends_are_exact(pair):
    x0, noise = pair
    assert torch.equal(add_noise(x0, noise, 0.0), x0) and torch.equal(add_noise(x0, noise, 1.0), noise)
    assert torch.equal(velocity(x0, noise, torch.tensor(1.0)), -x0)


def test_u_is_the_slope_without_pi_half(pair):
    x0, noise = pair
    t, step = 0.4, 1e-6
    slope = (add_noise(x0, noise, t + step) - add_noise(x0, noise, t - step)) / (2 * step)
    assert torch.allclose(slope, math.pi / 2 * velocity(x0, noise, t), atol=1e-8)


def test_a_step_is_a_rotation(pair):
    x0, noise = pair
    x, u = add_noise(x0, noise, 0.8), velocity(x0, noise, 0.8)
    assert torch.allclose(rotate(x, u, 0.8, 0.3), add_noise(x0, noise, 0.3))
    assert torch.allclose(rotate(x, u, 0.8, 0.0), to_x0(x, u, 0.8))


def test_guidance_is_the_papers(pair):
    conditional, unconditional = pair
    w = 1.5
    assert torch.allclose(guide(conditional, unconditional, 1 + w), (1 + w) * conditional - w * unconditional)


def test_grid():
    assert time_grid(4) == ([1.0, 0.75, 0.5, 0.25, 0.0], None)
    assert time_grid(4, 0.0) == ([1.0, 0.75, 0.5, 0.25, 0.0], None)
    assert time_grid(4, 0.6) == ([1.0, 0.75, 0.6, 0.25, 0.0], 2)
    assert time_grid(4, 0.99) == ([1.0, 0.99, 0.5, 0.25, 0.0], 1)
    assert time_grid(4, 0.01) == ([1.0, 0.75, 0.5, 0.01, 0.0], 3)


def test_other_grids_are_the_published_ones():
    assert time_grid(4, grid="cosine")[0] == pytest.approx([1.0, 0.853553, 0.5, 0.146447, 0.0], abs=1e-6)
    # F5-TTS at its default, whose time runs the other way: 0, .0761, .2929, .6173, 1.
    assert time_grid(4, grid="sway")[0] == pytest.approx([1.0, 0.923880, 0.707107, 0.382683, 0.0], abs=1e-6)


@pytest.mark.parametrize("grid", TIME_GRIDS)
def test_every_grid_falls_from_one_to_zero_through_the_temperature(grid):
    for steps in (2, 3, 10, 101, 1000):
        plain, none = time_grid(steps, 1.0, grid)
        assert none is None and len(plain) == steps + 1 and plain[0] == 1.0 and plain[-1] == 0.0
        assert all(a > b for a, b in zip(plain, plain[1:]))
        for temperature in (1e-9, 0.01, 0.3, 0.5, plain[1], 0.77, 1 - 1e-9):
            times, index = time_grid(steps, temperature, grid)
            assert times[index] == temperature and 0 < index < steps
            assert all(a > b for a, b in zip(times, times[1:]))
            assert times[:index] + times[index + 1 :] == plain[:index] + plain[index + 1 :]
            assert abs(plain[index] - temperature) == min(abs(t - temperature) for t in plain[1:-1])


def test_an_unknown_grid_lists_the_names():
    with pytest.raises(ValueError, match="'uniform', 'cosine', 'sway', got 'karras'"):
        time_grid(10, grid="karras")


@pytest.mark.parametrize("temperature", [-0.1, 1.5, float("nan")])
def test_temperature_outside_its_range(temperature):
    with pytest.raises(ValueError, match=r"\[0, 1\].*" + str(temperature)):
        time_grid(10, temperature)


def test_too_few_steps():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        time_grid(0)
    with pytest.raises(ValueError, match="at least 2"):
        time_grid(1, 0.5)
    assert time_grid(1, 0.0)[0] == [1.0, 0.0]


def test_rows_have_their_own_noise():
    seeds = [3, 4]
    both = draw_noise((2, 3), [torch.Generator().manual_seed(s) for s in seeds])
    alone = [draw_noise((1, 3), torch.Generator().manual_seed(s))[0] for s in seeds]
    assert torch.equal(both, torch.stack(alone))
    with pytest.raises(ValueError, match="2 generators for a batch of 3"):
        draw_noise((3, 3), [torch.Generator(), torch.Generator()])


def test_training_times_follow_their_distribution():
    count = 20_000
    times, at_end = sample_times(count, torch.Generator().manual_seed(0))
    assert at_end.float().mean().item() == pytest.approx(0.05, abs=1e-3)
    assert (times[at_end] == 1).all() and (times >= 0).all() and (times <= 1).all()
    rest = times[~at_end].double()
    for edge in (0.1, 0.5, 0.9, 0.97):  # the mixture's distribution function
        normal = torch.special.ndtr(torch.logit(torch.tensor(edge, dtype=torch.float64))).item()
        assert (rest < edge).double().mean().item() == pytest.approx(0.8 * normal + 0.2 * edge, abs=2e-3)
    uniform, none = sample_times(1000, torch.Generator().manual_seed(0), logit_normal=0.0, end=0.0)
    assert not none.any() and uniform.mean().item() == pytest.approx(0.5, abs=1e-3)


def test_training_times_are_stratified_and_shuffled():
    times, _ = sample_times(100, torch.Generator().manual_seed(1), logit_normal=0.0, end=0.0)
    assert (times * 100).floor().sort().values.tolist() == list(range(100))
    assert not torch.equal(times, times.sort().values)
