"""The reference clip of a voice, read once. Nothing here needs torch."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from ditar.audio.clip import read_clip
from ditar.audio.denoise import denoised
from ditar.audio.errors import AudioError
from ditar.audio.faults import faults, unfit_to_learn
from ditar.audio.resample import resample
from ditar.audio.trim import prepare_reference
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.choose import make_recogniser
from ditar.synthesis.model_folder import ASSETS
from ditar.text.errors import TextError
from ditar.text.lengths import pace_fault
from ditar.text.pronunciation import is_english
from ditar.units import SAMPLE_RATE_HZ

SHIPPED_VOICE = ASSETS / "voices" / "eric.flac"  # its transcript lies beside it
SHIPPED_LANGUAGE = "en-us"  # of that transcript
HEARD = "auto"  # in place of a transcript: what the recogniser that judges speech, Whisper tiny.en, hears in the clip


@dataclass(frozen=True, eq=False)
class Reference:
    """clip (S,) float32 at 24 kHz, trimmed and levelled; text: exactly what is said in it, empty if that is unknown;
    warnings: what a user should know about how it was read; ships: it and its text come with the package; unfit: why no
    voice should be learnt from it, or nothing, as for one that ships or whose words are not known."""

    clip: np.ndarray
    text: str
    name: str
    language: str
    warnings: tuple[str, ...] = ()
    ships: bool = False
    unfit: str = ""

    @property
    def seconds(self) -> float:
        """Of speech."""
        return len(self.clip) / SAMPLE_RATE_HZ


def read_reference(
    prompt_audio: Any = None,
    prompt_text: str | None = None,
    name: str | None = None,
    language: str = "en-us",
    sample_rate: int | None = None,
    denoise: bool = False,
) -> Reference:
    """A clip and its transcript; without both, those that come with the package; a Reference is returned unchanged.

    Args:
        prompt_audio: 0.5 to 30 s of speech, in any form that `audio.clip.read_clip` takes.
        prompt_text: exactly what is said in it; None: unknown; "auto": a recogniser hears it, which takes a second or
            two and the extra `eval`, and a warning says what it heard.
        name: of the voice; None: the file's.
        language: espeak-ng's name of the transcript's.
        sample_rate: of samples, in Hz.
        denoise: whether noise is taken out of a recording that has some, with the extra `denoise`.

    ValueError: a transcript without a clip. AudioError: see `prepare_reference` and `read_clip`. For "auto",
    RecogniserError if the extra is missing, TextError if nothing is heard or the language is not English.
    """
    if isinstance(prompt_audio, Reference):
        return prompt_audio
    if not isinstance(prompt_text, str | None):
        raise TextError(f"prompt_text must be a string, got {type(prompt_text).__name__}")
    if prompt_audio is None and prompt_text is not None:
        said = prompt_text[:40]
        raise ValueError(f"the transcript {said!r} is that of a clip, and none is given; give both or neither")
    if prompt_audio is None:
        prompt_audio, prompt_text, language = *shipped_voice(), SHIPPED_LANGUAGE
    text, told = (prompt_text or "").strip(), []
    if not isinstance(denoise, bool):
        raise ValueError(f"denoise must be True or False, got {denoise!r}")
    of_file = isinstance(prompt_audio, (str, Path))
    # Of files only: whoever sends a clip to a server shall not learn which files it has.
    if of_file and text.endswith(".txt") and len(text) < 200 and Path(text).is_file():
        raise TextError(f"the transcript {text!r} is the name of a file; give what is in it: \"$(cat {quote(text)})\"")
    if of_file and not text and (beside := Path(prompt_audio).with_suffix(".txt")).is_file():
        told.append(f'{beside} is not read; if it is the clip\'s transcript, give that: "$(cat {quote(str(beside))})"')
    whose, short_name = (str(prompt_audio), Path(prompt_audio).stem) if of_file else ("the reference clip", "reference")
    waveform, rate_hz = read_clip(prompt_audio, sample_rate, whose)
    if text == HEARD and not is_english(language):
        raise TextError(f"prompt_text 'auto' hears English only, and not {language!r}; write what is said in {whose}")
    recording = waveform
    if denoise and (clean := denoised(waveform, rate_hz, whose)) is not None:
        told.append(f"the noise of {whose} was taken out")
        waveform = clean
    may_be_cut = told if text in ("", HEARD) else None
    clip = prepare_reference(resample(waveform, rate_hz, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, whose, may_be_cut)
    if text == HEARD:
        text = _hear(clip, whose)
        told.append(f"heard in {whose}: {text!r}; if that is not exactly what is said, give the transcript")
    told += faults(waveform, rate_hz, whose)
    ships = of_file and _ships(Path(prompt_audio).resolve(), text)
    unfit = "" if ships or not text else unfit_to_learn(recording, rate_hz)
    return Reference(clip, text, short_name if name is None else name, language, tuple(told), ships, unfit)


def _ships(path: Path, text: str) -> bool:
    """Whether a clip and its transcript are those of a voice that comes with the package."""
    told = path.with_suffix(".txt")
    return path.parent == SHIPPED_VOICE.parent.resolve() and told.is_file() and text == told.read_text("utf-8").strip()


def _hear(clip: np.ndarray, whose: str) -> str:
    """What is said in a clip (S,) at 24 kHz."""
    text = make_recogniser().transcribe(resample(clip, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)).strip()
    if not any(map(str.isalnum, text)):
        raise TextError(f"no words are heard in {whose}; write what is said in it, or give another clip")
    return text


def check_transcript(reference: Reference, symbols: int) -> None:
    """TextError if a transcript with so many symbols cannot be what is said in the clip."""
    if fault := pace_fault(symbols, reference.seconds):
        raise TextError(
            f"what is said in the reference {reference.name!r} is something else: {fault}; give exactly what is "
            "said in the clip"
        )


def shipped_voice() -> tuple[Path, str]:
    """The voice that comes with the package: its clip and its transcript. AudioError if it is missing."""
    transcript = SHIPPED_VOICE.with_suffix(".txt")
    if not (SHIPPED_VOICE.is_file() and transcript.is_file()):
        raise AudioError(f"{SHIPPED_VOICE} does not come with this installation; give prompt_audio and prompt_text")
    return SHIPPED_VOICE, transcript.read_text(encoding="utf-8").strip()
