"""What will be said for a text, and how, before anything is spoken."""

from collections.abc import Iterator
from dataclasses import dataclass

from ditar.text.controls import cut, passages
from ditar.text.errors import TextError
from ditar.text.normalise import normalise
from ditar.text.phonemise import Phonemiser
from ditar.text.pronunciation import written


@dataclass(frozen=True)
class SaidSentence:
    """A sentence as it is written and as it is said: in words, as IPA symbols, and the silence after it in seconds.
    `left_out`: characters and markup without a sound. `refused`: why nothing of it can be said, else "".
    `lead_seconds`: silence that was asked for before the first sentence. `rate`: how fast, for a model that can."""

    written: str
    said: str
    symbols: str
    pause_seconds: float
    left_out: tuple[str, ...] = ()
    refused: str = ""
    lead_seconds: float = 0.0
    rate: float = 1.0


def dry_run(text: str, language: str = "en-us") -> Iterator[SaidSentence]:
    """The sentences of a text. TextError: the language is unknown, or nothing of the text can be said."""
    phonemise = Phonemiser(language)
    reason: TextError | None = None
    said_one = False
    for piece in cut(passages(text, phonemise.language)):
        left_out: list[str] = []
        try:
            symbols = "".join(phonemise(piece.text, left_out))
        except TextError as error:
            reason = reason or error
            yield SaidSentence(written(piece.text), "", "", 0.0, tuple(left_out), str(error))
            continue
        said_one = True
        words = written(normalise(piece.text, phonemise.language, []))
        lead = piece.lead_seconds or 0.0
        yield SaidSentence(
            written(piece.text),
            words,
            symbols,
            piece.pause_seconds,
            tuple(left_out),
            lead_seconds=lead,
            rate=piece.rate,
        )
    if not said_one:
        raise reason or TextError("the text is empty; give at least one word")
