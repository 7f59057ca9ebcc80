"""How long the speech of a text should be, and what is too long for a call or for a model."""

from ditar.synthesis.voice import Voice
from ditar.text import TextError
from ditar.text.lengths import Lengths, expected_lengths

MAX_TEXT_SECONDS = 30.0  # expected speech of one call; beyond the length of the training examples, it warns


def lengths(symbols: int, voice: Voice, seconds_per_symbol: float) -> Lengths:
    """For a text of that many symbols: at the model's pace, or at the voice's if that is slower. TextError: the text is
    too long for one call."""
    found = expected_lengths(symbols, seconds_per_symbol, len(voice.symbols), voice.seconds)
    if found.expected > MAX_TEXT_SECONDS:
        raise TextError(
            f"the text has {symbols} symbols, about {found.expected:.0f} s of speech, and {MAX_TEXT_SECONDS:g} s is "
            "the limit of one call; give one sentence at a time"
        )
    return found


def length_warnings(together_seconds: float, trained_seconds: float) -> list[str]:
    """What a user should know about a reference and a text that are longer than the model's training examples (0: their
    length is unknown)."""
    if not 0 < trained_seconds < together_seconds:
        return []
    return [
        f"reference and text make about {together_seconds:.0f} s, but the model was trained on up to "
        f"{trained_seconds:g} s together; expect errors, or give a shorter reference or text"
    ]
