"""A list of utterances: a text file with one a line."""

import re
from collections.abc import Sequence

MAX_ID_BYTES = 200  # a file system's names have 255, and a file that is being written has a longer one


class ListError(ValueError):
    """A list of utterances that cannot be used; the message names line and remedy."""


def read_utterances(text: str, name: str) -> list[tuple[str, str]]:
    """(id, text) of each line of a file `name`; empty lines are none.

    `id<TAB>text` where every line has a tab; Kaldi's `id text` where every first field is unique and looks like an id
    (a digit, `_` or `-` in it) and a text follows; otherwise texts, whose ids are the numbers of their lines.
    ListError: no line, a line without a text, an id twice or one that is no file name.
    """
    lines = [(number, line.strip("\r ")) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise ListError(f"{name} holds no text; write one utterance on each line")
    tabs = [number for number, line in lines if "\t" in line]
    fields = [(number, *(part.strip() for part in line.split(None, 1))) for number, line in lines]
    if len(tabs) == len(lines):
        rows = [(number, *(part.strip() for part in line.split("\t", 1))) for number, line in lines]
    elif tabs:
        without = next(number for number, line in lines if "\t" not in line)
        raise ListError(f"{name}:{without}: no tab, as line {tabs[0]} has one; write 'id<TAB>text' on every line")
    elif _looks_like_ids([f[1] for f in fields]) and all(len(f) == 3 for f in fields):
        rows = fields
    else:
        width = len(str(lines[-1][0]))
        rows = [(number, f"{number:0{width}d}", line) for number, line in lines]
    seen: dict[str, int] = {}
    for number, utt, said in rows:
        if not re.fullmatch(r"[^\s/\0.][^\s/\0]*", utt):
            raise ListError(f"{name}:{number}: {utt!r} cannot be the name of a file; use letters, digits, - and _")
        if len(utt.encode()) > MAX_ID_BYTES:
            raise ListError(f"{name}:{number}: the id {utt[:20]!r}... has more than {MAX_ID_BYTES} bytes; shorten it")
        if not said:
            raise ListError(f"{name}:{number}: {utt!r} has no text")
        if utt in seen:
            raise ListError(f"{name}:{number}: {utt!r} is on line {seen[utt]}, too; keep one of them")
        seen[utt] = number
    return [(utt, said) for _, utt, said in rows]


def _looks_like_ids(words: Sequence[str]) -> bool:
    # A digit alone would take "3 blind mice" for one; among hundreds of lines it would not be unique for long.
    return len(set(words)) == len(words) and all(re.fullmatch(r"[\w.-]*[\d_-][\w.-]*\w", w) for w in words)
