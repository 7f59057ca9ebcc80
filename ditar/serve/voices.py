"""The voices of a server: those that ship, those in its folder, and those that clients upload.

A client names a voice and never a file: a name is looked up in a list, and written files have names of ours.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import soundfile

from ditar.audio.denoise import is_installed
from ditar.audio.errors import AudioError, AudioTooLongError
from ditar.audio.read import mono, read_samples
from ditar.audio.resample import resample
from ditar.recognise.errors import RecogniserError
from ditar.serve.errors import ApiError, shown
from ditar.storage.atomic_write import remove_abandoned
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.reference import SHIPPED_LANGUAGE, read_reference
from ditar.synthesis.user_voices import remove_voice
from ditar.synthesis.voice import Voice, VoiceError, blend_voices, no_blend
from ditar.synthesis.voice_file import VoiceFileError, check_voice, describe_voice, load_voice, save_voice
from ditar.synthesis.voice_names import (
    NAME,
    SHIPPED,
    VOICE_FILE,
    NamedVoice,
    blend_parts,
    default_of,
    list_voices,
    user_folder,
)
from ditar.text import TextError
from ditar.text.frontend import check_language
from ditar.units import SAMPLE_RATE_HZ

DEFAULT = "default"  # the voice that comes with the model, if it was fine-tuned on one, or with the package
# OpenAI's names, so that programs that ask for them are served; the voices are ours and sound like none of theirs.
OPENAI_NAMES = {
    "alloy": DEFAULT, "ash": "michael", "ballad": "michael", "cedar": "michael", "coral": "heart", "echo": "michael",
    "fable": "eric", "marin": "heart", "nova": "heart", "onyx": "michael", "sage": "heart", "shimmer": "heart",
    "verse": "eric",
}  # fmt: skip
MAX_CLIP_SECONDS = 60.0
MAX_CLIP_SAMPLES = 60 * 2 * 48_000  # of all channels: a small file may hold hours of silence
MAX_FRAMES, MAX_SYMBOLS = 6000, 3000  # of a voice file
MAX_VOICES = 256  # in the folder
KEPT = 32  # voices in memory


@dataclass(frozen=True)
class VoiceInfo:
    """name; text: what is said in its clip, None if nobody told; ships: it comes with the package, or with the model,
    and cannot be deleted; adapted: it was learnt from its clip; alias: the voice that OpenAI's name means; made_s: when
    the file of one that does not ship was written, in seconds of Unix's time."""

    name: str
    text: str | None
    ships: bool
    adapted: bool = False
    alias: str | None = None
    made_s: int | None = None


