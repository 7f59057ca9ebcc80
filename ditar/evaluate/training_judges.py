"""What a model sounds like while it trains: functions for word error and quality, without files or intervals."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from ditar.audio.resample import resample
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.intervals import corpus_rate
from ditar.evaluate.quality import DistillMOS
from ditar.evaluate.similarity import Embedder
from ditar.evaluate.threads import one_thread
from ditar.evaluate.words import choose_normaliser, word_errors
from ditar.extras import missing
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.choose import AUTO, NONE, installed, make_recogniser
from ditar.recognise.errors import RecogniserError
from ditar.text.pronunciation import is_english
from ditar.units import SAMPLE_RATE_HZ

WordError = Callable[[list[np.ndarray], list[str]], float]
Quality = Callable[[list[np.ndarray], list[np.ndarray]], dict[str, float]]


@dataclass(frozen=True)
class TrainingJudges:
    """`word_error`: waveforms and their texts -> word error. `quality`: waveforms and the references they should sound
    like -> means of `distillmos` and `similarity`, as far as their packages are installed. Waveforms (S,) at 24 kHz.
    `names`: who judges."""

    word_error: WordError
    quality: Quality
    names: tuple[str, ...]


def make_training_judges(
    recogniser: str = AUTO, normaliser: str | None = None, language: str = "en-us"
) -> TrainingJudges | None:
    """Offline judges, on one thread each: a recogniser, DistillMOS and Resemblyzer. None if none is wanted or, with the
    reason on stderr, nothing can count words.

    recogniser: see `recognise.choose`; "auto" takes faster-whisper if it is installed, else pocketsphinx; "none".
    normaliser: of words, by default Whisper's if it is installed. language: espeak's name of what is spoken; what is
    installed hears English only. RecogniserError if one is asked for by name and is missing, or does not hear it.
    """
    if recogniser == NONE:
        return None
    english = is_english(language)
    if recogniser == AUTO and not english:
        print(
            f"no word errors during training: {language!r} is spoken, and what is installed hears English only; give "
            "--recogniser faster-whisper:DIR with a multilingual Whisper",
            file=sys.stderr,
        )
        return None
    name = installed() if recogniser == AUTO else recogniser
    if find_spec("jiwer") is None:
        print(f"no word errors during training: {missing('jiwer', 'eval')}", file=sys.stderr)
        return None
    words, word_error = _make_word_error(name, normaliser, language)
    raters = [rater for make in (_distillmos, _similarity) if (rater := make()) is not None]

    def quality(waveforms: list[np.ndarray], references: list[np.ndarray]) -> dict[str, float]:
        heard, wanted = ([_at_16_khz(w) for w in of] for of in (waveforms, references))
        figures = {name: rate(heard, wanted) for _, name, rate in raters}
        return {name: figure for name, figure in figures.items() if figure is not None}

    names = (words, *(judge for judge, _, _ in raters))
    print(f"training is heard by {'; '.join(names)}", file=sys.stderr)
    return TrainingJudges(word_error, quality, names)


def _at_16_khz(waveform: np.ndarray) -> np.ndarray:
    return np.asarray(resample(waveform, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ), dtype=np.float32)


def _make_word_error(name: str, asked: str | None, language: str) -> tuple[str, WordError]:
    recogniser = make_recogniser(name, quick=True, language=language)
    # Whisper's normaliser is in transformers, which a training machine may lack.
    usual = None if find_spec("transformers") or language.split("-")[0] != "en" else "plain"
    try:
        normalise, how = choose_normaliser(asked or usual, recogniser, language)
    except EvaluationError as error:
        raise RecogniserError(str(error)) from None

    def word_error(waveforms: list[np.ndarray], texts: list[str]) -> float:
        heard = [recogniser.transcribe(_at_16_khz(waveform)) for waveform in waveforms]
        rows = word_errors(dict(enumerate(texts)), dict(enumerate(heard)), normalise)
        return corpus_rate([r.word_errors for r in rows], [r.words for r in rows])

    return f"{recogniser.name} ({how})", word_error


Rater = tuple[str, str, Callable[[list[np.ndarray], list[np.ndarray]], float | None]]  # judge, figure, rate


def _distillmos() -> Rater | None:
    if find_spec("distillmos") is None:
        return None
    judge = DistillMOS()

    def rate(waveforms: list[np.ndarray], _: list[np.ndarray]) -> float | None:
        scores = [score["distillmos"] for waveform in waveforms if (score := judge.score(waveform))]
        return float(np.mean(scores)) if scores else None

    return judge.name, "distillmos", rate


def _similarity() -> Rater | None:
    if find_spec("resemblyzer") is None:
        return None
    try:
        judge = Embedder()
    except EvaluationError as error:  # installed, but something it needs is not
        print(f"no similarity during training: {error}", file=sys.stderr)
        return None

    def rate(waveforms: list[np.ndarray], references: list[np.ndarray]) -> float:
        with one_thread():
            return float(np.mean([judge.embed(w) @ judge.embed(r) for w, r in zip(waveforms, references)]))

    return judge.name, "similarity", rate
