"""A voice on disk: safetensors with the latents of the reference, and everything else about it as metadata.

Describing a file needs neither torch nor a model; loading one takes milliseconds.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from ditar.storage.atomic_write import WriteError, check_folder

if TYPE_CHECKING:
    from ditar.synthesis.voice import Voice

FORMAT, VERSION = "ditar-voice", "1"
BLEND_VERSION, OTHER = "2", "other."  # of a blend, and what its second voice's names begin with
LATENTS, EMBEDDING = "latents", "embedding"  # the tensors; the second of adapted voices, older programs speak without
MOST_LATENT, MOST_EMBEDDING = 100.0, 10.0  # of normalised latents, and of what is learnt, where 0.5 is much
_TEXTS = ("name", "text", "vae", "vocabulary")


class VoiceFileError(ValueError):
    """A file that holds no voice, or cannot be read or written; the message names it and the remedy."""


@dataclass(frozen=True)
class VoiceDescription:
    """The metadata of a voice file: fields of a `Voice`, its latents' shape, and `adapted_for`, the fingerprint of the
    model that its embedding belongs to, empty without one; of a blend those of its voice with the larger share, the
    `other` voice, and the `share` of that."""

    name: str
    text: str
    symbols: tuple[str, ...]
    seconds: float
    vae: str
    vocabulary: str
    frames: int
    channels: int
    adapted_for: str = ""
    other: "VoiceDescription | None" = None
    share: float = 0.0


def save_voice(voice: "Voice", path: str | Path) -> None:
    """Write a voice, or a blend of two, atomically. VoiceFileError: the folder is missing, or the name has another
    ending, or it is a blend of more."""
    from ditar.storage.weights import write_tensors

    path = Path(path)
    check_voice_path(path)
    if len(voice.others) > 1:
        raise VoiceFileError(
            f"voice {voice.name!r} is a blend of {len(voice.all)} voices, and a file holds one of two; blend two"
        )
    metadata, tensors = {"format": FORMAT, "version": BLEND_VERSION if voice.others else VERSION}, {}
    for begin, one in zip(("", OTHER), voice.all):
        # The name of a voice may be that of a file, whose bytes need not be Unicode.
        found = {name: getattr(one, name).encode(errors="replace").decode() for name in _TEXTS}
        found |= {"seconds": repr(float(one.seconds)), "symbols": json.dumps(list(one.symbols), ensure_ascii=False)}
        tensors[begin + LATENTS] = one.latents.detach().float().cpu()
        if one.embedding is not None:
            found["adapted_for"], tensors[begin + EMBEDDING] = one.embedding.model, one.embedding.vectors.float().cpu()
        metadata |= {begin + name: value for name, value in found.items()}
    for _, share in voice.others:
        metadata["share"] = repr(float(share))
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
    voices = []
    for one in filter(None, (found, found.other)):
        latents, vectors = (None if x is None else torch.from_numpy(x) for x in arrays[len(voices)])
        embedding = None if vectors is None else SpeakerEmbedding(vectors, one.adapted_for)
        told = one.name, latents, one.symbols, one.text, one.seconds, one.vae, one.vocabulary
        voices.append(Voice(*told, embedding=embedding))
    main, *others = voices
    return replace(main, others=tuple((other, found.share) for other in others))


def check_voice(voice: "Voice", pipeline: Any) -> None:
    """VoiceError, see `check_fit`, if a voice, or one of a blend, does not fit a pipeline (anything with
    `fingerprints`, `patch_frames` and `speaker_space`, which is asked for adapted voices only)."""
    from ditar.synthesis.voice import check_fit

    for one in voice.all:
        space = None if one.embedding is None else pipeline.speaker_space
        check_fit(one, *pipeline.fingerprints, pipeline.patch_frames, space)


def _read(path: Path, tensors: bool = False) -> tuple[VoiceDescription, list[tuple[Any, Any]]]:
    """The metadata and, with `tensors`, latents and embedding (None: it has none) of each of its voices."""
    if not path.is_file():
        raise VoiceFileError(f"voice file {path} does not exist; make one with: ditar voice create")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise VoiceFileError(f"{path} holds no voice; make one with: ditar voice create")
            if (version := metadata.get("version")) not in (VERSION, BLEND_VERSION):
                raise VoiceFileError(
                    f"{path} is a voice of version {version}, this program reads versions {VERSION} and "
                    f"{BLEND_VERSION}; make it again, or update ditar"
                )
            found, arrays = [], []
            for begin in ("", OTHER) if version == BLEND_VERSION else ("",):
                found.append(_described(file, metadata, begin))
                names = (LATENTS, *([EMBEDDING] if found[-1].adapted_for else [])) if tensors else ()
                read = [file.get_tensor(begin + name) for name in names]
                _check_content(path, found[-1], read)
                arrays.append(tuple((*read, None, None)[:2]))
            if version == BLEND_VERSION:
                found[0] = replace(found[0], other=found[1], share=float(metadata["share"]))
                if not 0 < found[0].share < 1:
                    raise ValueError(f"its second voice has a share of {found[0].share:g}")
            return found[0], arrays
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


def _described(file: Any, metadata: Mapping[str, str], begin: str) -> VoiceDescription:
    """The voice whose names begin so."""
    frames, channels = file.get_slice(begin + LATENTS).get_shape()
    return VoiceDescription(
        **{name: metadata[begin + name] for name in _TEXTS},
        symbols=tuple(json.loads(metadata[f"{begin}symbols"])),
        seconds=float(metadata[f"{begin}seconds"]),
        frames=frames,
        channels=channels,
        adapted_for=metadata.get(f"{begin}adapted_for", ""),
    )


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