class VoiceShelf:
    """Methods encode clips and read files: they must be called from one thread, and not from that of the event loop.

    folder: None: the user's, see `user_folder`; made when the first voice is added. language: of the clips in it, by
    espeak-ng's name.
    """

    def __init__(self, pipeline: Any, folder: Path | None = None, language: str = SHIPPED_LANGUAGE):
        self._pipeline, self._folder = pipeline, user_folder() if folder is None else folder
        self._language = language
        self._kept: dict[tuple, Voice] = {}
        remove_abandoned(self._folder)

    def listed(self) -> list[VoiceInfo]:
        """All voices that have names."""
        found = [VoiceInfo(DEFAULT, None, True)]
        found += [replace(self._info(named), made_s=self._made_s(named)) for named in self._named().values()]
        names = {voice.name for voice in found}
        aliases = [VoiceInfo(a, None, True, alias=name) for a, name in OPENAI_NAMES.items() if name in names]
        return [*found, *(alias for alias in aliases if alias.name not in names)]

    def voice(self, name: str) -> Voice:
        """The voice of a name, made or read once, or a blend of two. ApiError: there is none, or it does not fit the
        model."""
        known = self._named()
        if "+" in name and name not in known:
            if not isinstance(self._pipeline, ContinuousPipeline):
                raise ApiError(422, no_blend(name), param="voice")
            try:
                return blend_voices([(self.voice(one), share) for one, share in blend_parts(name)], name)
            except (VoiceError, VoiceFileError) as error:
                raise ApiError(422, str(error), param="voice") from None
        if name not in known:
            name = OPENAI_NAMES.get(name, name)
        if name not in known and name != DEFAULT:
            raise ApiError(
                422, f"voice {shown(name)} is not known; there are {', '.join([DEFAULT, *known])}", param="voice"
            )
        path = known[name].path if name in known else self._pipeline.own_voices or SHIPPED
        try:
            if name not in known:
                return self._keep((DEFAULT,), self._pipeline.create_voice)
            named, stat = known[name], path.stat()
            key = (named.path, named.transcript, stat.st_mtime_ns, stat.st_size)
            return self._keep(key, lambda: self._make(named))
        except (VoiceError, VoiceFileError, AudioError, TextError, OSError) as error:
            raise ApiError(422, _without_path(f"voice {shown(name)}: {error}", path), param="voice") from None

    def of_clip(
        self,
        name: str,
        data: bytes,
        transcript: str | None,
        language: str,
        adapt: bool | str = False,
        denoise: bool = False,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Voice:
        """A voice that may be kept under a name, from a clip (an audio file) and its transcript, or "auto" (see
        `read_reference`); adapt, denoise, on_step: see `create_voice` of a pipeline. Changes nothing here. ApiError."""
        self._path_of_new(name)
        if adapt is True and not self._pipeline.adapts_voices:
            raise ApiError(
                422, "this server learns no voices: its model is distilled or draws tokens; leave adapt out, or send a "
                "voice_file that was adapted elsewhere", param="adapt",
            )  # fmt: skip
        if adapt is True and not (transcript or "").strip():
            told = "to adapt to a clip, give its transcript, or 'auto' to have it heard"
            raise ApiError(422, told, param="transcript")
        if denoise and not is_installed():
            raise ApiError(422, "this server takes no noise out; leave denoise out", param="denoise")
        try:
            check_language(language, self._pipeline.text_config.trained_languages)
        except TextError as error:
            raise ApiError(422, str(error), param="language") from None
        try:
            _check_size(data)
            samples, rate_hz = read_samples(io.BytesIO(data), "the clip", MAX_CLIP_SECONDS)
            clip = resample(mono(samples, rate_hz, "the clip"), rate_hz, SAMPLE_RATE_HZ)
            voice = self._pipeline.create_voice(
                clip, transcript or None, name=name, language=language, adapt=adapt, denoise=denoise, on_step=on_step
            )
            return replace(voice, warnings=tuple(map(_of_clip, voice.warnings)))
        except AudioTooLongError as error:
            raise ApiError(413, str(error), param="audio_sample") from None
        except AudioError as error:
            raise ApiError(422, _of_clip(error), param="audio_sample") from None
        except (TextError, RecogniserError) as error:
            raise ApiError(422, _of_clip(error), param="transcript") from None

    def keep(self, name: str, voice: Voice) -> Voice:
        """Keep a new voice under a name. ApiError."""
        return self._save(voice, self._path_of_new(name))

    def add_file(self, name: str, data: bytes) -> Voice:
        """Keep a voice file that `ditar voice create` made. ApiError."""
        path = self._path_of_new(name)
        upload = path.with_name(f".{name}.upload{VOICE_FILE}.partial")
        try:
            upload.write_bytes(data)
            voice = load_voice(upload)
            check_voice(voice, self._pipeline)
            _check_content(voice, self.voice(DEFAULT).latents.shape[1])
        except (ValueError, TypeError, RuntimeError) as error:
            message = _without_path(str(error), upload).replace(upload.name, "the file")
            raise ApiError(422, message, param="voice_file") from None
        except OSError as error:
            raise ApiError(507, f"the voice cannot be kept: {error.strerror}; free space") from None
        finally:
            upload.unlink(missing_ok=True)
        return self._save(voice, path)

    def remove(self, name: str) -> None:
        """Delete a voice of the folder. ApiError: there is none of that name, or it ships."""
        named = self._named().get(name)
        if named is None or self._ships(named):
            ships = named is not None or name == DEFAULT or name in OPENAI_NAMES
            if ships:
                raise ApiError(403, f"voice {shown(name)} comes with the model and cannot be deleted", param="name")
            raise ApiError(404, f"there is no voice {shown(name)} to delete", param="name")
        try:
            remove_voice(named)
        except VoiceFileError as error:
            raise ApiError(507, _without_path(str(error), named.path).split(";")[0]) from None

    def _info(self, named: NamedVoice) -> VoiceInfo:
        try:
            if named.is_clip:
                return VoiceInfo(named.name, named.transcript or None, self._ships(named))
            voice = describe_voice(named.path)
        except (VoiceFileError, OSError):  # told when it is asked for
            return VoiceInfo(named.name, None, self._ships(named))
        return VoiceInfo(named.name, voice.text or None, self._ships(named), bool(voice.adapted_for))

    def _made_s(self, named: NamedVoice) -> int | None:
        try:
            return None if self._ships(named) else int(named.path.stat().st_mtime)
        except OSError:  # deleted meanwhile
            return None

    def _ships(self, named: NamedVoice) -> bool:
        own = self._pipeline.own_voices
        if own == self._folder:  # what is uploaded stands beside what came with the model
            return named.path.parent == SHIPPED or named.path == default_of(own)
        return named.path.parent in (SHIPPED, own)

    def _named(self) -> dict[str, NamedVoice]:
        return {voice.name: voice for voice in list_voices(self._folder, self._pipeline.own_voices)}

    def _make(self, named: NamedVoice) -> Voice:
        if not named.is_clip:
            voice = load_voice(named.path)
            check_voice(voice, self._pipeline)
            return voice
        language = SHIPPED_LANGUAGE if named.path.parent == SHIPPED else self._language
        reference = read_reference(named.path, named.transcript or None, named.name, language)
        return self._pipeline.create_voice(reference)

    def _keep(self, key: tuple, make) -> Voice:
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return self._kept[key]

    def _path_of_new(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ApiError(
                422,
                f"name {shown(name)} must be 1 to 64 letters, digits, hyphens or underscores, and begin with a letter "
                "or digit",
                param="name",
            )
        known = self._named()
        if name == DEFAULT or name in OPENAI_NAMES or (name in known and self._ships(known[name])):
            raise ApiError(409, f"name {shown(name)} is that of a voice that ships; choose another", param="name")
        if name in known:
            raise ApiError(409, f"there is a voice {shown(name)} already; delete it first", param="name")
        if sum(not self._ships(voice) for voice in known.values()) >= MAX_VOICES:
            raise ApiError(409, f"there are {MAX_VOICES} voices, which is the limit; delete one first")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ApiError(507, f"the voice cannot be kept: {error.strerror}") from None
        return self._folder / f"{name}{VOICE_FILE}"

    def _save(self, voice: Voice, path: Path) -> Voice:
        try:
            save_voice(voice, path)
        except VoiceFileError as error:
            raise ApiError(507, _without_path(f"the voice cannot be kept: {error}", path)) from None
        return voice


def _of_clip(told: Exception | str) -> str:
    """What an upload is told: as the command line says it, but for how things are called here."""
    return str(told).replace("the reference clip", "the clip").replace("prompt_text 'auto'", "transcript 'auto'")


def _check_size(data: bytes) -> None:
    try:
        info = soundfile.info(io.BytesIO(data))
    except soundfile.LibsndfileError:  # `read_samples` has a better message
        return
    if info.frames * info.channels > MAX_CLIP_SAMPLES and info.frames <= MAX_CLIP_SECONDS * info.samplerate:
        raise AudioTooLongError(
            f"the clip holds {info.frames * info.channels} samples in {info.channels} channels at {info.samplerate} Hz,"
            f" the limit is {MAX_CLIP_SAMPLES}; give a mono file at 24 kHz"
        )


def _check_content(voice: Voice, channels: int) -> None:
    """Check what the model reads of a stranger's file."""
    for other, _ in voice.others:
        _check_content(other, channels)
    latents, symbols = voice.latents, len(voice.symbols)
    if latents.ndim != 2 or latents.shape[1] != channels or not 1 <= len(latents) <= MAX_FRAMES:
        raise VoiceFileError(
            f"its latents have the shape {tuple(latents.shape)}, and this model reads (1 to {MAX_FRAMES}, {channels}); "
            "make it again"
        )
    if voice.seconds > MAX_CLIP_SECONDS or symbols > MAX_SYMBOLS:
        raise VoiceFileError(
            f"it has {voice.seconds:g} s and {symbols} symbols, the limits are {MAX_CLIP_SECONDS:g} and {MAX_SYMBOLS}"
        )


def _without_path(message: str, path: Path) -> str:
    """The message without the name of a file of the server."""
    return message.replace(str(path), path.name).replace(f"{path.parent}/", "")
