"""What a model sounds like while it trains: who listens, for programs that make a `ditar.train.listener.Listener`."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.data.tables import read_wav_scp
from ditar.extras import missing
from ditar.recognise.errors import RecogniserError, quote
from ditar.train.listener import Listener
from ditar.units import SAMPLE_RATE_HZ

AUTO, NONE = "auto", "none"  # names of recognisers that only training has
WordError = Callable[[list[np.ndarray], list[str]], float]
Quality = Callable[[list[np.ndarray], list[np.ndarray]], dict[str, float]]


@dataclass(frozen=True)
class Hearing:
    """`word_error`: waveforms and their texts -> word error. `quality`: waveforms and the references that they should
    sound like -> means of `distillmos` and `similarity`, as far as their packages are installed. Waveforms (S,) at
    24 kHz. `names`: who judges."""

    word_error: WordError
    quality: Quality
    names: tuple[str, ...]


def make_hearing(recogniser: str = AUTO) -> Hearing | None:
    """Offline judges, on one thread each: a recogniser, DistillMOS and Resemblyzer. None, saying why on stderr, where
    there is no recogniser, or none is asked for.

    recogniser: see `recognise.choose`; "auto" takes faster-whisper, else pocketsphinx, whichever is installed; "none".
    RecogniserError where one is asked for by name and is not there.
    """
    from ditar.recognise.choose import installed

    if recogniser == NONE:
        return None
    name = installed() if recogniser == AUTO else recogniser
    if name is None or find_spec("jiwer") is None:  # what hears, and what counts
        lacking = "faster-whisper, pocketsphinx" if name is None else "jiwer"
        print(f"no word errors during training: {missing(lacking, 'eval')}", file=sys.stderr)
        return None
    words, word_error = _make_word_error(name)
    raters = [rater for make in (_distillmos, _similarity) if (rater := make()) is not None]

    def quality(waveforms: list[np.ndarray], references: list[np.ndarray]) -> dict[str, float]:
        heard, wanted = ([_at_16_khz(w) for w in of] for of in (waveforms, references))
        figures = {name: rate(heard, wanted) for _, name, rate in raters}
        return {name: figure for name, figure in figures.items() if figure is not None}

    names = (words, *(judge for judge, _, _ in raters))
    print(f"training is heard by {'; '.join(names)}", file=sys.stderr)
    return Hearing(word_error, quality, names)


def _at_16_khz(waveform: np.ndarray) -> np.ndarray:
    from ditar.audio.resample import resample

    return np.asarray(resample(waveform, SAMPLE_RATE_HZ, 16_000), dtype=np.float32)


def _make_word_error(name: str) -> tuple[str, WordError]:
    from ditar.evaluate.intervals import corpus_rate
    from ditar.evaluate.words import choose_normaliser, word_errors
    from ditar.recognise.choose import make_recogniser

    recogniser = make_recogniser(name, quick=True)
    # Whisper's normaliser lies in transformers, which a machine for training may lack.
    normalise, _ = choose_normaliser(None if find_spec("transformers") is not None else "plain", recogniser)

    def word_error(waveforms: list[np.ndarray], texts: list[str]) -> float:
        heard = [recogniser.transcribe(_at_16_khz(waveform)) for waveform in waveforms]
        rows = word_errors(dict(enumerate(texts)), dict(enumerate(heard)), normalise)
        return corpus_rate([r.word_errors for r in rows], [r.words for r in rows])

    return recogniser.name, word_error


Rater = tuple[str, str, Callable[[list[np.ndarray], list[np.ndarray]], float | None]]  # judge, figure, rate


def _distillmos() -> Rater | None:
    if find_spec("distillmos") is None:
        return None
    from ditar.evaluate.quality import DistillMOS

    judge = DistillMOS()

    def rate(waveforms: list[np.ndarray], _: list[np.ndarray]) -> float | None:
        scores = [score["distillmos"] for waveform in waveforms if (score := judge.score(waveform))]
        return float(np.mean(scores)) if scores else None

    return judge.name, "distillmos", rate


def _similarity() -> Rater | None:
    if find_spec("resemblyzer") is None:
        return None
    from ditar.evaluate.inputs import EvaluationError
    from ditar.evaluate.similarity import Embedder
    from ditar.evaluate.threads import one_thread

    try:
        judge = Embedder()
    except EvaluationError as error:  # it is there, and something that it needs is not
        print(f"no similarity during training: {error}", file=sys.stderr)
        return None

    def rate(waveforms: list[np.ndarray], references: list[np.ndarray]) -> float:
        with one_thread():
            return float(np.mean([judge.embed(w) @ judge.embed(r) for w, r in zip(waveforms, references)]))

    return judge.name, "similarity", rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a training program that say who listens, and to whom."""
    from ditar.recognise.choose import WAYS

    parser.add_argument(
        "--recogniser",
        metavar="NAME",
        default=AUTO,
        help=f"hears what the model says: {AUTO} (faster-whisper, else pocketsphinx, whichever is installed; the "
        f"default), {NONE}, or {WAYS}",
    )
    parser.add_argument(
        "--listen-speakers", metavar="FILE", type=Path, help="a validation speaker a line: whom to listen to (all)"
    )
    parser.add_argument(
        "--listen-recordings",
        metavar="DIR",
        type=Path,
        help="Kaldi data directory of the validation utterances: similarity is to these clips, not to what the model's "
        "decoder makes of them",
    )


def make_listener(
    load_decoder: Callable[[], Callable[[torch.Tensor], torch.Tensor]], store: LatentStore, args: argparse.Namespace
) -> Listener | None:
    """The listener that `add_arguments` describes; None where nobody listens. load_decoder: makes `Listener.decode`; it is
    not asked where nobody listens.

    DataError where the recogniser, a speaker or a recording that is asked for is not there: before training begins.
    """
    try:
        hearing = make_hearing(args.recogniser)
    except RecogniserError as error:
        raise DataError(f"--recogniser: {error}") from None
    if hearing is None:
        return None
    speakers = _read_speakers(args.listen_speakers, store) if args.listen_speakers is not None else None
    listener = Listener(load_decoder(), hearing.word_error, hearing.quality, speakers=speakers)
    if args.listen_recordings is not None:
        paths = dict(read_wav_scp(args.listen_recordings))
        lacking = [reference.utt for reference, _ in listener.pairs(store) if reference.utt not in paths]
        if lacking:
            raise DataError(
                f"{args.listen_recordings}/wav.scp lacks {quote(lacking)}; give the data of the validation set"
            )
        listener = replace(listener, recorded=lambda utt: _recorded(paths[utt]))
    return listener


def _read_speakers(path: Path, store: LatentStore) -> frozenset[str]:
    if not path.is_file():
        raise DataError(f"the list of speakers {str(path)!r} does not exist; write one with a speaker a line")
    speakers = [words[0] for line in path.read_text(encoding="utf-8").splitlines() if (words := line.split())]
    counts = Counter(entry.speaker for entry in store.entries)
    lacking = [speaker for speaker in speakers if counts[speaker] < 2]
    if lacking or not speakers:
        raise DataError(f"{path}: {store.folder} has no two utterances of {quote(lacking) or 'anybody in it'}; a "
                        "speaker takes one as reference and one to speak")  # fmt: skip
    return frozenset(speakers)


def _recorded(path: str | Path) -> np.ndarray:
    from ditar.audio.read import read_audio

    return read_audio(path)
