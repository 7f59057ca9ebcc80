"""What a model says while it trains: teacher-forced and free-running word error (their gap is exposure bias)."""

from collections.abc import Sequence

import torch

from ditar.config.sampling import SamplingOptions
from ditar.data.frame_symbols import frame_places
from ditar.data.latents import LatentEntry, LatentStore
from ditar.diffusion.solver import make_solver
from ditar.model.ditar import DiTAR
from ditar.model.generate import GenerationInput, collect_patches, generate_patches
from ditar.model.patches import histories, history_exists, patch, unpatch
from ditar.model.sampler import PatchSampler
from ditar.text.vocabulary import Vocabulary
from ditar.train.listener import Listener, as_spoken, pair_lengths, reference_frames
from ditar.train.tracker import Tracker
from ditar.units import LATENT_RATE_HZ, SAMPLE_RATE_HZ, frames_to_patches, patches_to_seconds


def _ids(model: DiTAR, symbols: Sequence[str]) -> torch.Tensor:
    """(L,)"""
    return torch.tensor(Vocabulary(model.config.symbols).encode(symbols), device=model.device)


def _reference_patches(store: LatentStore, entry: LatentEntry, patch_frames: int) -> torch.Tensor:
    """The reference as at synthesis: no silence after its last sound, its end on a patch boundary. (N, P, C)"""
    latents = store.latents(entry.utt)[: reference_frames(entry)]
    whole = frames_to_patches(len(latents), patch_frames) * patch_frames
    return patch(latents[None, len(latents) - whole :], patch_frames)[0]


def _told(
    model: DiTAR, target: LatentEntry, ids: torch.Tensor, patches: int
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """What the LM (1, N, width) and LocDiT (N, P, width) read of a target's symbols, at their recorded times; None
    without monotonic reading."""
    if not model.config.reads_monotonically:
        return None, None
    symbols, unit = as_spoken(target, model.config), model.config.patch_frames
    times = [*(target.times or []), *[None] * len(symbols)][: len(symbols)]  # a full stop may have been added
    places = torch.from_numpy(frame_places(symbols, times, patches * unit, LATENT_RATE_HZ))
    told, (spoken,), _ = model.reading.teach(ids[None], places.to(ids.device).view(1, patches, unit))
    return told, spoken


def teacher_forced_words(
    model: DiTAR, store: LatentStore, listener: Listener, sampling: SamplingOptions
) -> float:
    """Word error when every patch is generated after the true ones."""
    device = next(model.parameters()).device
    config, solver, spoken, texts = model.config, make_solver(sampling), [], []
    for number, (_, target) in enumerate(listener.pairs(store)):
        latents = store.latents(target.utt).to(device)
        patches = frames_to_patches(len(latents), config.patch_frames)
        true = patch(latents[None, : patches * config.patch_frames], config.patch_frames)  # (1, N, P, C)
        ids = _ids(model, as_spoken(target, config))
        counts = torch.tensor([len(ids)], device=device)
        told, spoken_frames = _told(model, target, ids, patches)
        h = model.condition(ids[None], counts, true, torch.tensor([patches], device=device), reading=told).h[0]
        generator, scales = torch.Generator().manual_seed(number), [sampling.guidance_scale] * patches
        rises = [sampling.guidance_rise] * patches
        sampler = PatchSampler(
            model, [solver] * patches, scales, generator, sampling.guidance_steps, guidance_rises=rises
        )
        history = histories(true, config.history_patches)[0]
        exists = history_exists(patches, config.history_patches, device)
        made = sampler(h, history, exists, spoken_frames)  # (N, P, C)
        spoken.append(listener.decode(unpatch(made[None])).float().cpu().numpy())
        texts.append(target.text)
    return listener.word_error(spoken, texts)


def sample_words(
    model: DiTAR, store: LatentStore, listener: Listener, sampling: SamplingOptions, tracker: Tracker, step: int
) -> dict[str, float]:
    """Word error, quality, share of samples that stopped, and audio of free-running generation after a reference: text,
    limits and guidance as at synthesis, without retries."""
    config, unit = model.config, patches_to_seconds(1, model.config.patch_frames)
    solver, spoken, texts, references, stopped = make_solver(sampling), [], [], [], 0
    for number, (reference, target) in enumerate(listener.pairs(store)):
        prompt = _reference_patches(store, reference, config.patch_frames).to(model.device)
        if listener.quality is not None:
            references.append(listener.reference(reference.utt, unpatch(prompt[None])))
        ids = _ids(model, [*as_spoken(reference, config), " ", *as_spoken(target, config)])
        limits = pair_lengths(reference, target, config)
        least, most, generator = limits.least_units(unit), limits.most_units(unit), torch.Generator()
        generator.manual_seed(number)
        how = {"solver": solver, "guidance_scale": sampling.guidance_scale, "guidance_rise": sampling.guidance_rise}
        first = len(ids) - len(as_spoken(target, config))
        row = GenerationInput(ids, prompt, generator, most, min_patches=least, first=first, **how)
        (made,) = collect_patches(generate_patches(model, [row], guidance_steps=sampling.guidance_steps))
        stopped += made.stop > config.stop_threshold
        latents = unpatch(made.patches[None])  # (1, T, C)
        waveform = listener.decode(latents)
        spoken.append(waveform.float().cpu().numpy())
        texts.append(target.text)
        if number < 4:
            tracker.audio(f"free-running/{target.utt}", waveform, step, SAMPLE_RATE_HZ)
    return {**listener.figures(spoken, texts, references), "stopped": stopped / max(1, len(spoken))}
