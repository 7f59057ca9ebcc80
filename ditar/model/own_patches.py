"""Training on the model's own patches, so that it learns to go on from what it makes and not from the truth alone.

Where every patch is known already, all patches can be sampled at once, each after the known ones; what was sampled then
takes the place of the truth in what the model reads, and can be sampled from again (parallel scheduled sampling, arXiv
1906.04331). The targets stay the true patches, which monotonic reading keeps in step with the text.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ditar.config import DistilLossConfig, DiTARLossConfig, SamplingOptions
from ditar.data.batches import DiTARBatch
from ditar.diffusion.solver import make_solver
from ditar.model.ditar import DiTAR
from ditar.model.noise import DRAWN
from ditar.model.patches import histories, history_exists
from ditar.model.sampler import PatchSampler

STEPS = 4  # of inference; as good as 10 for this use
DISTILLED_STEPS = 2  # of a distilled model, as it is used, though evenly spaced here whatever its time grid
TEMPERATURES = (0.0, 0.3, 0.6, 1.0)
GUIDANCE_SCALES = (1.5, 3.5)


@torch.no_grad()
def read_own_patches(
    model: DiTAR, batch: DiTARBatch, config: DiTARLossConfig | DistilLossConfig, generators: Sequence[torch.Generator]
) -> Tensor:
    """The patches that the model reads in training, (B, N, P, C): the true ones, but in a share `own_share` of the rows
    the model's own in place of those that are trained. Each such row is sampled 1 to `own_passes` times over, with a
    temperature and a guidance scale of its own; all draws are by row, as those of `draw_training_noise`."""
    if len(generators) != len(batch.latents):
        raise ValueError(f"{len(generators)} generators for a batch of {len(batch.latents)}; give one for each row")
    distilled = model.config.is_distilled
    steps = DISTILLED_STEPS if distilled else STEPS
    solvers = [make_solver(SamplingOptions(temperature=t, num_inference_steps=steps)) for t in TEMPERATURES]
    passes, solver_of, scale_of = [], [], []
    for generator in generators:
        chosen, count, temperature, scale = torch.rand(4, generator=generator, **DRAWN).tolist()
        passes.append(1 + int(count * config.own_passes) if chosen < config.own_share else 0)
        solver_of.append(solvers[int(temperature * len(solvers))])
        low, high = (1.0, model.config.distilled_guidance) if distilled else GUIDANCE_SCALES
        scale_of.append(low + (high - low) * scale)
    read = batch.latents
    for done in range(config.own_passes):
        if rows := [row for row, count in enumerate(passes) if count > done]:
            trained = batch.trained[rows]
            at = [rows[place] for place in trained.nonzero()[:, 0].tolist()]  # the row of each trained patch
            if not at:
                break
            h, history, exists, spoken = conditions(model, batch, read, rows)
            chosen = zip(*((solver_of[row], scale_of[row], generators[row]) for row in at))
            sampler = PatchSampler(model, *chosen)
            made = read[rows]
            made[trained] = sampler(h, history, exists, spoken).to(made.dtype)
            read = read.index_copy(0, torch.tensor(rows, device=read.device), made)
    return read


def conditions(model: DiTAR, batch: DiTARBatch, read: Tensor, rows: list[int]) -> tuple[Tensor | None, ...]:
    """What LocDiT is given for each of the M trained patches of some rows, after the patches `read`: h (M, width), the
    history (M, H, P, C), whether it exists (M, H), and what its frames say."""
    ids, patches, trained, count = batch.symbol_ids[rows], read[rows], batch.trained[rows], model.config.history_patches
    told = spoken = None
    if model.config.reads_monotonically:
        told, spoken, _ = model.reading.teach(ids, batch.alignment[rows])
        spoken = spoken[trained]
    counts = batch.symbol_counts[rows], batch.patch_counts[rows]
    h = model.condition(ids, counts[0], patches, counts[1], reading=told).h
    exists = history_exists(patches.shape[1], count, patches.device).expand(len(patches), -1, -1)
    return h[trained], histories(patches, count)[trained], exists[trained], spoken
