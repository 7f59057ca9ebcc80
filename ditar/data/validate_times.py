"""Faults of a data directory's tables of times, `phones` and `symbol_times`, which may lack utterances."""

import json
from collections.abc import Container
from pathlib import Path
from typing import Any

from ditar.data.errors import DataError
from ditar.data.tables import read_json_lines


def check_phones(path: Path, utterances: Container[str], problems: list[str]) -> None:
    """Add a sentence to `problems` for each faulty line of `phones`."""
    for number, row in _rows(path, problems):
        if not _is_alignment(row):
            shown = json.dumps(row)[:60]
            problems.append(
                f'{path}:{number}: expected {{"utt": ..., "phones": [[name, start_s, end_s], ...]}}, got {shown}; '
                "align it again"
            )
            continue
        if row["utt"] not in utterances:
            problems.append(f"{path}:{number}: utterance {row.get('utt')!r} is not in utt2spk; take the line out")
            continue
        times = [(start, end) for _, start, end in row["phones"]]
        if any(end < start for start, end in times) or any(b[0] < a[0] for a, b in zip(times, times[1:], strict=False)):
            problems.append(f"{path}:{number}: {row['utt']}: the phone times run backwards; align it again")


def check_symbol_times(path: Path, utterances: Container[str], problems: list[str]) -> None:
    """Add a sentence to `problems` for each faulty line of `symbol_times`."""
    for number, row in _rows(path, problems):
        if not _has_symbol_times(row):
            problems.append(
                f'{path}:{number}: expected {{"utt": ..., "symbols": [...], "times": [[start_s, end_s] or null, ...]}} '
                f"with as many times as symbols, got {json.dumps(row)[:60]}; make the table again"
            )
        elif row["utt"] not in utterances:
            problems.append(f"{path}:{number}: utterance {row['utt']!r} is not in utt2spk; take the line out")


def _rows(path: Path, problems: list[str]) -> list[tuple[int, Any]]:
    """(line number, row) of a table; none, and a sentence in `problems`, if it cannot be read."""
    try:
        return list(enumerate(read_json_lines(path), 1))
    except DataError as error:
        problems.append(str(error))
        return []


def _is_alignment(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("utt"), str) or not isinstance(row.get("phones"), list):
        return False
    return all(
        isinstance(phone, list)
        and len(phone) == 3
        and isinstance(phone[0], str)
        and all(isinstance(time, (int, float)) for time in phone[1:])
        for phone in row["phones"]
    )


def _has_symbol_times(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("utt"), str):
        return False
    symbols, times = row.get("symbols"), row.get("times")
    return (
        isinstance(symbols, list)
        and isinstance(times, list)
        and len(symbols) == len(times)
        and all(isinstance(symbol, str) for symbol in symbols)
        and all(
            span is None
            or (isinstance(span, list) and len(span) == 2 and all(isinstance(t, (int, float)) for t in span))
            for span in times
        )
    )
