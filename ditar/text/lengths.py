"""How long a text takes to be spoken, and so the limits of its generation: one rule for synthesis and for listening
during training."""

from dataclasses import dataclass

# Symbols, and letters as written, a second. Among 13,000 utterances of seven corpora and a neural teacher, including
# children and the fastest readers, the extremes are 1.8 and 34 symbols, 0.9 and 23 letters.
SLOWEST_SYMBOLS, SLOWEST_LETTERS, FASTEST = 1.5, 0.5, 36.0
PAUSES_SECONDS, EDGE_SYMBOLS = 2.0, 5  # of additional silence in a clip; symbols at its ends that hardly take time
# Of the expected length: a model may not stop earlier, since that would be a pause taken for the end.
MIN_SHARE = 0.3


@dataclass(frozen=True)
class Lengths:
    """Seconds of speech that a text should take, and bounds for its generation."""

    expected: float
    least: float
    most: float

    def at(self, speed: float) -> "Lengths":
        """The same for speech that is `speed` times as fast."""
        return Lengths(self.expected / speed, self.least / speed, self.most / speed)

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
