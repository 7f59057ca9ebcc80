"""A text of any length as the pieces that a model speaks one by one, and the silence between them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from ditar.text.controls import cut
from ditar.text.errors import TextError
from ditar.text.frontend import ReadText, TextFrontend
from ditar.text.lengths import MAX_TEXT_SECONDS
from ditar.text.pronunciation import written
from ditar.text.script import script_warning
from ditar.text.sentences import Piece
from ditar.units import seconds_to_samples

PieceT = TypeVar("PieceT", bound=Piece)
MIN_PIECE_SECONDS = 2.5  # of expected speech: shorter pieces are no longer sentences, however long the reference
LONG_NUMBER = re.compile(r"\d{16,}")  # is read digit by digit, even if only part of it fits into a piece
SYMBOLS_PER_CHARACTER = 1 / 6  # fewer than in any language: a text that is too long even so need not be phonemised


def piece_limit(trained_seconds: float, reference_seconds: float, seconds_per_symbol: float) -> int:
    """Symbols that a piece may have, for a model that was trained on so many seconds of reference and text together (0:
    unknown)."""
    seconds = trained_seconds - reference_seconds if trained_seconds else MAX_TEXT_SECONDS
    return int(min(max(seconds, MIN_PIECE_SECONDS), MAX_TEXT_SECONDS) / seconds_per_symbol)


def read_pieces(
    frontend: TextFrontend, text: str, limit: int, whole: bool = False
) -> tuple[list[tuple[Piece, ReadText]], list[str]]:
    """The pieces of a text with at most `limit` symbols each, as they are written and as the model reads them, and the
    warnings about what was left out.

    `whole`: a text that fits is one piece, however many sentences it has, up to a pause that it asks for. TextError:
    nothing of it can be spoken, or a control (`text.controls`) cannot be read.
    """
    script = script_warning(text)
    passages = frontend.passages(LONG_NUMBER.sub(lambda match: " ".join(match[0]), text))
    phonemised: dict[str, tuple[list[str], list[str]]] = {}  # symbols and what was dropped, of what fits

    def phonemise(piece: str) -> tuple[list[str], list[str]]:
        dropped: list[str] = []
        return frontend.phonemise(piece, dropped), dropped

    def fits(piece: str) -> bool:
        if len(piece) * SYMBOLS_PER_CHARACTER > limit:
            return False
        try:
            found = phonemise(piece)
        except TextError:  # perhaps a shorter part of it can be spoken
            return len(piece) <= limit
        if len(found[0]) <= limit:
            phonemised[piece] = found
        return len(found[0]) <= limit

    spoken, left_out, reason = [], [], None
    for piece in cut(passages, fits, whole):
        text = written(piece.text)
        try:
            read = frontend.finish(text, *(phonemised.get(piece.text) or phonemise(piece.text)))
            spoken.append((replace(piece, text=text), read))
        except TextError as error:
            reason = reason or error
            left_out.append(text)
    if not spoken:
        raise reason or TextError("the text is empty; give at least one word")
    warnings = [*([script] if script else []), *frontend.marks_left_out(passages)]
    if left_out:
        first = left_out[0] if len(left_out[0]) <= 40 else f"{left_out[0][:40]}..."
        parts = f"{len(left_out)} part{'s' * (len(left_out) != 1)}"
        warnings.append(f"{parts} of the text left out, the first {first!r}: {reason}")
    return spoken, warnings


def paced(piece: PieceT, speed: float | None) -> PieceT:
    """A piece whose silence by punctuation is shortened or stretched as its speech is, at a speed (None: 1) times its
    own rate; silence that the text asks for stays."""
    faster = piece.rate * (1.0 if speed is None else speed)
    return piece if piece.asked or faster == 1.0 else replace(piece, pause_seconds=piece.pause_seconds / faster)


def gaps(pieces: Sequence[Piece]) -> list[int]:
    """Samples of silence before each of consecutive pieces, and after the last one: n + 1 numbers."""
    around = [None, *pieces, None]
    return [gap_samples(before, after) for before, after in zip(around, around[1:])]


def ends_to_cut(silences: Sequence[int]) -> list[tuple[bool, bool]]:
    """For each piece of a stream with these `gaps`, whether silence at its start and at its end is cut, since other
    speech, or among several the silence that was asked for at the end, stands there."""
    last = len(silences) - 2
    return [(place > 0, place < last or (place > 0 and silences[-1] > 0)) for place in range(last + 1)]


def gap_samples(before: Piece | None, after: Piece | None) -> int:
    """Of silence between two pieces; None: an end of the text, where there is only silence that was asked for."""
    asked = [before.pause_seconds] if before is not None and before.asked else []
    if after is not None and after.lead_seconds is not None:
        asked.append(after.lead_seconds)
    at_end = before is None or after is None
    return seconds_to_samples(sum(asked) if asked or at_end else before.pause_seconds)
