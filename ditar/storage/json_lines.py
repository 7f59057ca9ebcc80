"""Tables of JSON objects, one a line: written whole, or appended to by programs that may be killed."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ditar.storage.atomic_write import naming, write_lines

MANIFEST = "manifest.jsonl"  # of a folder of speech, a line for each file: synthesis writes it, evaluation reads it


def each_json_line(path: Path, error: type[Exception] = ValueError) -> Iterator[dict[str, Any]]:
    """One JSON object a line; nothing if there is no such file. `error` names a line that is not an object."""
    if not path.is_file():
        return
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError as broken:  # not JSON, or not UTF-8
                raise error(f"{path}:{number}: not a JSON object ({broken}); make the file again") from None


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a growing log; a line left half-written by a killed process is skipped."""
    if not path.is_file():
        return
    with open(path, "rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def append_json_lines(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Append objects to a log, after a line break if a killed process left half a line. WriteError: the disk refuses."""
    is_cut = False
    if path.is_file() and path.stat().st_size:
        with open(path, "rb") as file:
            file.seek(-1, 2)
            is_cut = file.read(1) != b"\n"
    with naming(path), open(path, "a", encoding="utf-8") as file:
        file.write("\n" * is_cut + "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_json_lines(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """A whole table, or none of it."""
    write_lines(path, (json.dumps(row, ensure_ascii=False) for row in rows))
