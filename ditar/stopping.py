"""When speech should end, whether an attempt at it failed, and which seeds the attempts have."""

import torch

from ditar.seeds import attempt_seed
from ditar.text import TextError
from ditar.text.lengths import Lengths, expected_lengths
from ditar.voice import Voice

MAX_TEXT_SECONDS = 30.0  # expected speech of one call; beyond what the model was trained on, it warns
TOO_SHORT_SHARE = 0.5  # of the expected length: speech that ends before it has skipped words


class SpeechError(ValueError):
    """A stream whose speech failed when some of it had been heard already, so that it could not be made again."""


def lengths(symbols: int, voice: Voice, seconds_per_symbol: float) -> Lengths:
    """For a text of that many symbols: at the model's pace, or at the voice's where that is slower. TextError: the
    text is too long for one call."""
    found = expected_lengths(symbols, seconds_per_symbol, len(voice.symbols), voice.seconds)
    if found.expected > MAX_TEXT_SECONDS:
        raise TextError(
            f"the text has {symbols} symbols, about {found.expected:.0f} s of speech, and {MAX_TEXT_SECONDS:g} s is "
            "the limit of one call; give one sentence at a time"
        )
    return found


def problem(seconds: float, silent: bool, stopped: bool, expected_seconds: float) -> str | None:
    """What is wrong with an output of that length, in words, or None."""
    if silent:
        return "the output is silent"
    if not stopped:
        return f"the speech did not end by itself within {seconds:.1f} s and was cut there"
    if seconds < TOO_SHORT_SHARE * expected_seconds:
        return f"the speech ended after {seconds:.1f} s where about {expected_seconds:.1f} s were expected"
    return None


def length_warnings(together_seconds: float, trained_seconds: float) -> list[str]:
    """What a user should know of a reference and a text that take longer than what a model was trained on (0: that is
    not known)."""
    if not 0 < trained_seconds < together_seconds:
        return []
    return [
        f"reference and text make about {together_seconds:.0f} s, and the model was trained on up to "
        f"{trained_seconds:g} s together; expect errors, or give a shorter reference or text"
    ]


def attempt_seeds(seed: int | None, temperature: float, retries: int) -> list[int]:
    """A seed for each attempt; seed None: the first is drawn. At temperature 0 there is one attempt: another seed would
    give the same samples."""
    first = int(torch.Generator().seed()) >> 1 if seed is None else seed
    return [attempt_seed(first, attempt) for attempt in range(1 if temperature == 0 else 1 + retries)]
