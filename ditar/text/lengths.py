"""How long a text takes to be spoken, and so the limits of its generation: one rule for synthesis and for listening
during training."""

from dataclasses import dataclass

from ditar.text.errors import TextError

# Symbols, and letters as written, a second. Among 13,000 utterances of seven corpora and a neural teacher, including
# children and the fastest readers, the extremes are 1.8 and 34 symbols, 0.9 and 23 letters.
SLOWEST_SYMBOLS, SLOWEST_LETTERS, FASTEST = 1.5, 0.5, 36.0
PAUSES_SECONDS, EDGE_SYMBOLS = 2.0, 5  # of additional silence in a clip; symbols at its ends that hardly take time
# Of the expected length: a model may not stop earlier, since that would be a pause taken for the end.
MIN_SHARE = 0.3
MAX_TEXT_SECONDS = 30.0  # expected speech of one call; beyond the length of the training examples, it warns
TOO_SHORT_SHARE = 0.5  # of the expected length: speech that ends sooner has skipped words


@dataclass(frozen=True)
class Lengths:
    """Seconds of speech that a text should take, and bounds for its generation."""

    expected: float
    least: float
    most: float

    def least_units(self, seconds: float) -> int:
        """The fewest units (patches) of that many seconds each, at least 1."""
        return int(self.least / seconds) + 1

    def most_units(self, seconds: float) -> int:
        """The length cap in such units."""
        return int(self.most / seconds) + 1


def pace_fault(count: int, seconds: float, what: str = "symbols") -> str:
    """Why a text of that many "symbols", or "letters", cannot be what is said in that many seconds, with both figures;
    "" if it can."""
    slowest = SLOWEST_LETTERS if what == "letters" else SLOWEST_SYMBOLS
    if slowest * (seconds - PAUSES_SECONDS) <= count <= FASTEST * seconds + EDGE_SYMBOLS:
        return ""
    return (
        f"its text has {count} {what} and the clip lasts {seconds:.2f} s, {count / max(seconds, 1e-3):.1f} {what} a "
        "second, and people speak 5 to 25: text and clip do not belong together"
    )


def letter_count(text: str) -> int:
    """Letters and figures of a text as it is written."""
    return sum(c.isalnum() for c in text)


def expected_lengths(symbols: int, seconds_per_symbol: float, said_symbols: int, said_seconds: float) -> Lengths:
    """For a text of that many symbols after a reference, with the lengths of its transcript (0 symbols: unknown) and
    speech: at the model's pace, or at the reference's if that is slower, up to three times."""
    pace = said_seconds / said_symbols if said_symbols else seconds_per_symbol
    seconds = symbols * min(max(seconds_per_symbol, pace), 3 * seconds_per_symbol)
    return Lengths(seconds, MIN_SHARE * seconds, 2.0 * seconds + 1.0)


def call_lengths(symbols: int, seconds_per_symbol: float, said_symbols: int, said_seconds: float) -> Lengths:
    """`expected_lengths` of a text that is spoken in one call. TextError: it is too long for that."""
    found = expected_lengths(symbols, seconds_per_symbol, said_symbols, said_seconds)
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


def problem(seconds: float, silent: bool, stopped: bool, expected_seconds: float) -> str | None:
    """What is wrong with speech of that length, in words, or None."""
    if silent:
        return "the output is silent"
    if not stopped:
        return f"the speech did not end by itself within {seconds:.1f} s and was cut there"
    if seconds < TOO_SHORT_SHARE * expected_seconds:
        return f"the speech ended after {seconds:.1f} s where about {expected_seconds:.1f} s were expected"
    return None


# Nothing is drawn at temperature 0.
ANOTHER = "try another reference or, at a temperature above 0, another seed"


def given_up(wrong: str, attempts: int) -> str:
    """What a user should know about speech whose last attempt failed."""
    return f"{wrong}, after {attempts} attempt{'s' * (attempts > 1)}; {ANOTHER}"
