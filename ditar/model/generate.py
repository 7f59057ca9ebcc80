"""Generation: one LM step and one sampled patch after the other, until the stop head says so."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ditar.diffusion.ddim import DDIM
from ditar.diffusion.guidance import guide
from ditar.diffusion.schedule import Generators
from ditar.diffusion.solver import Solver
from ditar.model.ditar import DiTAR
from ditar.model.lm import LMState


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


@dataclass(frozen=True)
class GeneratedPatch:
    """One patch (B, P, C), normalised latents; stop (B,): the stop head's probability that it is the last one."""

    patch: Tensor
    stop: Tensor


def start(
    model: DiTAR, symbol_ids: Tensor, symbol_counts: Tensor | None, prompt: Tensor | None, capacity: int
) -> DecodingState:
    """Read text (B, L) and prompt patches (B, N0, P, C) (None: no reference); at most `capacity` patches may follow.

    symbol_counts (B,), or None where no row is padded.
    """
    config = model.config
    count, parameter = config.history_patches, model.stop_head.weight
    if prompt is None:
        prompt = parameter.new_zeros(len(symbol_ids), 0, config.patch_frames, config.latent_channels)
    h, lm = model.prefill(symbol_ids, symbol_counts, prompt, capacity)
    missing = max(0, count - prompt.shape[1])
    tail = prompt[:, prompt.shape[1] - (count - missing) :]
    history = torch.cat((prompt.new_zeros(len(prompt), missing, *prompt.shape[2:]), tail), dim=1)
    exists = torch.arange(count, device=prompt.device).expand(len(prompt), -1) >= missing
    return DecodingState(lm, h, history, exists)


def read(model: DiTAR, patch: Tensor, state: DecodingState) -> DecodingState:
    """The state after a patch (B, P, C): one LM step; the patch joins the history. The only place that advances."""
    h, lm = model.read(patch, state.lm)
    count = state.history.shape[1]
    history = torch.cat((state.history, patch[:, None]), dim=1)[:, -count:] if count else state.history
    exists = torch.cat((state.exists[:, 1:], torch.ones_like(state.exists[:, :1])), dim=1)
    return replace(state, lm=lm, h=h, history=history, exists=exists)


def sample_patch(
    model: DiTAR, state: DecodingState, solver: Solver, guidance_scale: float, generator: Generators
) -> Tensor:
    """Draw the next patch (B, P, C). With guidance LocDiT runs once per step on 2 B rows: h, and h = 0.

    The history stays in both halves (arXiv 2502.03930, section 3.4). guidance_scale 1: B rows.
    """
    rows, dtype = len(state.h), state.history.dtype
    h, history, exists = state.h, state.history, state.exists
    guided = guidance_scale != 1.0
    if guided:
        h = torch.cat((h, torch.zeros_like(h)))
        history, exists = torch.cat((history, history)), torch.cat((exists, exists))
    context = model.locdit.context(h, history, exists)
    # The solver's state stays float32 (or wider) whatever the weights are.
    wide = state.history.float() if dtype != torch.float64 else state.history
    times = model.locdit.time(wide.new_tensor(solver.times[:-1]))  # (steps, width)
    x = solver.start((rows, *history.shape[2:]), generator, like=wide)
    for index in range(len(times)):
        noisy = torch.cat((x, x)) if guided else x
        u = model.locdit.denoise(noisy.to(dtype), times[index : index + 1], context).to(x.dtype)
        if guided:
            u = guide(u[:rows], u[rows:], guidance_scale)
        x = solver.step(index, u, x, generator)
    return x.to(dtype)


@torch.inference_mode()
def generate(
    model: DiTAR,
    symbol_ids: Tensor,
    prompt: Tensor | None,
    *,
    generator: torch.Generator,
    max_patches: int,
    solver: Solver | None = None,
    guidance_scale: float = 2.0,
    stop_threshold: float | None = None,
) -> Iterator[GeneratedPatch]:
    """Yield the patches that follow a prompt, one utterance.

    symbol_ids (1, L): the prompt's symbols and then the text's; prompt (1, N0, P, C) normalised latents or None (a
    random voice). Ends behind the patch whose stop probability exceeds the threshold (None: the configuration's), or
    after `max_patches`: then the last yielded `stop` is below it. `solver` None: DDIM, 10 steps, temperature 1.
    ValueError for an empty text or another batch size.
    """
    if symbol_ids.shape[0] != 1 or not symbol_ids.shape[1]:
        raise ValueError(f"generate takes one row of at least one symbol, got shape {tuple(symbol_ids.shape)}")
    if max_patches < 1:
        raise ValueError(f"max_patches must be at least 1, got {max_patches}")
    solver = DDIM(10) if solver is None else solver
    threshold = model.config.stop_threshold if stop_threshold is None else stop_threshold
    state = start(model, symbol_ids, None, prompt, max_patches)
    for number in range(max_patches):
        stop = model.stop_head(state.h)[..., 0].sigmoid()
        patch = sample_patch(model, state, solver, guidance_scale, generator)
        yield GeneratedPatch(patch, stop)
        if stop.item() > threshold or number == max_patches - 1:
            return
        state = read(model, patch, state)
