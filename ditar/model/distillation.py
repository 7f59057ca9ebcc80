"""A student of LocDiT that makes a guided step of any length in one evaluation.

The teacher follows its guided ODE, two evaluations a step, from a time t to a time s; the student regresses the
average velocity on the way, the u with which one step of DDIM goes from the state at t to that at s (integral velocity
distillation, IntMeanFlow, arXiv 2510.07979, on this schedule's arc). It reads the guidance scale and the length of its
step beside t; a step of no length teaches guidance alone (arXiv 2210.03142, section 3.1).

Only LocDiT is taught. What it is conditioned on comes from the model's own patches in part, as at synthesis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from ditar.config import DistilLossConfig
from ditar.data.batches import DiTARBatch
from ditar.diffusion.guidance import guide
from ditar.diffusion.schedule import add_noise, average_velocity, rotate, sample_times
from ditar.model.ditar import DiTAR, in_pieces
from ditar.model.locdit import LocDiT
from ditar.model.noise import DRAWN
from ditar.model.own_patches import conditions, read_own_patches
from ditar.model.patches import valid_patches

SHORTEST = 1e-3  # steps below this length count as steps of no length: their average would be rounding


def make_student(teacher: DiTAR, guidance_scale: float) -> DiTAR:
    """A distilled model for guidance scales up to this, with the teacher's weights: until it is trained it predicts
    what the teacher predicts without guidance, whatever it is told. Only its LocDiT wants gradients."""
    student = DiTAR(replace(teacher.config, distilled_guidance=guidance_scale)).to(teacher.device, teacher.dtype)
    student.load_state_dict({**student.state_dict(), **teacher.state_dict()})
    student.requires_grad_(False)
    student.locdit.requires_grad_(True)
    return student


@dataclass(frozen=True)
class DrawnPaths:
    """Paths of the teacher for K draws of the M valid patches, draws first, (K * M, ...): they begin at times `begins`
    with `noise` (P, C) and end at `ends`, guided by `scales`; the state after a share `place` in [0, 1) of the steps is
    where the student begins, and `instant` is whether it stays there."""

    noise: Tensor
    begins: Tensor
    ends: Tensor
    scales: Tensor
    place: Tensor
    instant: Tensor


def draw_paths(
    shape: Sequence[int], patch_counts: Tensor, config: DistilLossConfig, generators: Sequence[torch.Generator]
) -> DrawnPaths:
    """Draw on the CPU row by row, as `draw_training_noise` does. `shape` is (B, N, P, C); one generator a row."""
    frame, draws, found = shape[2:], config.noise_draws, []
    low, high = config.guidance_scale
    for count, generator in zip(patch_counts.tolist(), generators, strict=True):
        number = draws * count
        begins, at_start = sample_times(number, generator, config.time_logit_normal, config.start_share)
        noise = torch.randn(number, *frame, generator=generator, **DRAWN)
        empty, whole, end, scale, place, instant = torch.rand(6, number, generator=generator, **DRAWN)
        noise[at_start & (empty < 0.5)] = 0.0
        ends = torch.where(whole < config.whole_share, 0.0, begins * end)
        # The first state most often: it is all that a single step ever sees.
        row = (noise, begins, ends, low + (high - low) * scale, place.square(), instant < config.instant_share)
        found.append([x.view(draws, count, *x.shape[1:]) for x in row])
    return DrawnPaths(*(torch.cat(x, dim=1).flatten(0, 1) for x in zip(*found)))


@torch.no_grad()
def guided_path(
    teacher: LocDiT, x: Tensor, begins: Tensor, ends: Tensor, scales: Tensor, steps: int, *conditions: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The teacher's guided ODE by equal steps of DDIM, from x (M, P, C) at times `begins` (M,) to `ends` (M,): its
    times (steps + 1, M) and states (steps + 1, M, P, C), and the guided u (steps, M, P, C) at all but the last.

    `conditions`: h, history, exists and, with monotonic reading, spoken, as `LocDiT.forward` takes them.
    """
    h, history, exists, *spoken = conditions
    twice, nothing = (lambda y: torch.cat((y, y))), (lambda y: torch.cat((y, torch.zeros_like(y))))
    context = teacher.context(nothing(h), twice(history), twice(exists), *map(nothing, spoken))
    share = torch.linspace(0, 1, steps + 1, dtype=begins.dtype, device=begins.device)[:, None]
    times = begins + (ends - begins) * share
    states, velocities = [x], []
    for t, s in pairwise(times):
        u = teacher.denoise(twice(states[-1].to(h.dtype)), teacher.at(twice(t)), context).to(x.dtype)
        velocities.append(guide(*u.chunk(2), scales[:, None, None]))
        states.append(rotate(states[-1], velocities[-1], t[:, None, None], s[:, None, None]))
    return times, torch.stack(states), torch.stack(velocities)


