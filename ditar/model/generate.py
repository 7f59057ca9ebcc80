"""Generation: prefill, then one LM step and one sampled patch after the other, until the stop head says so.

One utterance, a batch and a stream are the same code: a batch is rows that have nothing in common but the model and the
number of inference steps, and a row that has ended leaves the state.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ditar.config.sampling import SamplingOptions
from ditar.diffusion.solver import Solver, make_solver
from ditar.model.ditar import DiTAR
from ditar.model.lm import LMState
from ditar.model.sampler import ALL_STEPS, GUIDANCE_SCALE, PatchSampler

FAITHFUL = make_solver(SamplingOptions())


@dataclass(frozen=True, eq=False)
class GenerationInput:
    """What one row of a batch is made from, and when it ends.

    symbol_ids (L,): the prompt's symbols and then the text's; prompt (N0, P, C): normalised latents, or None for a
    random voice; generator: all of the row's noise; max_patches, min_patches: it ends behind the first patch from
    min_patches on whose stop probability exceeds the threshold (None: the configuration's), and at the latest behind
    max_patches; solver, with its temperature: rows that share one object are faster; guidance_scale 1: off.
    """

    symbol_ids: Tensor
    prompt: Tensor | None
    generator: torch.Generator
    max_patches: int
    min_patches: int = 1
    solver: Solver = field(default=FAITHFUL)
    guidance_scale: float = GUIDANCE_SCALE
    stop_threshold: float | None = None


@dataclass(frozen=True)
class DecodingState:
    """Everything that generation carries from patch to patch; passed in and returned.

    lm: what the LM has read; h (B, width): its output for the next patch; history (B, H, P, C): the last patches,
    oldest first, zeros where `exists` (B, H) is False.
    """

    lm: LMState
    h: Tensor
    history: Tensor
    exists: Tensor

    def select(self, places: Sequence[int]) -> "DecodingState":
        """The state of some of the rows, which need not carry the others on."""
        places = list(places)
        return DecodingState(self.lm.select(places), self.h[places], self.history[places], self.exists[places])


@dataclass(frozen=True)
class GeneratedPatches:
    """One more patch of every row that has not ended before: rows, their numbers; patches (B, P, C), normalised
    latents; stop: the stop head's probability that it is the last one; ended: it is."""

    rows: tuple[int, ...]
    patches: Tensor
    stop: tuple[float, ...]
    ended: tuple[bool, ...]


def start_decoding(model: DiTAR, rows: Sequence[GenerationInput]) -> DecodingState:
    """Read text and prompt of each row (prefill). ValueError: no row, an empty text, or limits that leave nothing."""
    if not rows:
        raise ValueError("there are no rows to generate; give at least one")
    for number, row in enumerate(rows):
        if row.symbol_ids.ndim != 1 or not len(row.symbol_ids):
            shape = tuple(row.symbol_ids.shape)
            raise ValueError(f"row {number} must have symbol_ids of the shape (L,), L at least 1, got {shape}")
        if not 1 <= row.min_patches <= row.max_patches:
            raise ValueError(
                f"row {number} must have 1 <= min_patches <= max_patches, got {row.min_patches} and {row.max_patches}"
            )
    config, like = model.config, model.stop_head.weight
    none = like.new_zeros(0, config.patch_frames, config.latent_channels)
    prompts = [none if row.prompt is None else row.prompt for row in rows]
    h, lm = model.prefill([row.symbol_ids for row in rows], prompts, max(row.max_patches for row in rows))
    history = like.new_zeros(len(rows), config.history_patches, *none.shape[1:])
    exists = torch.zeros(history.shape[:2], dtype=torch.bool, device=like.device)
    for place, prompt in enumerate(prompts):
        if count := min(config.history_patches, len(prompt)):
            history[place, -count:], exists[place, -count:] = prompt[-count:], True
    return DecodingState(lm, h, history, exists)


def advance(model: DiTAR, patches: Tensor, state: DecodingState) -> DecodingState:
    """The state after a patch of each row, (B, P, C): one LM step; the patch joins the history. The only place that
    advances."""
    h, lm = model.step(patches, state.lm)
    count = state.history.shape[1]
    history = torch.cat((state.history, patches[:, None]), dim=1)[:, -count:] if count else state.history
    exists = torch.cat((state.exists[:, 1:], torch.ones_like(state.exists[:, :1])), dim=1)
    return replace(state, lm=lm, h=h, history=history, exists=exists)


@torch.inference_mode()
def generate_patches(
    model: DiTAR,
    rows: Sequence[GenerationInput],
    *,
    state: DecodingState | None = None,
    guidance_steps: tuple[float, float] = ALL_STEPS,
) -> Iterator[GeneratedPatches]:
    """Yield the patches that follow the prompts, one of each row at a time, until all rows have ended.

    state: what `start_decoding` returned for these rows, if it was called before. guidance_steps: see PatchSampler.
    ValueError: see there and `start_decoding`.
    """
    live = list(range(len(rows)))
    state = start_decoding(model, rows) if state is None else state
    sampler = _sampler(model, rows, guidance_steps)
    thresholds = [model.config.stop_threshold if r.stop_threshold is None else r.stop_threshold for r in rows]
    made = 0
    while True:
        probability = model.stop_head(state.h)[..., 0].double().sigmoid()
        patches = sampler(state.h, state.history, state.exists)
        made, stop = made + 1, probability.tolist()
        ended = [
            made == rows[row].max_patches or (made >= rows[row].min_patches and share > thresholds[row])
            for row, share in zip(live, stop)
        ]
        yield GeneratedPatches(tuple(live), patches, tuple(stop), tuple(ended))
        going = [place for place, over in enumerate(ended) if not over]
        if not going:
            return
        if len(going) < len(live):
            live = [live[place] for place in going]
            patches, state = patches[going], state.select(going)
            sampler = _sampler(model, [rows[row] for row in live], guidance_steps)
        state = advance(model, patches, state)


def _sampler(model: DiTAR, rows: Sequence[GenerationInput], guidance_steps: tuple[float, float]) -> PatchSampler:
    solvers, scales, generators = zip(*((row.solver, row.guidance_scale, row.generator) for row in rows))
    return PatchSampler(model, solvers, scales, generators, guidance_steps)


@dataclass(frozen=True)
class GenerationOutput:
    """A whole row: patches (N, P, C) and the stop probability of the last."""

    patches: Tensor
    stop: float


def collect_patches(steps: Iterable[GeneratedPatches]) -> list[GenerationOutput]:
    """All of `generate_patches` at once, in the order of the rows."""
    patches: dict[int, list[Tensor]] = {}
    stop: dict[int, float] = {}
    for step in steps:
        for row, patch, share in zip(step.rows, step.patches, step.stop):
            patches.setdefault(row, []).append(patch)
            stop[row] = share
    return [GenerationOutput(torch.stack(patches[row]), stop[row]) for row in sorted(patches)]
