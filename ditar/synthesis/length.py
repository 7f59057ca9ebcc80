"""How long the speech of a text should be in a voice, and what is too long for a call."""

from ditar.synthesis.voice import Voice
from ditar.text.lengths import Lengths, call_lengths


def lengths(symbols: int, voice: Voice, seconds_per_symbol: float) -> Lengths:
    """For a text of that many symbols: at the model's pace, or at the voice's if that is slower. TextError: the text is
    too long for one call."""
    return call_lengths(symbols, seconds_per_symbol, len(voice.symbols), voice.seconds)
