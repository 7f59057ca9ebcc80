"""The tables of a data directory: Kaldi's lines of `<key> <value>`, and our JSON lines."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ditar.data.errors import DataError
from ditar.storage.inputs import read_input
from ditar.storage.json_lines import each_json_line

LANGUAGE = "language"  # the table that has one name and no keys


@dataclass(frozen=True)
class Line:
    """One line of a table, numbered from 1. `value` is empty if the line has no second field."""

    number: int
    key: str
    value: str = ""


def read_lines(path: Path) -> list[Line]:
    """Every line of a table, faulty ones included, without a byte order mark, which some editors begin a file with.
    DataError if there is no file or it is not UTF-8."""
    try:
        content = read_input(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; make the data directory first (stage 0 of the recipe)") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{number}: not UTF-8 text; convert it with iconv -f LATIN1 -t UTF-8, or from whichever it has"
        ) from None
    text = text.removeprefix("\ufeff")
    lines = text.removesuffix("\n").split("\n") if text else []  # not splitlines(): U+2028 does not end a line
    fields = [re.split("[ \t]+", line.strip(" \t\r"), maxsplit=1) for line in lines]
    return [Line(number, *field) for number, field in enumerate(fields, 1)]


def read_table(path: Path) -> dict[str, str]:
    """A Kaldi table. DataError names a line without a value, and a key that comes twice."""
    table: dict[str, str] = {}
    for line in read_lines(path):
        if not line.value:
            raise DataError(f"{path}:{line.number}: expected '<key> <value>', got {line.key!r}")
        if line.key in table:
            raise DataError(f"{path}:{line.number}: {line.key!r} comes twice; keep one of its lines")
        table[line.key] = line.value
    return table


def read_wav_scp(data_dir: str | Path) -> list[tuple[str, Path]]:
    """(utterance, file) of a Kaldi data directory. Relative files are relative to the working folder.

    DataError if `wav.scp` runs commands, or if `segments` cuts recordings: here an utterance is a file.
    """
    path = Path(data_dir) / "wav.scp"
    rows = read_table(path)
    if (path.parent / "segments").is_file():
        raise DataError(
            f"{path.parent / 'segments'}: training and synthesis read one file per utterance; cut the recordings with "
            "Kaldi's utils/data/extract_wav_segments_data_dir.sh"
        )
    for number, (utterance, file) in enumerate(rows.items(), 1):
        if file.endswith("|"):
            raise DataError(
                f"{path}:{number}: expected '<utterance> <audio file>', got a command, {utterance + ' ' + file!r}; "
                "write its output to a file"
            )
    return [(utterance, Path(file)) for utterance, file in rows.items()]


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """All objects of a file of JSON lines; none if there is no such file. DataError names a line that is no object."""
    return list(each_json_line(path, DataError))


def read_languages(folder: Path) -> tuple[str, ...]:
    """espeak-ng's names of the languages of the texts in a data directory, or in what was extracted from one, as
    recipes/prepare_text.py noted them; none: unknown."""
    path = folder / LANGUAGE
    return tuple(path.read_text(encoding="utf-8").split()) if path.is_file() else ()


def as_number(text: str) -> float:
    """A number of a table; NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
