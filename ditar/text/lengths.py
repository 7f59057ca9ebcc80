"""How long a text takes to be spoken, and so where its generation may end and must: one rule for synthesis and for what
training listens to."""

from dataclasses import dataclass

# Symbols, and letters as they are written, a second. Of 13,000 utterances of seven corpora and a neural teacher,
# children and the fastest readers among them, the extremes are 1.8 and 34 symbols, 0.9 and 23 letters.
SLOWEST_SYMBOLS, SLOWEST_LETTERS, FASTEST = 1.5, 0.5, 36.0
PAUSES_SECONDS, EDGE_SYMBOLS = 2.0, 5  # of silence that a clip may have besides; what hardly takes time at its ends
# Of the expected length: before it a model is not let stop, since there it is a pause taken for the end.
MIN_SHARE = 0.3


@dataclass(frozen=True)
class Lengths:
    """Seconds of speech that a text should take, and bounds for its generation."""

    expected: float
    least: float
    most: float

    def least_units(self, seconds: float) -> int:
        """The fewest units (patches) of so many seconds each, at least 1."""
        return int(self.least / seconds) + 1

    def most_units(self, seconds: float) -> int:
        """Of such units, the length cap."""
        return int(self.most / seconds) + 1


def pace_fault(count: int, seconds: float, what: str = "symbols") -> str:
    """Why a text of so many "symbols", or "letters", cannot be what is said in so many seconds, with both figures; ""
    where it can."""
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
    """For a text of that many symbols behind a reference, of whose transcript (0 symbols: it is not known) and speech
    these are the lengths: at the model's pace, or at the reference's where that is slower, up to three times."""
    pace = said_seconds / said_symbols if said_symbols else seconds_per_symbol
    seconds = symbols * min(max(seconds_per_symbol, pace), 3 * seconds_per_symbol)
    return Lengths(seconds, MIN_SHARE * seconds, 2.0 * seconds + 1.0)
