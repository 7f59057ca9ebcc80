"""What `ditar synthesize` prints: progress, warnings, errors, and a line on what was written."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ditar.cli.streams import one_line
from ditar.units import SAMPLE_RATE_HZ

SHOWN_WARNINGS = 10


def bar(characters: int | None) -> tqdm:
    """Progress with the remaining time, on a terminal; None: nothing is shown."""
    return tqdm(total=characters, unit=" characters", disable=True if characters is None else None, dynamic_ncols=True)


def say(line: str) -> None:
    """A message for the user, not for programs."""
    print(f"ditar: {one_line(line)}", file=sys.stderr)


def fail(line: str) -> None:
    """An error that does not end the command at once."""
    say(f"error: {line}")


def warn(warnings: Iterable[str]) -> None:
    """Each warning once, and only so many that they can be read."""
    distinct = list(dict.fromkeys(warnings))
    for warning in distinct[:SHOWN_WARNINGS]:
        say(f"warning: {warning}")
    if len(distinct) > SHOWN_WARNINGS:
        say(f"warning: and {len(distinct) - SHOWN_WARNINGS} more")


def of_text(output: str, speech: Any, warnings: list[str], strict: bool = False) -> int:
    """For a `LongOutput`; returns 1 with `strict` if something is wrong with it, else 0."""
    if speech.resumed:
        say(f"{speech.resumed} of {speech.pieces} sentences were there already")
    warn([*warnings, *speech.warnings])
    print(f"{one_line(output)}: {speech.seconds:.2f} s of speech")
    return _of_wrong(speech.wrong) if strict else 0


def of_interrupted(wav: Path, note: Path) -> None:
    """The place of the finished part of a long text."""
    if note.is_file():
        say(f"what is done is in {wav}; the same command resumes from there")


def of_what_was_there(found: Any) -> None:
    """For a `ListOutput` before anything is made: which files will be made again, and why."""
    if found.damaged:
        some = "a file is" if len(found.damaged) == 1 else f"{len(found.damaged)} files are"
        shown = ", ".join(found.damaged[:SHOWN_WARNINGS])
        warn([f"{some} not as long as the manifest says, and made again: {shown}"])
    for count, why in zip(found.replaced, ("of other text, voice or seed", "with other settings or another model")):
        if count:
            say(f"made {why}, and replaced one by one when the new ones are done: {count} of the existing files")


def of_list(result: Any, manifest: Path, strict: bool = False) -> int:
    """For a `ListOutput`; returns 1 if one could not be spoken, or with `strict` if something is wrong with one."""
    warn(_by_utterance(result.warnings))
    for utt, reason in result.failed:
        fail(f"{utt}: {reason}")
    wrong = _of_wrong([f"{utt}: {what}" for utt, what in result.wrong]) if strict else 0
    spoken = f"{result.spoken} utterance{'s' * (result.spoken != 1)} spoken"
    flawed = f"; {len(result.wrong)} cut off, silent or too short" if result.wrong else ""
    print(f"{one_line(str(manifest))}: {spoken}, {result.kept} kept, {len(result.failed)} failed{flawed}")
    return 1 if result.failed else wrong


def _of_wrong(lines: list[str]) -> int:
    """What is wrong after all attempts; returns 1 if there is any."""
    for line in lines:
        fail(f"{line}; try another seed or reference")
    return 1 if lines else 0


def of_stream(output: str, sink: Any, failed: list[str]) -> int:
    """For samples that were written while they were made; returns 1 if some of it failed."""
    for line in failed:
        fail(line)
    seconds = sink.samples / SAMPLE_RATE_HZ
    print(f"{one_line(output)}: {seconds:.2f} s of speech", file=sys.stderr if output == "-" else sys.stdout)
    return 1 if failed else 0


def of_lost_reader(sink: Any) -> int:
    """A reader that closes the pipe is not an error, 0: it has heard enough."""
    # What Python flushes at exit must not fail a second time.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    say(f"the reader went away after {sink.samples / SAMPLE_RATE_HZ:.2f} s")
    return 0


def _by_utterance(warnings: Iterable[tuple[str, str]]) -> list[str]:
    """Each warning once, with the utterance or the number of utterances that it concerns."""
    about: dict[str, list[str]] = {}
    for utt, warning in dict.fromkeys(warnings):  # once, even if it concerns several pieces
        about.setdefault(warning, []).append(utt)
    return [
        f"{utts[0]}: {warning}" if len(utts) == 1 else f"{len(utts)} utterances, {utts[0]} the first: {warning}"
        for warning, utts in about.items()
    ]
