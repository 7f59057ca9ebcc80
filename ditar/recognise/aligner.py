"""When each phone of known words is spoken: forced alignment with pocketsphinx's English model, in two passes.
Words of other languages are given to it in the nearest English phones of what espeak reads.

The first pass finds the words, with all their pronunciations and pauses between them, the second the phones inside
each.
The result of the first is read from its own path: the "best path" through its lattice, which pocketsphinx reads by
default, ends in marks of one frame, and then the second pass finds nothing (for three of four utterances of real
speech).
"""

from collections.abc import Sequence

import numpy as np
from pocketsphinx import Decoder

from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.errors import RecogniserError
from ditar.recognise.words import plain_words
from ditar.text.normalise import normalise
from ditar.text.phonemise import Phonemiser
from ditar.text.pronunciation import is_english

Phone = tuple[str, float, float]  # CMUdict's name in lower case or "pau", start_s, end_s

FRAME_S = 0.01  # of pocketsphinx; a phone has at least three
PAD_S = 0.2  # of silence at both ends: the model expects it
WIDE_BEAMS = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}
PAUSE = "pau"

# What a good alignment looks like: of 205 utterances of real corpora 2 are refused, and 166 if each is given the words
# of another of similar length.
LEAST_MEAN_S = 0.04  # of a phone
MOST_HURRIED = 0.33  # of the phones may have the three frames that each needs
LONG_S, MOST_LONG = 0.3, 0.3
LOUD_DB, MOST_LOUD = 20.0, 0.25  # share of the frames within so many dB of the loudest that may lie in pauses


class AlignmentError(RecogniserError):
    """These words are not what is spoken, or their times cannot be found."""


