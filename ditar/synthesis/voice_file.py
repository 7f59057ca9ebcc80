"""A voice on disk: safetensors with the latents of the reference, and everything else about it as metadata.

Describing a file needs neither torch nor a model; loading one takes milliseconds.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from ditar.storage.atomic_write import WriteError, check_folder

if TYPE_CHECKING:
    from ditar.synthesis.voice import Voice

FORMAT, VERSION = "ditar-voice", "1"
EMBEDDING = "embedding"  # the tensor of an adapted voice; older programs speak without it
MOST_LATENT, MOST_EMBEDDING = 100.0, 10.0  # of normalised latents, and of what is learnt, where 0.5 is much
_TEXTS = ("name", "text", "vae", "vocabulary")


class VoiceFileError(ValueError):
    """A file that holds no voice, or cannot be read or written; the message names it and the remedy."""


@dataclass(frozen=True)
class VoiceDescription:
    """The metadata of a voice file: fields of a `Voice`, its latents' shape, and `adapted_for`, the fingerprint of the
    model that its embedding belongs to, empty without one."""

    name: str
    text: str
    symbols: tuple[str, ...]
    seconds: float
    vae: str
    vocabulary: str
    frames: int
    channels: int
    adapted_for: str = ""


def save_voice(voice: "Voice", path: str | Path) -> None:
    """Write a voice, atomically. VoiceFileError: the folder is missing, or the name has another ending."""
    from ditar.storage.weights import write_tensors

    path = Path(path)
    check_voice_path(path)
    if voice.others:
        raise VoiceFileError(f"voice {voice.name!r} is a blend, and a file holds one voice; keep its voices")
    metadata = {"format": FORMAT, "version": VERSION, "seconds": repr(float(voice.seconds))}
    # The name of a voice may be that of a file, whose bytes need not be Unicode.
    metadata |= {name: getattr(voice, name).encode(errors="replace").decode() for name in _TEXTS}
    metadata["symbols"] = json.dumps(list(voice.symbols), ensure_ascii=False)
    tensors = {"latents": voice.latents.detach().float().cpu()}
    if voice.embedding is not None:
        metadata["adapted_for"], tensors[EMBEDDING] = voice.embedding.model, voice.embedding.vectors.float().cpu()
    try:
        write_tensors(path, tensors, metadata)
    except WriteError as error:
        raise VoiceFileError(str(error)) from None


def check_voice_path(path: str | Path) -> None:
    """VoiceFileError if no voice can be written to `path`: to call before seconds of work."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise VoiceFileError(
            f"{path} must be a file that ends in .safetensors, or a name of letters, digits, - and _; got "
            f"{path.suffix or 'no ending'!r}"
        )
    try:
        str(path).encode()
    except UnicodeEncodeError:  # what reads safetensors takes no other names
        raise VoiceFileError(f"{str(path)!r} is no Unicode, and voices need such names; give another one") from None
    if not path.parent.is_dir():
        raise VoiceFileError(f"output folder {path.parent} does not exist; create it with: mkdir -p {path.parent}")
    if path.is_dir():
        raise VoiceFileError(f"{path} is a folder; give the name of a file in it")
    try:
        check_folder(path.parent)
    except WriteError as error:
        raise VoiceFileError(str(error)) from None


def describe_voice(path: str | Path) -> VoiceDescription:
    """The metadata of a voice file. VoiceFileError: it is missing, truncated or not a voice."""
    return _read(Path(path))[0]


def load_voice(path: str | Path) -> "Voice":
    """The voice of a file. VoiceFileError: as `describe_voice`."""
    import torch

    from ditar.synthesis.voice import SpeakerEmbedding, Voice

    found, arrays = _read(Path(path), tensors=True)
    latents, vectors = (None if x is None else torch.from_numpy(x) for x in arrays)
    return Voice(
        found.name,
        latents,
        found.symbols,
        found.text,
        found.seconds,
        found.vae,
        found.vocabulary,
        embedding=None if vectors is None else SpeakerEmbedding(vectors, found.adapted_for),
    )


def check_voice(voice: "Voice", pipeline: Any) -> None:
    """VoiceError, see `check_fit`, if a voice does not fit a pipeline (anything with `fingerprints`, `patch_frames` and
    `speaker_space`, which is asked for adapted voices only)."""
    from ditar.synthesis.voice import check_fit

    space = None if voice.embedding is None else pipeline.speaker_space
    check_fit(voice, *pipeline.fingerprints, pipeline.patch_frames, space)


def _read(path: Path, tensors: bool = False) -> tuple[VoiceDescription, tuple[Any, Any]]:
    """The metadata and, with `tensors`, latents and embedding (None: it has none)."""
    if not path.is_file():
        raise VoiceFileError(f"voice file {path} does not exist; make one with: ditar voice create")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise VoiceFileError(f"{path} holds no voice; make one with: ditar voice create")
            if metadata.get("version") != VERSION:
                raise VoiceFileError(
                    f"{path} is a voice of version {metadata.get('version')}, this program reads version {VERSION}; "
                    "make it again, or update ditar"
                )
            frames, channels = file.get_slice("latents").get_shape()
            symbols = tuple(json.loads(metadata["symbols"]))
            found = VoiceDescription(
                **{name: metadata[name] for name in _TEXTS},
                symbols=symbols,
                seconds=float(metadata["seconds"]),
                frames=frames,
                channels=channels,
                adapted_for=metadata.get("adapted_for", ""),
            )
            names = ("latents", *([EMBEDDING] if found.adapted_for else [])) if tensors else ()
            arrays = [file.get_tensor(name) for name in names]
            _check_content(path, found, arrays)
            return found, tuple((*arrays, None, None)[:2])
    except (SafetensorError, OSError) as error:
        size = path.stat().st_size
        raise VoiceFileError(
            f"{path} ({size} bytes) is not a voice that `ditar voice create` made, or not all of it ({error}); make it "
            "again, or give the clip itself"
        ) from None
    except VoiceFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # numpy lacks some of safetensors' dtypes
        raise VoiceFileError(f"{path} is a broken voice file ({error!r}); make it again") from None


def _check_content(path: Path, found: VoiceDescription, arrays: Sequence[Any]) -> None:
    """VoiceFileError: what no voice has, and would become noise, or an error of something else, when it speaks."""
    wrong = None
    if not 0 < found.seconds < math.inf:
        wrong = f"it lasts {found.seconds:g} s"
    if not all(isinstance(symbol, str) for symbol in found.symbols):
        wrong = f"its symbols are {found.symbols[:3]}"
    if found.adapted_for and not re.fullmatch("[0-9a-f]{16}", found.adapted_for):
        wrong = f"it was adapted for {found.adapted_for[:20]!r}, which is no fingerprint"
    for array, axes, most in zip(arrays, (2, 1), (MOST_LATENT, MOST_EMBEDDING)):
        what = "latents have" if axes == 2 else "embedding has"
        if array.ndim != axes or array.dtype.name not in ("float32", "float16") or not array.size:
            wrong = f"its {what} the shape {array.shape} in {array.dtype}, where float32 with {axes} axes belongs"
        elif not abs(array).max() <= most:  # nor is NaN
            wrong = f"its {what} numbers up to {abs(array).max():g}, and {most:g} is the most"
    if wrong is not None:
        raise VoiceFileError(f"{path} is a broken voice file ({wrong}); make it again")
