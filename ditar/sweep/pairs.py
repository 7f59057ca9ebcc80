"""What a sweep speaks: a list of (text, reference) pairs in a table that any editor can write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ditar.storage.inputs import read_input
from ditar.sweep import SweepError


@dataclass(frozen=True)
class Pair:
    """A sentence, the clip whose voice it is spoken in (None: the voice that ships), and the clip's transcript."""

    name: str
    text: str
    reference: Path | None = None
    transcript: str | None = None


def read_pairs(path: str | Path) -> list[Pair]:
    """Lines `id<TAB>text` or `id<TAB>text<TAB>clip<TAB>what is said in it`; empty lines and lines with # are skipped.

    A clip's relative path starts at the working folder, or else at the table's. SweepError names file, line, remedy.
    """
    path = Path(path)
    try:
        lines = read_input(path).decode("utf-8-sig").split("\n")
    except FileNotFoundError:
        raise SweepError(f"the file of pairs {str(path)!r} does not exist; give a UTF-8 text file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SweepError(f"the pairs {str(path)!r} cannot be read ({error}); give a UTF-8 text file") from None
    pairs: dict[str, Pair] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        pair = _pair(line.rstrip("\r"), f"{path}:{number}", path.parent)
        if pair.name in pairs:
            raise SweepError(f"{path}:{number}: the id {pair.name!r} comes twice; give each pair its own")
        pairs[pair.name] = pair
    if not pairs:
        raise SweepError(f"{path} holds no pair; write lines `id<TAB>text`")
    return list(pairs.values())


def text_pairs(texts: Sequence[str]) -> list[Pair]:
    """Pairs of texts only, in the voice that ships."""
    return [Pair(f"text{number}", text) for number, text in enumerate(texts, start=1)]


def _pair(line: str, where: str, folder: Path) -> Pair:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) not in (2, 4) or not all(fields):
        raise SweepError(
            f"{where}: expected `id<TAB>text` or `id<TAB>text<TAB>clip<TAB>what is said in it`, got {line!r}"
        )
    if not re.fullmatch(r"\w[\w.-]*", fields[0], re.ASCII):
        raise SweepError(f"{where}: the id {fields[0]!r} names a file: use letters, digits, '_', '-' and '.'")
    if len(fields) == 2:
        return Pair(*fields)
    clip = Path(fields[2])
    if not clip.is_file():
        clip = folder / clip
    if not clip.is_file():
        raise SweepError(f"{where}: there is no clip {fields[2]!r}; give its path from here or from {folder}")
    return Pair(fields[0], fields[1], clip, fields[3])
