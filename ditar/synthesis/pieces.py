"""A text of any length as pieces that a model speaks one by one, and their speech joined with the silence between them.

Long texts, streams, lists, calls from Python and the server all read texts here, and take the silences from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ditar.audio.trim import fade, level, speech_range
from ditar.config.numbers import check_number
from ditar.config.sampling import RANGES
from ditar.config.speech import TextConfig
from ditar.synthesis.length import lengths
from ditar.synthesis.request import SpeechOutput, SpeechRequest
from ditar.synthesis.timing import Timing, joined
from ditar.synthesis.voice import Voice, voice_warnings
from ditar.text import TextError
from ditar.text.frontend import ReadText, TextFrontend
from ditar.text.pieces import gaps, paced, piece_limit, read_pieces
from ditar.text.sentences import Piece
from ditar.units import SAMPLE_RATE_HZ


@dataclass(frozen=True)
class ReadPiece(Piece):
    """A piece of text as the model reads it, and the voice that speaks it; pronunciations are in the text as they are
    written."""

    read: ReadText | None = None  # None: not read yet
    voice: Voice | None = None  # None: the one that ships

    def request(self, seed: int | None, **options: Any) -> SpeechRequest:
        """For it; `options` of SpeechRequest. TextError: see `speed`."""
        speed = self.speed(options.pop("speed", None))
        return SpeechRequest(self.text, self.voice, seed=seed, read=self.read, speed=speed, **options)

    def speed(self, asked: float | None) -> float | None:
        """How fast it is spoken if that is asked for all of the text. TextError: the rate of the piece does not go with
        that."""
        if self.rate == 1.0:
            return asked
        together, (low, high) = self.rate * (1.0 if asked is None else asked), RANGES["speed"]
        if not low <= together <= high:
            raise TextError(
                f"{self.text[:40]!r}: its rate {self.rate:g} at the speed {asked:g} makes {together:g}, and from "
                f"{low:g} to {high:g} is possible; change one of them"
            )
        return together


def pieces_to_speak(
    text: str, voice: Voice, config: TextConfig, language: str, whole: bool = False
) -> tuple[list[ReadPiece], list[str]]:
    """The pieces of a text that a model can speak, with the silence between them, and the warnings about what was left
    out.

    `config` describes its training data: trained_seconds of reference and text together, seconds_per_symbol, symbols,
    trained_symbols. `whole`: a text that fits is one piece, however many sentences it has, up to a pause that it asks
    for. TextError: nothing of it can be spoken, or a control (`text.controls`) cannot be read.
    """
    frontend = TextFrontend.of(config, language)
    one = lengths(1, voice, config.seconds_per_symbol).expected
    limit = piece_limit(config.trained_seconds, voice.seconds, one)
    found, warnings = read_pieces(frontend, text, limit, whole)
    return [ReadPiece(**vars(piece), read=read, voice=voice) for piece, read in found], warnings


def one_piece(text: str, voice: Voice, config: TextConfig, language: str) -> ReadPiece:
    """A text that must not be cut. TextError: it cannot be spoken, or is too long for one call."""
    read = TextFrontend.of(config, language).read(text)
    lengths(len(read.symbols), voice, config.seconds_per_symbol)
    return ReadPiece(text, 0.0, read=read, voice=voice)


def at_speed(pieces: Sequence[ReadPiece], asked: float | None) -> list[ReadPiece]:
    """Pieces with their silences at a speed, see `paced`; None: 1. TextError, before anything is spoken: see
    `ReadPiece.speed`. ValueError: no speed."""
    if asked is not None:
        asked = check_number(asked, "speed", *RANGES["speed"])
    for piece in pieces:
        piece.speed(asked)
    return [paced(piece, asked) for piece in pieces]


def warnings_of_voices(pieces: Sequence[ReadPiece]) -> list[str]:
    """What a user should know of the voices of pieces, once and not for every piece."""
    voices = {id(piece.voice): piece.voice for piece in pieces if piece.voice is not None}
    return list(dict.fromkeys(line for voice in voices.values() for line in voice_warnings(voice)))


def silent(samples: int) -> np.ndarray:
    """(S,) of silence."""
    return np.zeros(samples, np.float32)


def levelled(output: SpeechOutput) -> tuple[np.ndarray, Timing | None]:
    """The speech (S,) of a piece, ready to stand between others: without silence at its ends, all at one level, faded
    in and out; and its timing."""
    start, stop = speech_range(output.audio, SAMPLE_RATE_HZ)
    audio = fade(level(output.audio[start:stop], SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    return audio, None if output.timing is None else output.timing.cut(start, stop)


def join(pieces: Sequence[Piece], outputs: Sequence[SpeechOutput]) -> tuple[np.ndarray, Timing | None]:
    """(S,) of pieces with their silences, and its timing, if all outputs have theirs. A single piece is as it was made,
    several are levelled."""
    *before, after = gaps(pieces)
    parts, timings, at = [], [], 0
    for gap, output in zip(before, outputs, strict=True):
        audio, timing = (output.audio, output.timing) if len(pieces) == 1 else levelled(output)
        parts += [silent(gap), audio]
        timings.append((timing, at + gap))
        at += gap + len(audio)
    return np.concatenate([*parts, silent(after)]), joined(timings)
