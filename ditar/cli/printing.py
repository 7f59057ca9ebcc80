"""What `ditar synthesize` prints: progress, warnings, errors, and a line on what was written."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ditar.units import SAMPLE_RATE_HZ

SHOWN_WARNINGS = 10


def bar(characters: int | None) -> tqdm:
    """Progress with the time that is left, on a terminal; None: nothing is shown."""
    return tqdm(total=characters, unit=" characters", disable=True if characters is None else None, dynamic_ncols=True)


def warn(warnings: Iterable[str]) -> None:
    """Each warning once, and only so many that they can be read."""
    distinct = list(dict.fromkeys(warnings))
    for warning in distinct[:SHOWN_WARNINGS]:
        print(f"ditar: warning: {warning}", file=sys.stderr)
    if len(distinct) > SHOWN_WARNINGS:
        print(f"ditar: warning: and {len(distinct) - SHOWN_WARNINGS} more", file=sys.stderr)


def of_text(output: str, speech: Any, warnings: list[str]) -> int:
    """Of a `LongOutput`; 0."""
    if speech.resumed:
        print(f"ditar: {speech.resumed} of {speech.pieces} sentences were there already", file=sys.stderr)
    warn([*warnings, *speech.warnings])
    print(f"{output}: {speech.seconds:.2f} s of speech")
    return 0


def of_interrupted(wav: Path, note: Path) -> None:
    """Where what is done of a long text lies."""
    if note.is_file():
        print(f"ditar: what is done is in {wav}; the same command goes on from there", file=sys.stderr)


def of_list(result: Any, manifest: Path) -> int:
    """Of a `ListOutput`; 1 where one could not be spoken."""
    warn(_by_utterance(result.warnings))
    for utt, reason in result.failed:
        print(f"ditar: error: {utt}: {reason}", file=sys.stderr)
    spoken = f"{result.spoken} utterance{'s' * (result.spoken != 1)} spoken"
    print(f"{manifest}: {spoken}, {result.kept} kept, {len(result.failed)} failed")
    return 1 if result.failed else 0


def of_stream(output: str, sink: Any, failed: list[str]) -> int:
    """Of samples that were written while they were made; 1 where some of it failed."""
    for line in failed:
        print(f"ditar: error: {line}", file=sys.stderr)
    seconds = sink.samples / SAMPLE_RATE_HZ
    print(f"{output}: {seconds:.2f} s of speech", file=sys.stderr if output == "-" else sys.stdout)
    return 1 if failed else 0


def of_lost_reader(sink: Any) -> int:
    """A reader that goes away is no error, 0: it has heard enough."""
    # What Python flushes at its end must not fail a second time.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"ditar: the reader went away after {sink.samples / SAMPLE_RATE_HZ:.2f} s", file=sys.stderr)
    return 0


def _by_utterance(warnings: Iterable[tuple[str, str]]) -> list[str]:
    """Each warning once, with the utterance or the number of those that it is about."""
    about: dict[str, list[str]] = {}
    for utt, warning in dict.fromkeys(warnings):  # once, however many pieces it is true of
        about.setdefault(warning, []).append(utt)
    return [
        f"{utts[0]}: {warning}" if len(utts) == 1 else f"{len(utts)} utterances, {utts[0]} the first: {warning}"
        for warning, utts in about.items()
    ]
