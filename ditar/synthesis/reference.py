"""The reference clip that a voice is made of. Nothing here needs torch."""

from pathlib import Path

import numpy as np

from ditar.audio.errors import AudioError
from ditar.audio.read import read_audio
from ditar.audio.trim import prepare_reference
from ditar.synthesis.model_folder import ASSETS
from ditar.units import SAMPLE_RATE_HZ

SHIPPED_VOICE = ASSETS / "reference.flac"  # its transcript stands beside it, in reference.txt
SHIPPED_LANGUAGE = "en-us"  # of that transcript


def shipped_voice() -> tuple[Path, str]:
    """The voice that comes with the package: its clip and its transcript. AudioError where it is missing."""
    transcript = SHIPPED_VOICE.with_suffix(".txt")
    if not (SHIPPED_VOICE.is_file() and transcript.is_file()):
        raise AudioError(f"{SHIPPED_VOICE} does not come with this installation; give prompt_audio and prompt_text")
    return SHIPPED_VOICE, transcript.read_text(encoding="utf-8").strip()


def choose_reference(
    prompt_audio: str | Path | np.ndarray | None, prompt_text: str | None, name: str | None = None
) -> tuple[str | Path | np.ndarray, str, str]:
    """Clip, transcript (empty where it is not known) and name of a voice to be made; without clip and transcript,
    those that come with the package. ValueError: a transcript alone."""
    if prompt_audio is None and prompt_text is not None:
        raise ValueError("prompt_text is the transcript of prompt_audio, which is missing; give both or neither")
    if prompt_audio is None:
        prompt_audio, prompt_text = shipped_voice()
    if name is None:
        name = "reference" if isinstance(prompt_audio, np.ndarray) else Path(prompt_audio).stem
    return prompt_audio, (prompt_text or "").strip(), name


def read_reference(prompt_audio: str | Path | np.ndarray, cut: list[str] | None = None) -> np.ndarray:
    """A reference clip, a file or (S,) at 24 kHz -> (S',) at 24 kHz, trimmed and levelled; `cut`, AudioError: see
    `prepare_reference`."""
    if not isinstance(prompt_audio, np.ndarray):
        return prepare_reference(read_audio(prompt_audio), SAMPLE_RATE_HZ, name=str(prompt_audio), cut=cut)
    if prompt_audio.ndim != 1:
        raise AudioError(f"prompt_audio must have the shape (S,) at {SAMPLE_RATE_HZ} Hz, got {prompt_audio.shape}")
    return prepare_reference(prompt_audio, SAMPLE_RATE_HZ, cut=cut)