class Aligner:
    """(S,) at 16 kHz and its text -> phones with times. pocketsphinx keeps a little of the previous audio: one boundary
    in some hundreds moves by a frame or two with the order of utterances."""

    def __init__(self):
        # live mean subtraction would carry over from one utterance to the next
        options = {"samprate": RECOGNISER_RATE_HZ, "loglevel": "FATAL", "cmn": "batch", "lm": None}
        self._decoder = Decoder(bestpath=False, **options, **WIDE_BEAMS)

    def pronunciation(self, word: str) -> list[str]:
        """CMUdict's phones of a plain word: the dictionary's, or espeak's for an unknown word. `read(2)` is the second
        pronunciation of `read`. RecogniserError for a word without a sound."""
        found = self._decoder.lookup_word(word)
        if found is None:
            from ditar.recognise.pronounce import pronounce  # espeak is only needed for unknown words

            found = pronounce([word])[word]
            self._decoder.add_word(word, found, True)
        return found.lower().split()

    def align(self, waveform: np.ndarray, text: str, language: str = "en-us", sure: bool = True) -> list[Phone]:
        """Phones of a text as it is written, in a language by espeak's name. AlignmentError if no path or, unless
        `sure` is False, only an unlikely one is found."""
        english = is_english(language)
        words = plain_words(normalise(text)).split() if english else self._words_by_sound(text, language)
        if not words:
            raise AlignmentError(f"no word to align in the text {text!r}")
        phones = self.fit(waveform, words)
        if sure and (wrong := unlikely(phones, waveform)):
            raise AlignmentError(wrong)
        return phones

    def fit(self, waveform: np.ndarray, words: Sequence[str]) -> list[Phone]:
        """The best path of plain words, however unlikely. AlignmentError if there is none inside the audio."""
        return self.fit_words(waveform, words)[0]

    def fit_words(self, waveform: np.ndarray, words: Sequence[str]) -> tuple[list[Phone], list[int]]:
        """`fit`, and for each phone how many words have begun by its end."""
        for word in words:
            self.pronunciation(word)  # now the decoder knows it
        pad = np.zeros(round(PAD_S * RECOGNISER_RATE_HZ), dtype=np.int16)
        samples = np.concatenate([pad, np.int16(np.clip(waveform, -1, 1) * 32767), pad]).tobytes()
        try:
            self._decoder.set_align_text(" ".join(words))
            self._listen(samples)
            self._decoder.set_alignment()
            self._listen(samples)
            found = self._decoder.get_alignment()
        except RuntimeError:  # pocketsphinx's only way of saying "no path"
            found = None
        said, path = [], []
        for word in found.words() if found else ():  # a word is invalid once the iterator moves on
            said += [word.name.split("(")[0]] * (word.name[0] not in "<[+(")
            path += [(phone.name, phone.start, phone.duration, len(said)) for phone in word]
        if said != [word.split("(")[0] for word in words]:  # no path, or one that ends before the last word
            raise AlignmentError(f"no path through {' '.join(words)!r}")
        return _inside(path, len(waveform) / RECOGNISER_RATE_HZ)

    def _words_by_sound(self, text: str, language: str) -> list[str]:
        """A text's words, each named by its phones, and known to the decoder by that name."""
        from ditar.recognise.pronounce import arpa_from_ipa

        words = []
        for symbols in Phonemiser(language).words(text):
            if phones := arpa_from_ipa("".join(symbols)):
                words.append("_" + "_".join(phones))
                if self._decoder.lookup_word(words[-1]) is None:
                    self._decoder.add_word(words[-1], " ".join(phones), True)
        return words

    def _listen(self, samples: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(samples, full_utt=True)
        self._decoder.end_utt()


def _inside(path: Sequence[tuple[str, int, int, int]], seconds: float) -> tuple[list[Phone], list[int]]:
    """Times in the audio, for (name, first frame, frames, words so far) in the padded audio, and the words so far.
    AlignmentError if a phone would be spoken outside."""
    phones, begun = [], []
    for name, first, frames, words in path:
        start_s = max(0.0, first * FRAME_S - PAD_S)
        end_s = min(seconds, (first + frames) * FRAME_S - PAD_S)
        silent = name.startswith(("SIL", "+"))
        if silent and phones and phones[-1][0] == PAUSE:  # silence after the mark of the beginning
            phones[-1] = (PAUSE, phones[-1][1], round(end_s, 3))
        elif end_s - start_s >= FRAME_S / 2:
            phones.append((PAUSE if silent else name.lower(), round(start_s, 3), round(end_s, 3)))
            begun.append(words)
        elif not silent:
            raise AlignmentError(f"the phone {name} would be spoken outside of the audio ({seconds:.2f} s)")
    return phones, begun


def unlikely(phones: Sequence[Phone], waveform: np.ndarray) -> str:
    """Why an alignment of (S,) at 16 kHz is hardly right; empty if it is plausible."""
    lengths_s = np.array([end - start for name, start, end in phones if name != PAUSE])
    if lengths_s.mean() < LEAST_MEAN_S:
        return f"{1000 * lengths_s.mean():.0f} ms a phone on average, shorter than anyone speaks"
    hurried = np.mean(lengths_s < 3.5 * FRAME_S)
    if hurried > MOST_HURRIED:
        return f"{100 * hurried:.0f} % of the phones have the least length that there is"
    drawn = np.mean(lengths_s >= LONG_S)
    if drawn > MOST_LONG:
        return f"{100 * drawn:.0f} % of the phones last {LONG_S:g} s or longer"
    hop = round(FRAME_S * RECOGNISER_RATE_HZ)
    frames = len(waveform) // hop
    power = np.square(waveform[: frames * hop].reshape(frames, hop), dtype=np.float64).mean(axis=1)
    loud = power > np.percentile(power, 95) * 10 ** (-LOUD_DB / 10)
    spoken = np.zeros(frames, dtype=bool)
    for name, start_s, end_s in phones:
        if name != PAUSE:
            spoken[round(start_s / FRAME_S) : round(end_s / FRAME_S)] = True
    outside = np.mean(~spoken[loud]) if loud.any() else 1.0
    if outside > MOST_LOUD:
        return f"{100 * outside:.0f} % of what is loud lies in pauses"
    return ""
