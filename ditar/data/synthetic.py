"""Latents of no speech, in the layout of ditar.data.latents: to measure or rehearse what training does with data."""

import io
import json
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from ditar.storage.atomic_write import atomic_write, write_lines
from ditar.storage.weights import write_tensors
from ditar.text.vocabulary import DEFAULT_SYMBOLS
from ditar.units import frames_to_seconds, seconds_to_frames

SYMBOLS_PER_S = 12
UTTERANCES_OF_A_VOICE = 100


def shard_name(number: int) -> str:
    """As LatentWriter names it."""
    return f"latents.{number:06d}.tar"


def write_synthetic(
    folder: Path, utterances: int, shards: int, channels: int = 64, seconds: tuple[float, float] = (2.0, 10.0)
) -> None:
    """A complete folder with random symbols and values, 100 utterances of each voice in order, whose symbols last
    equally long; the same arguments give the same bytes. `seconds`: shortest and longest utterance."""
    (folder / "shar").mkdir(parents=True, exist_ok=True)
    least, most = map(seconds_to_frames, seconds)
    sounds = [symbol for symbol in DEFAULT_SYMBOLS if symbol.isalpha()]
    lines = []
    for number, members in enumerate(np.array_split(np.arange(utterances), shards)):
        random = np.random.default_rng(number)
        with atomic_write(folder / "shar" / shard_name(number)) as partial, tarfile.open(partial, "w") as archive:
            for index in members.tolist():
                values = random.standard_normal((random.integers(least, most + 1), channels), dtype=np.float32)
                voice = f"v{index // UTTERANCES_OF_A_VOICE:05d}"
                utt, count = f"{voice}-{index:07d}", max(1, round(SYMBOLS_PER_S * frames_to_seconds(len(values))))
                content = io.BytesIO()
                np.save(content, values.astype(np.float16))
                member = tarfile.TarInfo(f"{utt}.npy")
                member.size = content.tell()
                content.seek(0)
                archive.addfile(member, content)
                symbols = [sounds[i] for i in random.integers(len(sounds), size=count)]
                edges = np.linspace(0, frames_to_seconds(len(values)), count + 1).round(4).tolist()
                row = {"utt": utt, "speaker": voice, "shard": shard_name(number), "frames": len(values)}
                row |= {"symbols": symbols, "times": list(pairwise(edges)), "text": "synthetic"}
                lines.append(json.dumps(row))
    statistics = {"latent_mean": torch.zeros(channels), "latent_std": torch.ones(channels)}
    write_tensors(folder / "statistics.safetensors", statistics)
    write_lines(folder / "index.jsonl", lines)
