"""The tables of a data directory that training reads: `<key> <value>` lines, and our JSON lines beside them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ditar.data.errors import DataError


def read_table(path: Path) -> dict[str, str]:
    """A Kaldi table: `<key> <value>` a line."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; make the data directory first (stage 0 of the recipe)")
    rows = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise DataError(f"{path}:{number}: expected '<key> <value>', got {' '.join(row)!r}")
    return dict(rows)


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """One JSON object a line; an empty list where there is no such file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_json_lines(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Written beside and renamed."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(partial, path)
