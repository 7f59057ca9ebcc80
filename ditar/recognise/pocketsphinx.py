"""Recognition by pocketsphinx and the English model in its package: offline, on a CPU, the same everywhere.

Two ways to ask. Free: what was said, with the package's 3-gram language model. Closed set: which of these sentences
was said, with a grammar of whole sentences; it tolerates voices that the acoustic model has never heard, and with 100
sentences and decoys chance is below 1 %.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder

from ditar.audio.trim import is_silent
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.errors import RecogniserError, quote
from ditar.recognise.files import map_files
from ditar.recognise.words import plain_words

WIDE_BEAMS = {"beam": 1e-70, "pbeam": 1e-70, "wbeam": 1e-50}  # six times the work of the defaults
PAD_S = 0.2  # the model expects silence around speech; without it first and last words are lost


def recogniser_name() -> str:
    """Name and version, to be reported with every figure."""
    return f"pocketsphinx {version('pocketsphinx')} en-us"


class Pocketsphinx:
    """One pocketsphinx decoder. `sentences` makes it closed-set; None is free recognition.

    Utterances are independent: cepstral means are taken over each, so order and number of processes change nothing.
    """

    normaliser, spelling = "plain", None

    def __init__(self, sentences: Sequence[str] | None = None):
        self.name = recogniser_name()
        self._sentences = None if sentences is None else _plain_sentences(sentences)
        self._decoder = _decoder(self._sentences)
        self._patient = None  # for a closed set: the same with wide beams, made when first needed

    def __reduce__(self):
        return Pocketsphinx, (self._sentences,)

    def recognise(
        self, audio: Mapping[str, str | Path], workers: int | None = None, progress: bool = True
    ) -> dict[str, str]:
        """Plain words heard in each audio file (any rate), by utterance id. workers: see `files.map_files` (the
        decoder holds Python's lock, so threads would not help)."""
        title = "recognising" if self._sentences is None else "recognising in the closed set"
        return map_files(audio, self.transcribe, workers, progress, title)

    def transcribe(self, waveform: np.ndarray) -> str:
        """Plain words heard in (S,) float at 16 kHz; closed-set: the sentence, or what of it fitted; "" for nothing."""
        if is_silent(waveform):  # the model hears "yeah" in digital silence, and a closed set some sentence
            return ""
        pad = np.zeros(int(PAD_S * RECOGNISER_RATE_HZ), dtype=np.int16)
        samples = np.concatenate([pad, np.int16(np.clip(waveform, -1, 1) * 32767), pad]).tobytes()
        heard = _decode(self._decoder, samples)
        if self._sentences is not None and heard not in self._sentences:
            # no path reached the end of a sentence: the usual beams cut off about one clear utterance in a hundred
            self._patient = self._patient or _decoder(self._sentences, **WIDE_BEAMS)
            heard = _decode(self._patient, samples)
        return heard


def _plain_sentences(sentences: Sequence[str]) -> list[str]:
    plain = {plain_words(sentence): sentence for sentence in sentences}
    if "" in plain:
        raise RecogniserError(f"no word in the closed-set sentence {plain['']!r}; remove it")
    if len(plain) < 2:
        raise RecogniserError(f"a closed set needs at least two different sentences, got {quote(plain)}")
    return sorted(plain)


def _decoder(sentences: Sequence[str] | None, **options: float):
    """A decoder with the package's language model, or with a grammar of whole sentences."""
    # live mean subtraction would carry over from one utterance to the next
    options = {"samprate": RECOGNISER_RATE_HZ, "loglevel": "FATAL", "cmn": "batch", **options}
    if sentences is None:
        return Decoder(**options)
    decoder = Decoder(lm=None, **options)
    unknown = sorted({w for sentence in sentences for w in sentence.split() if decoder.lookup_word(w) is None})
    if unknown:
        from ditar.recognise.pronounce import pronounce  # espeak is only needed for unknown words

        for word, phones in pronounce(unknown).items():
            decoder.add_word(word, phones, False)
    rules = "\n| ".join(sentences)
    decoder.add_jsgf_string("closed", f"#JSGF V1.0;\ngrammar closed;\npublic <sentence> =\n{rules};\n")
    decoder.activate_search("closed")
    return decoder


def _decode(decoder, samples: bytes) -> str:
    """Plain words heard in 16-bit samples."""
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    heard = hypothesis.hypstr if hypothesis is not None else ""
    return plain_words(" ".join(word.split("(")[0] for word in heard.split()))  # a variant is written "read(2)"
