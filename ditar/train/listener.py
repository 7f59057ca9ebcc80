"""How a model is heard while it trains, and which utterances it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ditar.data.latents import LatentEntry, LatentStore
from ditar.units import LATENT_RATE_HZ, seconds_to_frames

SAMPLES = 8


@dataclass(frozen=True)
class Listener:
    """`decode`: normalised latents (1, T, C), or codes (1, Q, T) -> waveform (S,) at 24 kHz. `word_error`: waveforms
    and their texts -> word error, given by the recipe so that training knows no recogniser."""

    decode: Callable[[torch.Tensor], torch.Tensor]
    word_error: Callable[[list[np.ndarray], list[str]], float]


def speaker_pairs(store: LatentStore) -> list[tuple[LatentEntry, LatentEntry]]:
    """Pairs (reference, target) of one speaker each, evenly over the speakers; none where no speaker has two."""
    speakers: dict[str, list[LatentEntry]] = {}
    for entry in store.entries:
        speakers.setdefault(entry.speaker, []).append(entry)
    pairs = [(group[0], group[1]) for group in speakers.values() if len(group) > 1]
    stride = max(1, len(pairs) // SAMPLES)
    return pairs[::stride][:SAMPLES]


def reference_frames(entry: LatentEntry, rate_hz: float = LATENT_RATE_HZ) -> int:
    """Frames of a reference as at synthesis: without the silence behind its last sound, where its times are known."""
    ends = [t[1] for t in entry.times or [] if t]
    return min(entry.frames, seconds_to_frames(max(ends), rate_hz)) if ends else entry.frames
