"""A student of LocDiT: it begins as the teacher without guidance, learns guidance and long steps, and is evaluated once
a step."""

import pytest
import torch

from ditar.config import ConfigError, DistilLossConfig, SamplingOptions
from ditar.diffusion.diffusers_solver import DiffusersSolver
from ditar.diffusion.schedule import average_velocity, rotate
from ditar.diffusion.solver import make_solver
from ditar.model.distillation import (
    DistillationLoss,
    draw_paths,
    end_errors,
    guided_path,
    make_student,
    patch_conditions,
)
from ditar.model.ditar import DiTAR
from ditar.model.own_patches import read_own_patches
from ditar.model.sampler import PatchSampler
from tests.model.examples import CHANNELS, PATCH, batch, build, model_config, row_of

HIGHEST = 4.0


def generators(count, seed=0):
    return [torch.Generator().manual_seed(seed + row) for row in range(count)]


def teacher_of(dtype=torch.float64, std=0.3, **changes):
    """A tiny teacher that listens to h, so that guidance changes something."""
    teacher = build(dtype, **changes)
    torch.nn.init.normal_(teacher.locdit.out.weight, std=std)
    torch.nn.init.normal_(teacher.locdit.condition.weight, std=0.5)
    return teacher.eval()


def inputs(model, dtype=torch.float64):
    data = batch(dtype=dtype)
    told = patch_conditions(model, data, data.latents)
    noisy = torch.randn(len(told[0]), PATCH, CHANNELS, dtype=dtype, generator=torch.Generator().manual_seed(5))
    return noisy, told


def sampled(model, steps=3, scale=2.5, temperature=1.0, scales=None):
    """Patches of the rows of `inputs`, all with one noise."""
    noisy, told = inputs(model, model.dtype)
    solver = make_solver(SamplingOptions(num_inference_steps=steps, temperature=temperature))
    rows = len(noisy)
    sampler = PatchSampler(model, [solver] * rows, scales or [scale] * rows, generators(rows))
    return sampler(*told)


@pytest.mark.parametrize(
    "changes", [{}, {"alignment": "monotonic"}, {"locdit_prefix_cached": True}, {"history_patches": 0}]
)
def test_a_student_begins_as_the_teacher_without_guidance(changes):
    teacher = teacher_of(**changes)
    student = make_student(teacher, HIGHEST)
    unguided = sampled(teacher, scale=1.0)
    assert torch.equal(sampled(student, scale=3.0), unguided)
    assert not torch.allclose(sampled(teacher, scale=3.0), unguided)
    trained = {name.split(".")[0] for name, p in student.named_parameters() if p.requires_grad}
    assert trained == {"locdit"}
    if not changes:
        assert torch.equal(sampled(student, scale=3.0, temperature=0.4), sampled(teacher, scale=1.0, temperature=0.4))


def test_the_average_velocity_goes_there_in_one_step():
    x, after = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    times = torch.tensor([[1.0, 0.7, 0.5, 0.2], [0.0, 0.6, 0.0, 0.1]], dtype=torch.float64)
    t, s = times[:, :, None, None]
    assert torch.allclose(rotate(x, average_velocity(x, after, t, s), t, s), after)
    assert torch.allclose(average_velocity(x, after, 1.0, 0.0), -after)


def test_the_path_is_what_the_sampler_makes():
    """From t = 1 to 0, with two evaluations a step."""
    teacher = teacher_of(history_patches=2)
    noisy, told = inputs(teacher)
    rows = len(noisy)
    noise = torch.stack([torch.randn(PATCH, CHANNELS, generator=g, dtype=torch.float64) for g in generators(rows)])
    one = torch.ones(rows, dtype=torch.float64)
    times, states, velocities = guided_path(teacher.locdit, noise, one, 0 * one, 2.5 * one, 3, *told)
    assert torch.allclose(states[-1], sampled(teacher), atol=1e-9)
    assert len(velocities) == 3 and torch.allclose(times[:, 0], torch.tensor([1, 2 / 3, 1 / 3, 0], dtype=torch.float64))


