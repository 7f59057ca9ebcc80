"""What `ditar synthesize` prints: progress, warnings, errors, and a line on what was written."""

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ditar.cli.streams import one_line
from ditar.text.lengths import ANOTHER
from ditar.units import SAMPLE_RATE_HZ

SHOWN_WARNINGS = 10
LINE_SECONDS = 30.0  # between two lines of progress where no terminal can show a bar


class Progress:
    """What is done of a number of characters, and the time that is left: a bar on a terminal, and elsewhere a line now
    and then. None: nothing is shown.

    The time is by what this run has made: what was there before took it none.
    """

    def __init__(self, characters: int | None):
        on_terminal = characters is not None and sys.stderr.isatty()
        self._bar = None
        if on_terminal:
            self._bar = tqdm(total=characters, unit=" characters", dynamic_ncols=True, smoothing=0)
        self._total = characters if not on_terminal else None  # of lines
        self._done = self._made = 0
        self._began = self._said = time.monotonic()

    def __call__(self, characters: int, made: bool) -> None:
        """So many more are done, and were `made` now."""
        if self._bar is not None:
            self._bar.initial += 0 if made else characters
            self._bar.update(characters)
            self._bar.refresh()
        self._done, self._made = self._done + characters, self._made + made * characters
        now = time.monotonic()
        if self._total and self._made and now - self._said >= LINE_SECONDS:
            self._said, left_s = now, (now - self._began) / self._made * (self._total - self._done)
            share = f"{100 * self._done // self._total} % of {self._total} characters are spoken"
            say(f"{share}, about {tqdm.format_interval(left_s)} are left")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()


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
        fail(f"{line}; {ANOTHER}")
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