class DistillationLoss(nn.Module):
    """Holds the student, which is trained, and the teacher's LocDiT, which is not; all randomness is explicit."""

    def __init__(self, config: DistilLossConfig, student: DiTAR, teacher: LocDiT):
        super().__init__()
        self.config, self.model, self.teacher = config, student, teacher.requires_grad_(False)

    @staticmethod
    def counts(batch: DiTARBatch) -> Tensor:
        """What the losses are averaged over, (1,) float64: trained patches."""
        return batch.trained.sum()[None].double()

    def forward(
        self, batch: DiTARBatch, generators: Sequence[torch.Generator], counts: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Scalars: `loss`, the squared error of u; `average` and `instant`, the same of steps that go somewhere and of
        those that do not, each divided by its expected number. `generators`: one a row, on the CPU. `counts`: what to
        divide by, this batch's own if None."""
        c, clean, device = self.config, batch.latents, batch.latents.device
        read = read_own_patches(self.model, batch, c, generators) if c.own_share else clean
        told = patch_conditions(self.model, batch, read)
        drawn = draw_paths(clean.shape, batch.patch_counts, c, generators)
        kept = batch.trained[valid_patches(clean, batch.patch_counts)].cpu().repeat(c.noise_draws)
        noise, begins, ends, scales, place, instant = (
            x[kept].to(device, clean.dtype if x.is_floating_point() else None) for x in vars(drawn).values()
        )
        x = add_noise(clean[batch.trained].repeat(c.noise_draws, 1, 1), noise, begins[:, None, None])
        told = [y.repeat(c.noise_draws, *[1] * (y.ndim - 1)) for y in told]
        lesson = in_pieces(self._lesson, x, begins, ends, scales, place, instant, *told)
        times, aims = lesson[:, 0, 0, 0], lesson[:, 1, 0, 0]
        u = in_pieces(student_step(self.model.locdit), lesson[:, 2], times, aims, scales, *told)
        error = (u.to(clean.dtype) - lesson[:, 3]).square().mean(dim=(1, 2))  # (K * M,)
        patches = c.noise_draws * (self.counts(batch) if counts is None else counts).clamp(min=1).item()
        losses = {"loss": error.sum() / patches}
        for name, taken, share in (("average", ~instant, 1 - c.instant_share), ("instant", instant, c.instant_share)):
            if share:
                losses[name] = (error.detach() * taken).sum() / (share * patches)
        return losses

    def _lesson(
        self, x: Tensor, begins: Tensor, ends: Tensor, scales: Tensor, place: Tensor, instant: Tensor, *told: Tensor
    ) -> Tensor:
        """(M, 4, P, C): the time of the student's state and that of the end of its step, repeated; the state; the u
        that it should predict."""
        steps = self.config.teacher_steps
        times, states, velocities = guided_path(self.teacher, x, begins, ends, scales, steps, *told)
        chosen = (place * steps).long().clamp(max=steps - 1), torch.arange(len(x), device=x.device)
        t, state, u = times[chosen], states[chosen], velocities[chosen]
        stays = instant | (t - ends < SHORTEST)
        aims = torch.where(stays, t, ends)
        there = torch.where(stays, 0.0, ends)  # any other time: this average is not used
        average = average_velocity(state, states[-1], t[:, None, None], there[:, None, None])
        target = torch.where(stays[:, None, None], u, average)
        wide = [y[:, None, None].expand_as(x) for y in (t, aims)]
        return torch.stack((*wide, state, target), dim=1)


@torch.no_grad()
def patch_conditions(model: DiTAR, batch: DiTARBatch, read: Tensor) -> list[Tensor]:
    """h, history, exists and, with monotonic reading, spoken of all trained patches after the patches `read`."""
    return [y for y in conditions(model, batch, read, list(range(len(read)))) if y is not None]


def student_step(student: LocDiT):
    """u (M, P, C) as a function of x, times, aims, scales and conditions, see `guided_path`."""

    def step(x: Tensor, times: Tensor, aims: Tensor, scales: Tensor, h: Tensor, *rest: Tensor) -> Tensor:
        history, exists, spoken = (*rest, None)[:3]
        return student(x.to(h.dtype), times, h, history, exists, spoken, aims, scales)

    return step


@torch.no_grad()
def end_errors(
    student: LocDiT, teacher: LocDiT, x: Tensor, scales: Tensor, steps: Sequence[int], nfe: int, *told: Tensor
) -> dict[str, Tensor]:
    """From x (M, P, C) at t = 1, how far the student's data and the teacher's own lie from the teacher's guided data by
    `nfe` steps, mean squared per patch (M,): `student_N` and `teacher_N` for each N of `steps`."""
    one, nothing = torch.ones_like(scales), torch.zeros_like(scales)
    true = guided_path(teacher, x, one, nothing, scales, nfe, *told)[1][-1]
    found, step = {}, student_step(student)
    for number in steps:
        made = x
        for index in range(number):
            t, s = ((number - i) / number * one for i in (index, index + 1))
            u = step(made, t, s, scales, *told).to(x.dtype)
            made = rotate(made, u, t[:, None, None], s[:, None, None])
        coarse = guided_path(teacher, x, one, nothing, scales, number, *told)[1][-1]
        for name, one_made in (("student", made), ("teacher", coarse)):
            found[f"{name}_{number}"] = (one_made - true).square().mean(dim=(1, 2))
    return found