def test_one_evaluation_a_step_told_scale_and_end(monkeypatch):
    student = make_student(teacher_of(), HIGHEST)
    seen, told = [], []
    student.locdit.transformer.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    student.locdit.jump.register_forward_hook(lambda _, inputs, __: told.append(inputs))
    made = sampled(student, steps=4, scales=[1.0 + row / 3 for row in range(9)])
    assert seen == [9] * 4 and made.shape == (9, PATCH, CHANNELS)
    ((lengths, scales),) = told
    assert torch.allclose(lengths, torch.full_like(lengths, 0.25))
    assert torch.allclose(scales.view(4, 9)[2], 1.0 + torch.arange(9, dtype=torch.float64) / 3)
    told.clear()
    sampled(student, steps=2, temperature=0.1)  # the first step aims at the data, to which noise is added
    assert torch.allclose(told[0][0], torch.tensor([1.0, 0.1], dtype=torch.float64))


def test_guidance_at_a_part_of_the_steps():
    student, told = make_student(teacher_of(), HIGHEST), []
    student.locdit.jump.register_forward_hook(lambda _, inputs, __: told.append(inputs[1]))
    PatchSampler(student, [make_solver(SamplingOptions(num_inference_steps=4))], [3.0], None, (0.0, 0.5))
    assert told[0].tolist() == [3.0, 3.0, 1.0, 1.0]


def test_what_it_was_not_taught_is_refused():
    student = make_student(teacher_of(), HIGHEST)
    with pytest.raises(ConfigError, match="taught guidance scales from 1 to 4, got 4.5; give one of those, or use"):
        sampled(student, scale=4.5)
    with pytest.raises(ConfigError, match="solver 'unipc' cannot use; use 'ddim'"):
        student.config.check_sampling(2.0, "unipc")
    with pytest.raises(ConfigError, match="taught one guidance scale for all times, got guidance_rise 4; leave it out"):
        PatchSampler(student, [make_solver(SamplingOptions())], [2.0], None, guidance_rises=[4.0])
    with pytest.raises(AttributeError):
        PatchSampler(student, [DiffusersSolver("unipc", 2)], [2.0], None)
    teacher_of().config.check_sampling(50.0, "unipc")
    with pytest.raises(ConfigError, match="must not begin below 1"):
        DistilLossConfig(guidance_scale=(0.5, 2.0))


def test_it_is_saved_and_loaded(tmp_path):
    student = make_student(teacher_of(torch.float32), HIGHEST)
    for last in (student.locdit.jump.guidance, student.locdit.jump.length.out):
        torch.nn.init.normal_(last.weight)
    student.save_pretrained(tmp_path)
    again = DiTAR.from_pretrained(tmp_path)
    assert again.config.is_distilled and again.config == student.config
    assert torch.equal(sampled(again, scale=3.0), sampled(student, scale=3.0))
    assert not torch.allclose(sampled(again, scale=3.0), sampled(again, scale=2.0))
    assert not DiTAR(model_config()).config.is_distilled


def test_draws_are_by_row_and_as_configured():
    config = DistilLossConfig(noise_draws=200, start_share=0.5, whole_share=0.25, instant_share=0.4)
    shape, counts = (2, 6, PATCH, CHANNELS), torch.tensor([6, 3])
    both = draw_paths(shape, counts, config, generators(2))
    assert both.noise.shape == (200 * 9, PATCH, CHANNELS)
    at_start = both.begins == 1
    assert at_start.double().mean() == pytest.approx(0.5, abs=0.01)
    empty = (both.noise == 0).all(dim=(1, 2))
    assert not empty[~at_start].any() and empty[at_start].double().mean() == pytest.approx(0.5, abs=0.1)
    assert (both.ends == 0).double().mean() == pytest.approx(0.25, abs=0.05)
    assert bool((both.ends <= both.begins).all()) and 1 <= both.scales.min() < 1.1 and 3.9 < both.scales.max() <= 4
    assert both.instant.double().mean() == pytest.approx(0.4, abs=0.05)
    alone = draw_paths((1, 3, PATCH, CHANNELS), counts[1:], config, generators(1, seed=1))
    mine = [x.unflatten(0, (200, 9))[:, 6:].flatten(0, 1) for x in vars(both).values()]
    assert all(torch.equal(x, y) for x, y in zip(mine, vars(alone).values()))


