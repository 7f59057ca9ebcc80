"""A recording -> pieces as training reads them: heard if nobody knows its text, aligned with it, cut at pauses, trimmed
and levelled as references are, phonemised.

English is aligned, which finds the times of its symbols, texts that are not what is said and texts in another language;
other languages keep the times that a Kaldi data directory gives, and their recordings stay whole.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.errors import AudioError, AudioWriteError
from ditar.audio.faults import NO_SPEECH_DB, loudness_range_db
from ditar.audio.read import read_audio
from ditar.audio.resample import resample
from ditar.audio.trim import MIN_PAUSE_SECONDS, is_silent, pauses, trim_silence
from ditar.audio.utterance import prepare_utterance
from ditar.audio.write import write_audio
from ditar.data.align import Phone, Times, align_symbols
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance
from ditar.data.times import shift_times, sound_seconds
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.aligner import PAUSE, Aligner, AlignmentError, unlikely
from ditar.recognise.choose import make_recogniser
from ditar.recognise.errors import RecogniserError
from ditar.recognise.words import plain_words
from ditar.text.frontend import TextFrontend
from ditar.text.function_words import can_tell, likely_language
from ditar.text.lengths import pace_fault
from ditar.text.normalise import normalise
from ditar.text.pronunciation import is_english
from ditar.text.vocabulary import Vocabulary
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds

LEAST_SECONDS = 0.5  # of a piece
HEARD_SECONDS = 25.0  # at most at a time: Whisper hears 30
HEARD_SHARE = 0.6  # of words, in common with those that a text has: another text has a fifth
ALIGNED_SECONDS = 120.0  # longer recordings with a text take an aligner minutes, and much memory


@dataclass(frozen=True)
class TrainingPiece:
    """An utterance to train on; `recording` is the name of what it was cut from, `times` as in `data.align`."""

    utt: str
    recording: str
    speaker: str
    path: str
    text: str
    seconds: float
    symbols: list[str]
    times: Times | None


@dataclass(frozen=True)
class PieceMaker:
    """Makes pieces, in any process.

    Args:
        folder: gets NAME.wav of each piece.
        language: of the texts, by espeak-ng's name.
        symbols: the model's vocabulary.
        longest_s: longer recordings are cut at pauses, until each piece is shorter or has none.
        most_s: pieces that are still longer are refused.
        timed: pieces without times of their symbols are refused.
        recogniser: see `recognise.choose`: hears what has no text.
    """

    folder: Path
    language: str
    symbols: tuple[str, ...]
    longest_s: float
    most_s: float
    timed: bool
    recogniser: str

    def line(self, row: Utterance) -> dict[str, Any]:
        """A line of a journal: `recording`, its `pieces`, and `why` what is lacking cannot be used."""
        try:
            made, why = self.pieces(row)
        except AudioWriteError:  # it is no fault of the recording
            raise
        except ValueError as error:  # every error class of the package is one
            made, why = [], [str(error) if str(row.path) in str(error) else f"{row.path}: {error}"]
        return {"recording": row.utt, "pieces": [asdict(piece) for piece in made], "why": why}

    def pieces(self, row: Utterance) -> tuple[list[TrainingPiece], list[str]]:
        """The pieces, and why parts that were heard are not among them: their words may be wrong. Errors, with the
        value and the remedy, if nothing of a recording can be used, or if something with a given text cannot."""
        waveform = read_audio(row.path)
        if is_silent(waveform):
            raise AudioError(f"{row.path} holds only silence; take it out")
        if (varies_db := loudness_range_db(trim_silence(waveform, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)) < NO_SPEECH_DB:
            raise AudioError(
                f"there is no speech in {row.path}: its loudness varies by {varies_db:.0f} dB; take it out"
            )
        other = likely_language(row.text)
        if other not in (None, self.language.split("-")[0]) and can_tell(self.language):
            raise DataError(
                f"{row.text[:60]!r} ({row.path}) looks like {other!r} and not like {self.language!r}; fine-tune on one "
                "language at a time: take it out, or give --language"
            )
        made, why = [], []
        parts = [(row, waveform)] if row.text else self._heard(row, waveform)
        for number, (part, samples) in enumerate(parts):
            part = part if len(parts) == 1 else replace(part, utt=f"{row.utt}_{number:03d}")
            try:
                made += self._pieces_of_part(part, samples, row.utt, given=bool(row.text))
            except AudioWriteError:
                raise
            except ValueError as error:
                if len(parts) == 1:
                    raise
                why.append(str(error))
        if not made:
            raise DataError(f"nothing of {row.path} can be used: {why[0]}")
        return made, why

    def _pieces_of_part(
        self, row: Utterance, waveform: np.ndarray, recording: str, given: bool
    ) -> list[TrainingPiece]:
        timed = row.phones is not None or row.symbol_times is not None
        whole = timed or not is_english(self.language)
        cuts = [(row, waveform)] if whole else self._aligned(row, waveform, given)
        names = [row.utt] if len(cuts) == 1 else [f"{row.utt}_{number:03d}" for number in range(len(cuts))]
        return [self._piece(replace(part, utt=name), samples, recording) for name, (part, samples) in zip(names, cuts)]

    def _heard(self, row: Utterance, waveform: np.ndarray) -> list[tuple[Utterance, np.ndarray]]:
        """Parts up to HEARD_SECONDS, each with what is heard in it; AudioError: no words in any."""
        if not is_english(self.language):
            raise DataError(
                f"{row.path} has no text, and only English is heard, not {self.language!r}; write what is said into "
                f"{Path(row.path).with_suffix('.txt').name} beside it"
            )
        middles = [(begin + end) // 2 for begin, end in pauses(waveform, SAMPLE_RATE_HZ)]
        parts = []
        for begin, end in halved(0, len(waveform), middles, round(HEARD_SECONDS * SAMPLE_RATE_HZ)):
            samples = waveform[begin:end]
            text = self._recogniser.transcribe(resample(samples, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)).strip()
            if any(map(str.isalnum, text)):
                parts.append((replace(row, text=text), samples))
        if not parts:
            raise AudioError(f"no words are heard in {row.path}; write what is said beside it, or take it out")
        return parts

    def _aligned(self, row: Utterance, waveform: np.ndarray, given: bool) -> list[tuple[Utterance, np.ndarray]]:
        """Cut at pauses between words; each part with its words and phones. Errors: the words, if they were given and
        not heard, are not what is said."""
        seconds = samples_to_seconds(len(waveform))
        if seconds > ALIGNED_SECONDS:
            raise DataError(
                f"{row.path} lasts {seconds:.0f} s, and with a text at most {ALIGNED_SECONDS:g} s are aligned; cut it, "
                "or take its text away: what has no text is cut at pauses, and heard"
            )
        tokens = normalise(row.text, self.language).split()
        words = plain_words(" ".join(tokens)).split()
        ends = list(accumulate(len(plain_words(token).split()) for token in tokens))  # words up to each token's end
        if not words or ends[-1] != len(words):  # a token that is no word without its neighbours
            tokens, ends = words, list(range(1, len(words) + 1))
        if not words:
            raise AlignmentError(f"no word to align in the text {row.text!r}")
        low = resample(waveform, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)
        phones, begun = self._aligner.fit_words(low, words)
        if given and (wrong := unlikely(phones, low)) and not self._are_heard(words, low):
            raise AlignmentError(f"{row.text[:60]!r} is not what is said in {row.path}: {wrong}")
        gaps = {}  # sample in the middle of a pause -> words before it
        for (name, start_s, end_s), before in zip(phones, begun):
            if name == PAUSE and end_s - start_s >= MIN_PAUSE_SECONDS and before in ends and before < len(words):
                gaps[round((start_s + end_s) / 2 * SAMPLE_RATE_HZ)] = before
        parts = []
        for begin, end in halved(0, len(waveform), sorted(gaps), round(self.longest_s * SAMPLE_RATE_HZ)):
            first, last = (
                sum(e <= gaps.get(at, default) for e in ends) for at, default in ((begin, 0), (end, len(words)))
            )
            whole = (begin, end) == (0, len(waveform))
            text = row.text if whole else " ".join(tokens[first:last])
            inside = _within(phones, begin / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ)
            parts.append((replace(row, text=text, phones=inside), waveform[begin:end]))
        return parts

    def _are_heard(self, words: Sequence[str], low: np.ndarray) -> bool:
        """Whether a recogniser, if there is one, hears about these words in (S,) at 16 kHz: an alignment may look
        unlikely, by how somebody speaks, and be right."""
        try:
            heard = plain_words(normalise(self._recogniser.transcribe(low))).split()
        except RecogniserError:
            return False
        return SequenceMatcher(None, words, heard, autojunk=False).ratio() >= HEARD_SHARE

    def _piece(self, row: Utterance, waveform: np.ndarray, recording: str) -> TrainingPiece:
        made, cut_s = prepare_utterance(waveform, SAMPLE_RATE_HZ, sound_seconds(row), f"{row.utt} ({row.path})")
        seconds = samples_to_seconds(len(made))
        if not LEAST_SECONDS <= seconds <= self.most_s:
            raise DataError(
                f"{row.utt} holds {seconds:.2f} s of speech without a pause to cut at, and {LEAST_SECONDS:g} to "
                f"{self.most_s:g} s can be used; take it out, or cut it"
            )
        row = shift_times(row, cut_s, seconds)
        symbols, times = self._frontend.phonemise(row.text), None
        if unknown := sorted({symbol for symbol in symbols if symbol not in self._vocabulary}):
            raise DataError(f"the model's vocabulary lacks {unknown}, which are in {row.text[:60]!r}; take it out")
        if row.symbol_times is not None and row.symbol_times[0] == symbols:
            times = row.symbol_times[1]
        elif row.phones is not None:
            times = align_symbols(symbols, row.phones)
        if times is None and self.timed:
            raise DataError(
                f"the model reads monotonically and needs to know when each sound of {row.utt} is spoken, which is "
                f"found for English only, not {self.language!r}; give a Kaldi data directory with symbol_times"
            )
        if fault := pace_fault(len(symbols), seconds):
            raise DataError(f"{row.utt}: {fault}")
        path = self.folder / f"{row.utt}.wav"
        write_audio(path, made, SAMPLE_RATE_HZ)
        return TrainingPiece(row.utt, recording, row.speaker, str(path), row.text, seconds, symbols, times)

    @cached_property
    def _frontend(self) -> TextFrontend:
        return TextFrontend(self.language)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.symbols)

    @cached_property
    def _aligner(self) -> Aligner:
        return Aligner()

    @cached_property
    def _recogniser(self):
        return make_recogniser(self.recogniser)


def halved(begin: int, end: int, places: Sequence[int], longest: int) -> list[tuple[int, int]]:
    """begin to end, cut in two at the place that is nearest to the middle until no part is longer than `longest`, or
    has a place in it."""
    inside = [place for place in places if begin < place < end]
    if end - begin <= longest or not inside:
        return [(begin, end)]
    at = max(inside, key=lambda place: min(place - begin, end - place))
    return halved(begin, at, inside, longest) + halved(at, end, inside, longest)


def _within(phones: Sequence[Phone], start_s: float, end_s: float) -> list[Phone]:
    """Those of a part of the audio, by their middles, with times in it."""
    kept = [phone for phone in phones if start_s <= (phone[1] + phone[2]) / 2 < end_s]
    length_s = end_s - start_s
    return [(name, max(0.0, a - start_s), min(length_s, b - start_s)) for name, a, b in kept]
