"""Word errors of what a model says while it trains: what programs hand to a `ditar.train.listener.Listener`."""

import sys
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from ditar.extras import missing
from ditar.units import SAMPLE_RATE_HZ


def make_word_error() -> Callable[[list[np.ndarray], list[str]], float] | None:
    """Waveforms at 24 kHz and their texts -> word error, by an offline recogniser; None where there is none."""
    if find_spec("pocketsphinx") is None or find_spec("jiwer") is None:  # what hears, and what counts
        print(f"no word errors during training: {missing('pocketsphinx or jiwer', 'eval')}", file=sys.stderr)
        return None
    from ditar.audio.resample import resample
    from ditar.evaluate.intervals import corpus_rate
    from ditar.evaluate.recognise import RECOGNISER_RATE_HZ, Recogniser
    from ditar.evaluate.words import word_errors

    recogniser = Recogniser()

    def word_error(waveforms: list[np.ndarray], texts: list[str]) -> float:
        heard = [recogniser.transcribe(resample(w, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)) for w in waveforms]
        rows = word_errors(dict(enumerate(texts)), dict(enumerate(heard)))
        return corpus_rate([r.word_errors for r in rows], [r.words for r in rows])

    return word_error
