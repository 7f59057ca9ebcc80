"""What was learnt of voices from their clips, kept in a user's cache, so that a clip is learnt once and not at each
command.

Kept are the numbers that were learnt, and nothing that could be heard. A file is named by all that they depend on, but
for the number of threads, which may be another at each start and changes no more than how sums are rounded: what is
found is what would be learnt again, and a voice stays as it is.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ditar.config import to_dict
from ditar.model import speaker
from ditar.model.ditar import DiTAR
from ditar.nn.precision import capabilities
from ditar.storage.atomic_write import atomic_write, remove_abandoned
from ditar.storage.digests import digest_tensors, digest_values
from ditar.storage.user_folders import user_folder_of
from ditar.synthesis.reference import Reference
from ditar.synthesis.voice import SpeakerEmbedding, Voice

VECTORS, ABOUT = "embedding", "about"
WAY = 1  # of learning: another number where code makes other numbers of the same clip
MOST_KEPT = 200  # voices, of 15 KB each; those that were not used for longest go first


def learnt_folder() -> Path:
    """`ditar/learnt` in XDG_CACHE_HOME, by default ~/.cache."""
    return user_folder_of("XDG_CACHE_HOME", ".cache") / "learnt"


def adapt_once(
    folder: Path,
    model: DiTAR,
    voice: Voice,
    reference: Reference,
    space: tuple[str, int],
    on_step: Callable[[int, int], None] | None,
    sure: bool,
) -> Voice:
    """What `adapt_voice` gives, learnt if it is not in the folder yet. space: fingerprint of the model and size of an
    embedding. What cannot be kept is learnt again."""
    from ditar.synthesis.adapt import adapt_voice  # what aligns and learns, which a voice that is known needs not

    fingerprint, size = space
    path = folder / f"{_name(model, voice, reference)}.safetensors"
    if (found := _load(path, size, voice.name)) is not None and not (sure and found[1]):
        vectors, doubts = found
        return replace(voice, embedding=SpeakerEmbedding(vectors, fingerprint), warnings=(*voice.warnings, *doubts))
    learnt = adapt_voice(model, voice, reference, fingerprint, on_step, sure)
    _keep(path, learnt.embedding.vectors, voice.name, learnt.warnings[len(voice.warnings) :])
    return learnt


def _name(model: DiTAR, voice: Voice, reference: Reference) -> str:
    """16 hexadecimal digits of all that what is learnt, or said of it but by the voice's name, depends on: clip and
    words, weights, the way, and what decides how it rounds."""
    computer = [*capabilities(model.device), torch.__version__]
    rounding = [str(model.device), str(model.dtype), *computer]  # a home may be that of several computers
    constants = [speaker.STEPS, speaker.WARMUP_STEPS, speaker.LEARNING_RATE, speaker.BETAS, asdict(speaker.LOSS)]
    said = [reference.text, reference.language, reference.unfit, voice.symbols]
    heard = digest_tensors([torch.from_numpy(reference.clip), voice.latents])
    weights = [to_dict(model.config), digest_tensors(model.state_dict().values())]
    return digest_values([WAY, constants, rounding, said, heard, weights])


def _load(path: Path, size: int, name: str) -> tuple[Tensor, list[str]] | None:
    """What was kept: (size,), and warnings; None if there is none, it is damaged, or its warnings name another voice
    than `name`."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        with safe_open(path, framework="numpy") as file:  # for torch it is opened twice, and may be gone in between
            held = file.get_slice(VECTORS)
            if (held.get_dtype(), held.get_shape()) != ("F32", [size]):
                return None
            vectors = torch.from_numpy(file.get_tensor(VECTORS))
            about = json.loads(file.metadata()[ABOUT])
        doubts = about["warnings"]
        if doubts and about["voice"] != name:
            return None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError):
        return None
    if not isinstance(doubts, list) or not all(isinstance(doubt, str) for doubt in doubts):
        return None
    with suppress(OSError):  # it may be read only
        os.utime(path)  # it was used
    return (vectors, doubts) if vectors.isfinite().all() else None


def _keep(path: Path, vectors: Tensor, name: str, doubts: tuple[str, ...]) -> None:
    """Nothing is lost but time where it cannot be written: a full disk, a home that is read-only."""
    with suppress(OSError, SafetensorError, ValueError):  # safetensors has its own for a full disk
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_abandoned(path.parent)
        with atomic_write(path) as partial:
            save_file({VECTORS: vectors}, partial, {ABOUT: json.dumps({"voice": name, "warnings": doubts})})
        used = sorted(path.parent.glob("*.safetensors"), key=lambda one: one.lstat().st_mtime, reverse=True)
        for old in used[MOST_KEPT:]:
            with suppress(OSError):  # somebody else's, a folder, or gone by now
                old.unlink()
