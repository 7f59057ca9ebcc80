"""Written forms with the readings that people give them, `readings.tsv`, and how a normaliser is judged by them.

Columns: half (the second was written before any rule was tuned on the first, and looked at after that; 3 is a further
hundred, written after both; 4 is what people typed that was misread, its siblings and eighty other odd forms, written
before the rules for them), kind, what is written, and the readings that are right, separated by ` | `. At first sight
the second was read right in 96.0 %, the third in 94.0 %, and the fourth, which looks for trouble, in 66.1 %: that, not
what it is now, is what a new text may expect.
`python -m tests.text.readings` prints what is wrong.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_suffix(".tsv")
_NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety twelfth"
)


class Reading(NamedTuple):
    half: int
    kind: str
    written: str
    right: tuple[str, ...]


def readings(half: int | None = None) -> list[Reading]:
    """The rows of the table, or of one half of it."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    rows = [
        Reading(int(h), kind, written, tuple(right.split(" | ")))
        for h, kind, written, right in (line.split("\t") for line in lines)
    ]
    return [row for row in rows if half in (None, row.half)]


def said(text: str) -> str:
    """Words as they are compared: no marks, no case, one spelling; "eigh" is how ours writes the letter A."""
    text = re.sub(r"[^\w']+|_", " ", text.casefold().replace("’", "'"))
    text = re.sub(r"\beigh\b", "a", re.sub(r"(?<=met)re(?=s?\b)|(?<=lit)re(?=s?\b)", "er", text))
    text = re.sub(rf"(?<=hundred|housand|million) and (?={_NUMBERS.replace(' ', '|')})", " ", text)
    return " ".join(word.strip("'") for word in text.split())


def wrong(normalise: Callable[[str], str], rows: list[Reading], spaces: bool = True) -> Iterator[tuple[Reading, str]]:
    """The rows that are read in none of the right ways, each with what was said instead. Without `spaces` words may be
    cut otherwise, as in FBI for F B I."""
    for row in rows:
        try:
            found = said(normalise(row.written))
        except Exception as error:  # a normaliser that fails has not said it
            found = f"! {error}"
        forms = {form if spaces else form.replace(" ", "") for form in map(said, row.right)}
        if (found if spaces else found.replace(" ", "")) not in forms:
            yield row, found


def share(normalise: Callable[[str], str], half: int | None = None, spaces: bool = True) -> float:
    """The part of the table, or of one half of it, that is read right."""
    rows = readings(half)
    return 1 - len(list(wrong(normalise, rows, spaces))) / len(rows)


if __name__ == "__main__":
    import sys

    from ditar.text.normalise import normalise

    def ours(text: str) -> str:
        return normalise(text, dropped=[])

    halves = [int(half) for half in sys.argv[1:]] or [1, 2, 3, 4]
    for half in halves:
        for row, found in wrong(ours, readings(half)):
            print(f"{half} {row.kind:14} {row.written!r:34} {found!r}, not {row.right[0]!r}")
    for half in halves:
        print(f"half {half}: {share(ours, half):.1%} of {len(readings(half))}")
