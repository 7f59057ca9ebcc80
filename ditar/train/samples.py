"""What a model says while it trains: teacher-forced against free-running word error (their gap is exposure bias)."""

import torch

from ditar.data.latents import LatentEntry, LatentStore
from ditar.diffusion.ddim import DDIM
from ditar.model.ditar import DiTAR
from ditar.model.generate import Row, collect, generate
from ditar.model.patches import histories, history_exists, patch, unpatch
from ditar.model.sampler import PatchSampler
from ditar.train.listener import Listener, reference_frames
from ditar.train.tracker import Tracker
from ditar.units import SAMPLE_RATE_HZ, frames_to_patches


def _ids(model: DiTAR, symbols: list[str], device: torch.device) -> torch.Tensor:
    """(1, L)"""
    numbers = {s: i for i, s in enumerate(model.config.symbols)}
    return torch.tensor([[numbers[s] for s in symbols]], device=device)


def _reference_patches(store: LatentStore, entry: LatentEntry, patch_frames: int) -> torch.Tensor:
    """The reference as at synthesis: no silence behind its last sound, its end on a patch boundary. (N, P, C)"""
    latents = store.latents(entry.utt)[: reference_frames(entry)]
    whole = frames_to_patches(len(latents), patch_frames) * patch_frames
    return patch(latents[None, len(latents) - whole :], patch_frames)[0]


def teacher_forced_words(model: DiTAR, store: LatentStore, listener: Listener, solver: DDIM) -> float:
    """Word error when every patch is made from the true ones before it."""
    device = next(model.parameters()).device
    config, spoken, texts = model.config, [], []
    for number, (_, target) in enumerate(listener.pairs(store)):
        latents = store.latents(target.utt).to(device)
        patches = frames_to_patches(len(latents), config.patch_frames)
        true = patch(latents[None, : patches * config.patch_frames], config.patch_frames)  # (1, N, P, C)
        ids = _ids(model, target.symbols, device)
        counts = torch.tensor([ids.shape[1]], device=device)
        h = model.condition(ids, counts, true, torch.tensor([patches], device=device)).h[0]  # (N, width)
        sampler = PatchSampler(model, [solver] * patches, [2.0] * patches, torch.Generator().manual_seed(number))
        history = histories(true, config.history_patches)[0]
        made = sampler(h, history, history_exists(patches, config.history_patches, device))  # (N, P, C)
        spoken.append(listener.decode(unpatch(made[None])).float().cpu().numpy())
        texts.append(target.text)
    return listener.word_error(spoken, texts)


def sample_words(
    model: DiTAR, store: LatentStore, listener: Listener, solver: DDIM, tracker: Tracker, step: int
) -> dict[str, float]:
    """Word error, quality, share of samples that stopped and audio of free-running generation behind a reference."""
    device = next(model.parameters()).device
    spoken, texts, references, stopped = [], [], [], 0
    for number, (reference, target) in enumerate(listener.pairs(store)):
        prompt = _reference_patches(store, reference, model.config.patch_frames).to(device)
        if listener.quality is not None:
            references.append(listener.reference(reference.utt, unpatch(prompt[None])))
        ids = _ids(model, [*reference.symbols, " ", *target.symbols], device)[0]
        limit = 2 * frames_to_patches(target.frames, model.config.patch_frames) + 10
        row = Row(ids, prompt, torch.Generator().manual_seed(number), limit, solver=solver)
        (made,) = collect(generate(model, [row]))
        stopped += made.stop > model.config.stop_threshold
        latents = unpatch(made.patches[None])  # (1, T, C)
        waveform = listener.decode(latents)
        spoken.append(waveform.float().cpu().numpy())
        texts.append(target.text)
        if number < 4:
            tracker.audio(f"free-running/{target.utt}", waveform, step, SAMPLE_RATE_HZ)
    return {**listener.figures(spoken, texts, references), "stopped": stopped / max(1, len(spoken))}
