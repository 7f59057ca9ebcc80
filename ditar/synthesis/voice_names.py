"""What `--voice NAME` means: a file, else a voice in the user's folder, else one that came with the model, since it was
fine-tuned on it, else one that ships with the package.

A voice is a file of `ditar voice create`, which belongs to one model, or a clip with its transcript (`NAME.wav` or
`.flac`, and `NAME.txt`), which any model reads. `heart:0.7+michael:0.3` is a voice between two. Nothing here needs
torch until there is a model.
"""

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ditar.audio import containers
from ditar.config.ranges import did_you_mean
from ditar.storage.inputs import decode_text
from ditar.storage.user_folders import user_folder_of
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.reference import HEARD, SHIPPED_LANGUAGE, Reference, read_reference
from ditar.synthesis.voice_file import VoiceFileError, check_voice, describe_voice, load_voice
from ditar.text.errors import TextError

if TYPE_CHECKING:
    from ditar.synthesis.voice import Voice

SHIPPED = ASSETS / "voices"
CLIPS = (".wav", ".flac", ".ogg", ".opus", ".mp3", *containers.ENDINGS)
VOICE_FILE = ".safetensors"
DEFAULT = "default"  # in the voices of a model: the name of the one that it speaks in unless another is asked for
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # of a voice, where it becomes that of a file


@dataclass(frozen=True)
class NamedVoice:
    """A voice file, or a clip; told: what a user should know about how its name was looked up."""

    name: str
    path: Path
    told: str = ""

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip, which any model reads."""
        return self.path.suffix.lower() in CLIPS

    @property
    def transcript(self) -> str | None:
        """What is said in a clip, by the file beside it, empty if it is unknown; None of a voice file. Read when it is
        asked for: that of one voice may be damaged, and the others are found nevertheless. VoiceFileError, OSError."""
        if not self.is_clip:
            return None
        beside = self.path.with_suffix(".txt")
        try:
            return decode_text(beside.read_bytes()).strip() if beside.is_file() else ""
        except ValueError as error:
            raise VoiceFileError(f"{beside} {error}") from None


@dataclass(frozen=True)
class BlendSource:
    """What `read_voice` found for a blend: its voices and their shares, above 0."""

    name: str
    sources: tuple[tuple[Reference | Path, float], ...]


VoiceSource = Reference | Path | BlendSource


def user_folder() -> Path:
    """The folder of a user's own voices: `ditar/voices` in XDG_DATA_HOME, by default ~/.local/share."""
    return user_folder_of("XDG_DATA_HOME", ".local", "share") / "voices"


