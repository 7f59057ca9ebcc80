"""Many audio files through the same recogniser: one process a core, in the order given."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ditar.config.cores import usable_cores
from ditar.config.workers import WorkerPool
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.errors import RecogniserError

Found = TypeVar("Found")

FEWEST = 4  # files per additional process: starting one takes as long as recognising a few


class Recogniser(Protocol):
    """Recognises one waveform at a time, independently: order and number of processes change nothing."""

    name: str  # with version and what identifies the weights, to be reported with every figure
    normaliser: str  # of words, by default: "plain" or "whisper"
    spelling: Mapping[str, str] | None  # Whisper's table from British to American spelling, if the weights have it

    def transcribe(self, waveform: np.ndarray) -> str:
        """What is heard in (S,) float at 16 kHz; "" for nothing."""

    def recognise(
        self, audio: Mapping[str, str | Path], workers: int | None = None, progress: bool = True
    ) -> dict[str, str]:
        """What is heard in each audio file (any rate), by utterance id. workers: see `map_files`."""


def read_waveform(path: str | Path, rate_hz: int = RECOGNISER_RATE_HZ) -> np.ndarray:
    """Mono waveform (S,) float32 at `rate_hz`; an empty file gives S = 0, since an output may be empty."""
    import soundfile

    from ditar.audio import AudioError
    from ditar.audio.read import read_audio

    try:
        if soundfile.info(str(path)).frames == 0:
            return np.zeros(0, dtype=np.float32)
        return np.asarray(read_audio(path, rate_hz), dtype=np.float32)
    except (AudioError, soundfile.LibsndfileError) as error:
        raise RecogniserError(f"cannot judge {str(path)!r}: {error}; synthesise it again or remove it") from None


def map_files(
    audio: Mapping[str, str | Path],
    function: Callable[[np.ndarray], Found],
    workers: int | None = None,
    progress: bool = True,
    title: str = "recognising",
    fewest: int = FEWEST,
) -> dict[str, Found]:
    """What `function` finds in each audio file (any rate), given as (S,) float32 at 16 kHz, by utterance id.

    Args:
        function: it is pickled, with the object whose method it is. Processes are started with `spawn`: a program that
            calls this needs the usual `if __name__ == "__main__":`, or workers=1.
        workers, fewest: the number of processes, by default one per core, and the least files of each.
        title: of the progress bar, shown if `progress`.
    """
    from tqdm import tqdm

    workers = min(workers or usable_cores(), max(1, len(audio) // fewest))
    paths = [str(path) for path in audio.values()]
    options = {"total": len(audio), "desc": title, "unit": "utt", "disable": not progress}
    if workers == 1:
        return dict(tqdm(zip(audio, (function(read_waveform(path)) for path in paths)), **options))
    with WorkerPool(workers, _start_worker, (function,)) as pool:
        return dict(tqdm(zip(audio, pool.in_order(_work, paths)), **options))


_own: Callable[[np.ndarray], Any] | None = None  # a worker process's


def _start_worker(function: Callable[[np.ndarray], Any]) -> None:
    global _own
    _own = function


def _work(path: str) -> Any:
    return _own(read_waveform(path))
