"""Patches from LocDiT, one at a time: the reverse ODE with guidance, for the rows of a batch.

A distilled LocDiT is told the guidance scale and where the step ends, and is evaluated once a step.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ditar.config.sampling import SamplingOptions
from ditar.diffusion.guidance import guide, scale_at
from ditar.diffusion.schedule import Generators
from ditar.diffusion.solver import RowSolvers, Solver
from ditar.model.ditar import DiTAR

ALL_STEPS, GUIDANCE_SCALE = SamplingOptions.guidance_steps, SamplingOptions.guidance_scale  # the defaults


class PatchSampler:
    """Draws patches for a fixed set of rows; what is the same for all patches is computed once, here.

    solvers, guidance_scales: one for each row, as guidance_rises (None: 1, the same scale at all times, see
    `guidance.scale_at`). generators: likewise, or one for all rows. guidance_steps: guidance is
    on at step i of n if low <= i / n < high, and the other steps run LocDiT on half the rows (ours, for speed).
    speakers: (B, size) embeddings, zeros for voices without one, see `LocDiT.speaker_size`; they stay in both branches.
    ValueError: guidance_steps outside [0, 1], solvers with different numbers of steps, or a guidance scale that a
    distilled model was not taught.
    """

    def __init__(
        self,
        model: DiTAR,
        solvers: Sequence[Solver],
        guidance_scales: Sequence[float],
        generators: Generators,
        guidance_steps: tuple[float, float] = ALL_STEPS,
        speakers: Tensor | None = None,
        guidance_rises: Sequence[float] | None = None,
    ):
        low, high = guidance_steps
        if not 0.0 <= low < high <= 1.0:
            raise ValueError(f"guidance_steps must be (low, high) with 0 <= low < high <= 1, got ({low}, {high})")
        self.locdit, self.generators, self.rows = model.locdit, generators, len(solvers)
        self.guidance_steps = low, high
        self.solver = RowSolvers(solvers)
        steps, rows = self.solver.steps, range(self.rows)
        guided = [row for row in rows if guidance_scales[row] != 1.0]
        self.guided = slice(None) if len(guided) == self.rows else guided
        self.is_guided = [bool(guided) and low <= index / steps < high for index in range(steps)]
        # Solvers and the sum of both branches stay float32, or wider, whatever the dtype of the weights.
        wide = torch.float64 if model.dtype == torch.float64 else torch.float32
        rises = [1.0] * self.rows if guidance_rises is None else guidance_rises
        scales, rises = (
            torch.tensor(values, dtype=torch.float64, device="cpu") for values in (guidance_scales, rises)
        )
        scales = scale_at(scales, rises, self.solver.times[:-1])  # (steps, B)
        self.scales = scales[:, self.guided, None, None].to(model.device, wide)
        times = self.solver.times[:-1].to(model.device, wide)  # (steps, 1 or B)
        self.like = torch.empty((), dtype=wide, device=model.device)
        told = [times]
        if model.config.is_distilled:
            told = self._told(model, times, guidance_scales, max(rises.tolist()))
            self.is_guided = [False] * steps  # by evaluations of its own
        self.times = model.locdit.at(*(x.flatten() for x in told)).unflatten(0, told[0].shape)  # (steps, 1 or B, width)
        self.times_of_both = self._both(self.times, dim=1) if times.shape[1] > 1 else self.times
        self.speakers = speakers
        if speakers is not None and any(self.is_guided):
            self.speakers = self._both(speakers)

    def __call__(self, h: Tensor, history: Tensor, exists: Tensor, spoken: Tensor | None = None) -> Tensor:
        """The next patch of each row, (B, P, C), given h (B, width), the patches before it (B, H, P, C) and which of
        those exist (B, H); with monotonic reading also what each frame says, (B, P, width of LocDiT).

        With guidance LocDiT runs once per step on both branches: h, and h = 0; the history stays in both (arXiv
        2502.03930, section 3.4). What is said is left out as h is.
        """
        if any(self.is_guided):
            h, history, exists = self._with_nothing(h), self._both(history), self._both(exists)
            spoken = None if spoken is None else self._with_nothing(spoken)
        both = self.locdit.context(h, history, exists, spoken, self.speakers)
        conditional = both if all(self.is_guided) else both.first(self.rows)
        x = self.solver.start((self.rows, *history.shape[2:]), self.generators, like=self.like)
        for index, guided in enumerate(self.is_guided):
            noisy = x.to(history.dtype)
            if guided:
                u = self.locdit.denoise(self._both(noisy), self.times_of_both[index], both).to(x.dtype)
                u = self._guide(u, self.scales[index])
            else:
                u = self.locdit.denoise(noisy, self.times[index], conditional).to(x.dtype)
            x = self.solver.step(index, u, x, self.generators)
        return x.to(history.dtype)

    def _told(self, model: DiTAR, times: Tensor, guidance_scales: Sequence[float], rise: float) -> list[Tensor]:
        """Times, ends of steps and guidance scales of each step, (steps, 1 or B) each."""
        for scale in guidance_scales:
            model.config.check_sampling(scale, rise=rise)
        scales = torch.tensor(guidance_scales, dtype=times.dtype, device=times.device)
        scales = scales[:1] if len(set(guidance_scales)) == 1 else scales
        guided = torch.tensor(self.is_guided, device=times.device)[:, None]
        scales = torch.where(guided, scales, torch.ones_like(scales))  # (steps, 1 or B)
        aims = self.solver.aims.to(times.device, times.dtype)
        return list(torch.broadcast_tensors(times, aims, scales))

    def _both(self, x: Tensor, dim: int = 0) -> Tensor:
        """Rows of the conditional branch, then those of the unconditional one."""
        guided = x[self.guided] if dim == 0 else x[:, self.guided]
        return torch.cat((x, guided), dim=dim)

    def _with_nothing(self, x: Tensor) -> Tensor:
        """Rows of the conditional branch, then zeros for those of the unconditional one."""
        return torch.cat((x, torch.zeros_like(x[self.guided])))

    def _guide(self, u: Tensor, scales: Tensor) -> Tensor:
        conditional, unconditional = u[: self.rows], u[self.rows :]
        if isinstance(self.guided, slice):
            return guide(conditional, unconditional, scales)
        conditional = conditional.clone()
        conditional[self.guided] = guide(conditional[self.guided], unconditional, scales)
        return conditional
