"""A list of utterances: a text file with one a line, in one of three forms.

Nothing is guessed: an id is written `id<TAB>text`, or has a form that no word has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_ID_BYTES = 200  # file systems allow 255, and a file that is being written has a longer name
LIST_FORMATS = ("auto", "tab", "kaldi", "text")

# What begins every line of Kaldi's `id text` if the format is not given. No running text begins like this: names of
# things in a corpus (none of them is a word) with a number, zeros before a number, an underscore before one,
# LibriSpeech's reader-chapter-number, LibriTTS's with underscores. Unlike `1984`, `COVID-19`, `MP3`, `F16`, `chapter1`.
ID = re.compile(
    r"(utt|utts|spk|spkr|snt|sent|wav|rec|seg|txt|idx)[_-]?\d+([_-][a-z]{0,4}\d+)*"
    r"|[a-z]{1,12}0\d{2,}"
    r"|[a-z][a-z\d]*([_-][a-z\d]+)*_[a-z]{0,4}\d+"
    r"|[a-z]{1,4}\d{3}-0\d{3}"
    r"|(?!\d{3}-\d{3}-)\d{1,5}-\d{3,6}-0\d{3}"
    r"|\d+_\d+_\d{6}_\d{6}",
    re.IGNORECASE,
)
NO_ID = re.compile(r"[a-z]+0*(07|19)", re.IGNORECASE)  # agent007, Covid019


class ListError(ValueError):
    """A list of utterances that cannot be used; the message names line and remedy."""


@dataclass(frozen=True)
class UtteranceList:
    """rows: (id, text) of each line; format: "tab", "kaldi" or "text"; reading: how it was read, in words."""

    rows: list[tuple[str, str]]
    format: str
    reading: str


def read_utterances(text: str, name: str, format: str = "auto") -> UtteranceList:
    """The utterances of a file `name`; empty lines are skipped.

    format: "tab": `id<TAB>text`; "kaldi": `id text`; "text": texts, whose ids are the numbers of their lines; "auto":
    "tab" if every line has a tab; "kaldi" if every line begins with a different id of a form that no word has, followed
    by a text; otherwise "text".
    ListError: no line, a line without a text, an id that comes twice or is no file name.
    """
    if format not in LIST_FORMATS:
        raise ListError(f"the format of a list must be one of {', '.join(LIST_FORMATS)}, got {format!r}")
    lines = [(number, line.strip("\r ")) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise ListError(f"{name} holds no text; write one utterance on each line")
    if format == "auto":
        format = _format_of(lines, name)
    count = f"{len(lines)} line{'s' * (len(lines) != 1)}"
    if format == "text":
        width = len(str(lines[-1][0]))
        rows = [(number, f"{number:0{width}d}", line.replace("\t", " ").strip()) for number, line in lines]
        first, last = rows[0][1], rows[-1][1]
        named = f"{first}.wav" if first == last else f"{first}.wav to {last}.wav"
        otherwise = "for names of your own write 'id<TAB>text', or 'id text' with --list-format kaldi"
        reading = f"{count} of text, each spoken whole to {named} ({otherwise})"
    else:
        rows = [(number, *_split(line, "\t" if format == "tab" else None)) for number, line in lines]
        form = "'id<TAB>text'" if format == "tab" else "Kaldi's 'id text'"
        reading = f"{count} of {form}, the first id {rows[0][1]!r} (--list-format text: every line is text as a whole)"
    seen: dict[str, int] = {}
    for number, utt, said in rows:
        if format == "tab" and "\t" not in lines[len(seen)][1]:
            raise ListError(f"{name}:{number}: no tab; write 'id<TAB>text' on every line, or another --list-format")
        if not re.fullmatch(r"[^\s/\0.][^\s/\0]*", utt):
            raise ListError(f"{name}:{number}: {utt!r} cannot be the name of a file; use letters, digits, - and _")
        if len(utt.encode()) > MAX_ID_BYTES:
            raise ListError(f"{name}:{number}: the id {utt[:20]!r}... has more than {MAX_ID_BYTES} bytes; shorten it")
        if not said:
            raise ListError(f"{name}:{number}: {utt!r} has no text")
        if utt in seen:
            raise ListError(f"{name}:{number}: {utt!r} is on line {seen[utt]}, too; keep one of them")
        seen[utt] = number
    return UtteranceList([(utt, said) for _, utt, said in rows], format, reading)


def _format_of(lines: Sequence[tuple[int, str]], name: str) -> str:
    """ListError if some lines have a tab, and others do not."""
    tabs = [number for number, line in lines if "\t" in line]
    if len(tabs) == len(lines):
        return "tab"
    if tabs:
        without = next(number for number, line in lines if "\t" not in line)
        raise ListError(
            f"{name}:{without}: no tab, as line {tabs[0]} has one; write 'id<TAB>text' on every line, or give "
            "--list-format text"
        )
    ids = [line.split()[0] for _, line in lines]
    are_ids = all(ID.fullmatch(word) and not NO_ID.fullmatch(word) for word in ids) and len(set(ids)) == len(ids)
    return "kaldi" if are_ids and all(len(line.split()) > 1 for _, line in lines) else "text"


def _split(line: str, separator: str | None) -> tuple[str, str]:
    utt, *said = line.split(separator, 1)
    return utt.strip(), "".join(said).strip()
