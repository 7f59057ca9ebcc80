"""Everything random in one training pass of DiTAR, drawn row by row: a row's draws do not depend on the batch around
it, so any split of a batch over processes trains on the same noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ditar.config import DiTARLossConfig
from ditar.diffusion.schedule import sample_times

DRAWN = {"dtype": torch.float32, "device": "cpu"}  # whatever the defaults are


@dataclass(frozen=True)
class TrainingNoise:
    """For M valid patches and K noise draws of each, draws first: `times` (K * M,), `noise` (K * M, P, C), zeros where
    t = 1 is the start of temperature < 1. Also what is added to the patches that the LM and LocDiT's history read,
    (B, N, P, C), and what is kept, (B, N) bool; None: nothing is added, nothing dropped."""

    times: Tensor
    noise: Tensor
    on_patches: Tensor | None
    on_history: Tensor | None
    keep_history: Tensor | None
    keep_h: Tensor | None


def draw_training_noise(
    shape: Sequence[int], patch_counts: Tensor, config: DiTARLossConfig, generators: Sequence[torch.Generator]
) -> TrainingNoise:
    """Draw on the CPU, so that a seed means the same on every device. `shape` is (B, N, P, C); one generator a row.

    Times are stratified over the patches of a row. ValueError if the numbers of generators and rows differ.
    """
    rows, most, *frame = shape
    if len(generators) != rows:
        raise ValueError(f"{len(generators)} generators for a batch of {rows}; give one for each row")
    draws = config.noise_draws
    times, noises, added, kept = [], [], ([], []), ([], [])
    for count, generator in zip(patch_counts.tolist(), generators):
        row_times, at_end = sample_times(draws * count, generator, config.time_logit_normal, config.time_end)
        noise = torch.randn(draws * count, *frame, generator=generator, **DRAWN)
        noise[at_end] = 0.0
        times.append(row_times.view(draws, count))
        noises.append(noise.view(draws, count, *frame))
        for into, most_std in zip(added, (config.lm_noise, config.history_noise)):
            if most_std:
                std = most_std * torch.rand((), generator=generator, **DRAWN)
                into.append(_pad(std * torch.randn(count, *frame, generator=generator, **DRAWN), most))
        for into, dropout in zip(kept, (config.history_dropout, config.h_dropout)):
            if dropout:
                into.append(_pad(torch.rand(count, generator=generator, **DRAWN) >= dropout, most))
    on_patches, on_history = (torch.stack(x) if x else None for x in added)
    keep_history, keep_h = (torch.stack(x) if x else None for x in kept)
    flat_times, flat_noise = torch.cat(times, dim=1).flatten(), torch.cat(noises, dim=1).flatten(0, 1)
    return TrainingNoise(flat_times, flat_noise, on_patches, on_history, keep_history, keep_h)


def _pad(x: Tensor, length: int) -> Tensor:
    padded = x.new_zeros(length, *x.shape[1:])
    padded[: len(x)] = x
    return padded