def test_the_lesson_of_a_linear_teacher_is_exact():
    """A teacher that always predicts the same u: its guided path is one rotation, whatever the interval."""
    teacher = teacher_of()
    u = torch.randn(PATCH, CHANNELS, dtype=torch.float64)
    teacher.locdit.denoise = lambda noisy, time, context: u.expand_as(noisy)
    student = make_student(build(), HIGHEST)
    loss = DistillationLoss(DistilLossConfig(teacher_steps=1), student, teacher.locdit)
    noisy, told = inputs(teacher)
    rows = len(noisy)
    begins, ends = torch.rand(2, rows, dtype=torch.float64).sort(dim=0, descending=True).values
    draws = (noisy, begins, ends, 2 + 0 * begins, torch.rand(rows, dtype=torch.float64), torch.rand(rows) < 0.5)
    lesson = loss._lesson(*draws, *told)
    assert torch.allclose(lesson[:, 3], u.expand(rows, -1, -1))
    assert torch.equal(lesson[:, 1, 0, 0], torch.where(draws[-1], begins, ends))


@pytest.mark.parametrize("changes", [{}, {"alignment": "monotonic"}])
def test_a_batch_is_the_sum_of_its_rows_and_only_locdit_learns(changes):
    student = make_student(teacher_of(**changes), HIGHEST)
    loss = DistillationLoss(DistilLossConfig(noise_draws=2), student, teacher_of(**changes).locdit)
    data = batch()
    whole = loss(data, generators(2))
    parts = [loss(row_of(data, r), generators(1, seed=r), DistillationLoss.counts(data)) for r in range(2)]
    for name in ("loss", "average", "instant"):
        assert sum(p[name].item() for p in parts) == pytest.approx(whole[name].item(), rel=1e-9)
    whole["loss"].backward()
    moved = {name for name, p in loss.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert moved and all(name.startswith("model.locdit.") for name in moved)
    assert any("jump" in name for name in moved)


def test_own_patches_of_a_student_stay_within_what_it_is_taught():
    student = make_student(teacher_of(), 1.5)
    config = DistilLossConfig(own_share=1.0)
    told = []
    student.locdit.jump.register_forward_hook(lambda _, inputs, __: told.append(inputs[1].max().item()))
    data = batch()
    read = read_own_patches(student, data, config, generators(2))
    assert 1.0 < max(told) <= 1.5 and not torch.equal(read, data.latents)


def test_a_trained_student_comes_nearer_to_guided_speech_in_fewer_evaluations():
    """From starts and after patches that it was not trained on: nearer to ten guided steps of the teacher than the
    teacher without guidance, which it is at first, and than that with guidance, which takes twice as many evaluations.
    """
    teacher = teacher_of(torch.float32, std=0.1)
    student = make_student(teacher, HIGHEST)
    config = DistilLossConfig(noise_draws=8, own_share=0.0, teacher_steps=3)
    loss = DistillationLoss(config, student, teacher.locdit)
    optimiser = torch.optim.AdamW(student.locdit.parameters(), lr=5e-3)
    held_out = batch(dtype=torch.float32, seed=99)
    told = patch_conditions(student, held_out, held_out.latents)
    x = torch.randn(len(told[0]), PATCH, CHANNELS, generator=torch.Generator().manual_seed(1))
    scales = torch.full((len(x),), 3.0)

    def errors():
        found = end_errors(student.locdit, teacher.locdit, x, scales, (1, 2), 10, *told)
        return {name: value.mean().item() for name, value in found.items()}

    before = errors()
    for step in range(150):
        loss(batch(dtype=torch.float32, seed=step % 20), generators(2, seed=10 * step))["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    after = errors()
    assert after["student_1"] < min(0.8 * before["student_1"], after["teacher_1"])
    assert after["student_2"] < min(0.6 * before["student_2"], after["teacher_2"])