def folder_fault(folder: Path) -> str:
    """Why no voices are found in a folder of voices that is there, with the remedy; empty: it can be read, or there is
    none."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return ""
    except OSError as error:
        if isinstance(error, NotADirectoryError) and not os.path.lexists(folder):  # HOME=/dev/null, for example
            return ""
        return (
            f"the folder of voices {folder} cannot be read ({error.strerror}), so that none of its voices are found; "
            f"make it a folder that you may read, or choose another one{' (XDG_DATA_HOME)' * (folder == user_folder())}"
        )
    return ""


def find_voice(name: str, of_model: Path | None = None) -> NamedVoice:
    """The voice that a user means; of_model: see `list_voices`. VoiceFileError if there is none, listing the existing
    ones."""
    path = Path(name)
    if path.suffix == VOICE_FILE or os.path.isfile(name):  # of a name that is too long, False
        return NamedVoice(path.stem, path)
    known = {voice.name: voice for voice in list_voices(of_model=of_model)}
    fault = folder_fault(user_folder())
    if name in known:
        return replace(known[name], told=fault)
    files = [f"{name}{ending}" for ending in (VOICE_FILE, *CLIPS) if os.path.isfile(f"{name}{ending}")]
    hint = " ".join(filter(None, (files and f"the file {files[0]} is one;", did_you_mean(name, known), "there are")))
    raise VoiceFileError(
        f"voice {name!r} is not a file, and no voice has this name; {hint} {', '.join(known) or 'none'}; make "
        f"one with: ditar voice create NAME --prompt-audio ...{fault and f'; {fault}'}"
    )


def find_voices(name: str, of_model: Path | None = None) -> list[tuple[NamedVoice, float]]:
    """The voices of a blend and their shares, or one voice with the share 1. VoiceFileError: see `find_voice` and
    `blend_parts`."""
    if "+" not in name or os.path.isfile(name) or name in {voice.name for voice in list_voices(of_model=of_model)}:
        return [(find_voice(name, of_model), 1.0)]
    return [(find_voice(voice, of_model), share) for voice, share in blend_parts(name)]


def blend_parts(name: str) -> list[tuple[str, float]]:
    """The names of the voices of a blend, `heart:0.7+michael:0.3`, and their shares. VoiceFileError: it is none of two
    voices, or a share is no number above 0, or nothing beside the other."""
    parts = [part.strip().rpartition(":") for part in name.split("+")]
    if len(parts) != 2 or not all(voice and share for voice, _, share in parts):
        raise VoiceFileError(
            f"voice {name!r} is no voice's name and no blend of two; write NAME:SHARE+NAME:SHARE, such as "
            "heart:0.7+michael:0.3"
        )
    for voice, _, share in parts:
        try:
            good = 0 < float(share) < math.inf
        except ValueError:
            good = False
        if not good:
            raise VoiceFileError(
                f"voice {name!r}: the share of {voice!r} must be a number above 0, got {share!r}; write shares such as "
                "those of heart:0.7+michael:0.3"
            )
    found = [(voice, float(share)) for voice, _, share in parts]
    whole = sum(share for _, share in found)
    if not min(share for _, share in found) / whole > 0:  # in floating point one of them would be nothing
        raise VoiceFileError(
            f"voice {name!r}: its shares are too far apart or too large; write shares such as 0.7 and 0.3"
        )
    return found


def read_voice(
    name: str | None,
    prompt_audio: str | bytes | None = None,
    prompt_text: str | None = None,
    language: str = "en-us",
    of_model: Path | None = None,
    denoise: bool = False,
) -> VoiceSource:
    """The source of the voice that a user chose, read once and checked before a model is loaded: the clip, or the voice
    file, of a name, or those of a blend, or else a clip with its transcript; without any, the voice of the model
    (`default_of`) or the one that ships. prompt_text "auto" is for a clip without a transcript, of a name, too.
    of_model: see `list_voices`; denoise: see `read_reference`. ValueError: it cannot be used, or both are given."""
    if name is None:
        if prompt_audio is None and prompt_text is None and (own := default_of(of_model)) is not None:
            return own
        return read_reference(prompt_audio, prompt_text, language=language, denoise=denoise)
    if prompt_audio is not None or prompt_text not in (None, HEARD):
        raise ValueError("give --voice, or --prompt-audio and --prompt-text, not both")
    named = find_voices(name, of_model)
    found = [(_read_named(one, prompt_text, language, denoise), share) for one, share in named]
    for source, _ in found if len(found) > 1 else ():
        if isinstance(source, Path) and describe_voice(source).other is not None:
            raise VoiceFileError(f"{source} is a blend already; blend the voices that it was made of")
    return found[0][0] if len(found) == 1 else BlendSource(name, tuple(found))


def _read_named(named: NamedVoice, prompt_text: str | None, language: str, denoise: bool) -> Reference | Path:
    if not named.is_clip:
        if not describe_voice(named.path).text and prompt_text == HEARD:
            raise VoiceFileError(
                f"voice {named.name!r} has no transcript, and a voice file holds no sound to hear it in; make it again "
                "with: ditar voice create --prompt-text auto"
            )
        return named.path
    language = SHIPPED_LANGUAGE if named.path.parent == SHIPPED else language
    reference = read_reference(named.path, named.transcript or prompt_text, named.name, language, denoise=denoise)
    return replace(reference, warnings=(*filter(None, [named.told]), *reference.warnings))


def make_voice(
    found: VoiceSource,
    pipeline: Any,
    adapt: bool | str = False,
    create: "Callable[[Reference], Voice] | None" = None,
) -> "Voice":
    """The voice from what `read_voice` found; adapt: see `create_voice` of a pipeline, in whose place `create` makes
    one of a clip. VoiceError: it does not fit the pipeline. VoiceFileError: a file is to be adapted."""
    if isinstance(found, BlendSource):
        from ditar.synthesis.voice import blend_voices

        voices = [(make_voice(source, pipeline, adapt, create), share) for source, share in found.sources]
        return blend_voices(voices, found.name)
    if isinstance(found, Reference):
        return pipeline.create_voice(found, adapt=adapt) if create is None else create(found)
    if adapt is True:
        check_adaptable(found)
    voice = load_voice(found)
    check_voice(voice, pipeline)
    return voice


def check_adaptable(found: VoiceSource) -> None:
    """VoiceFileError, TextError: a voice file that is not adapted already, or a clip whose words are unknown."""
    if isinstance(found, BlendSource):
        for source, _ in found.sources:
            check_adaptable(source)
    elif isinstance(found, Reference):
        if not found.text:
            raise TextError(
                f"to adapt the voice {found.name!r}, what is said in its clip must be known; give the transcript, or "
                "'auto' to have it heard"
            )
    elif not describe_voice(found).adapted_for:
        raise VoiceFileError(
            f"{found} holds no sound to adapt to; make it with: ditar voice create --adapt, or give the clip itself"
        )


def default_of(of_model: Path | None) -> Path | None:
    """The voice file of a model that was fine-tuned on one voice: the one that its folder of voices names in a file
    DEFAULT or, without that, the only one; None: there are several, or none. VoiceFileError: DEFAULT names none."""
    if of_model is None:
        return None
    found = sorted(of_model.glob(f"*{VOICE_FILE}"))
    if not (of_model / DEFAULT).is_file():
        return found[0] if len(found) == 1 else None
    name = (of_model / DEFAULT).read_bytes()[:1000].decode("utf-8-sig", "replace").strip()
    for path in found:  # and no path elsewhere
        if path.stem == name:
            return path
    raise VoiceFileError(
        f"{of_model / DEFAULT} names the voice {name[:40]!r}, and there are {', '.join(p.stem for p in found) or 'none'} "
        "beside it; write the name of one into it, or delete it"
    )


def list_voices(own: Path | None = None, of_model: Path | None = None) -> list[NamedVoice]:
    """Those in a folder (None: the user's), then those that came with a model (`model_folder.voices_of`) and those that
    ship, without a namesake before, which in one folder a voice file is for a clip; each sorted by name. A folder that
    cannot be read holds none: see `folder_fault`."""
    found: dict[str, NamedVoice] = {}
    for folder in (user_folder() if own is None else own, of_model, SHIPPED):
        here = {}
        for voice in [] if folder is None else voices_in(folder):
            here.setdefault(voice.name, voice)
        found |= {name: here[name] for name in sorted(here.keys() - found.keys())}
    return list(found.values())


def voices_in(folder: Path) -> list[NamedVoice]:
    """All voices in a folder, of namesakes first the one that is meant by the name; none if it cannot be read."""
    try:
        paths = sorted(folder.iterdir(), key=lambda path: (path.suffix != VOICE_FILE, path))
    except OSError:
        return []
    return [NamedVoice(path.stem, path) for path in paths if path.suffix.lower() in (VOICE_FILE, *CLIPS)]
