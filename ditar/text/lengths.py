"""How long a text takes to be spoken, and so where its generation may end and must: one rule for synthesis and for what
training listens to."""

from dataclasses import dataclass

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


def expected_lengths(symbols: int, seconds_per_symbol: float, said_symbols: int, said_seconds: float) -> Lengths:
    """For a text of that many symbols behind a reference, of whose transcript (0 symbols: it is not known) and speech
    these are the lengths: at the model's pace, or at the reference's where that is slower, up to three times."""
    pace = said_seconds / said_symbols if said_symbols else seconds_per_symbol
    seconds = symbols * min(max(seconds_per_symbol, pace), 3 * seconds_per_symbol)
    return Lengths(seconds, MIN_SHARE * seconds, 2.0 * seconds + 1.0)
