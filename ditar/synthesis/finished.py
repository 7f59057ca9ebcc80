"""The finished pieces of a long text, kept until all are done:

    FILE.partial.wav     the pieces in the order in which they were made, each with its pause: it can be listened to
    FILE.partial.jsonl   a line for each piece: its key, the place of its samples, warnings for the user, times of words

A piece belongs to a text that has its key, a digest of all that its audio depends on. Pieces that do not belong to the
current text are from another text, seed or setting, and are kept.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ditar.audio.growing import HEADER_BYTES, GrowingWav, assemble
from ditar.audio.write import check_writable
from ditar.storage.json_lines import append_json_lines, read_log
from ditar.storage.lock import lock
from ditar.synthesis.timing import Timing
from ditar.units import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class FinishedPiece:
    """start, samples: the place of its audio, without the pause after it; warnings: what a user should know about it;
    wrong: what is wrong with it after all attempts, or None; timing: of its words, if that was asked for."""

    start: int
    samples: int
    warnings: tuple[str, ...] = ()
    wrong: str | None = None
    timing: Timing | None = None


def partial_files(path: str | Path) -> tuple[Path, Path]:
    """Where the finished pieces of a long text are while it is spoken to `path`, and the file that describes them."""
    path = Path(path)
    return path.with_name(f"{path.name}.partial.wav"), path.with_name(f"{path.name}.partial.jsonl")


class FinishedPieces:
    """The finished pieces of what is spoken to `path`: a growing mapping by key. One program holds it at a time.

    `moved`: where audio went that no line describes. Leaving a `with` block by an error leaves no file if nothing is
    finished. AudioError, InUseError: see `GrowingWav`.
    """

    def __init__(self, path: str | Path):
        self.path, (self.wav, self.note) = Path(path), partial_files(path)
        check_writable(self.path)
        self._lock = os.open(self.note, os.O_RDWR | os.O_CREAT, 0o666)  # before the audio: what has a note is ours
        try:
            lock(self._lock, self.wav)
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self) -> None:
        self._pieces, self.moved = self._read(), None
        end = max((piece.start + piece.samples for piece in self._pieces.values()), default=0)
        if not self._pieces and self.wav.is_file() and self.wav.stat().st_size > HEADER_BYTES:
            self.moved = _free_name(self.wav)
            os.replace(self.wav, self.moved)
        self._file = GrowingWav(self.wav, SAMPLE_RATE_HZ, end)

    def __contains__(self, key: str) -> bool:
        return key in self._pieces

    def __getitem__(self, key: str) -> FinishedPiece:
        return self._pieces[key]

    def __len__(self) -> int:
        return len(self._pieces)

    def add(
        self, key: str, audio: np.ndarray, pause: np.ndarray, text: str, warnings: Iterable[str], wrong: str | None,
        timing: Timing | None = None,
    ) -> None:  # fmt: skip
        """Keep the audio (S,) of a piece, and its timing; the pause (S',) after it is for those who listen to the
        finished pieces."""
        start = self._file.samples
        self._file.write(np.concatenate([audio, pause]))
        piece = FinishedPiece(start, len(audio), tuple(warnings), wrong, timing)
        times = {} if timing is None else {"timing": timing.plain()}
        line = {"key": key, "text": text, **asdict(replace(piece, timing=None)), **times}
        append_json_lines([line], self.note)
        self._pieces[key] = piece

    def others(self, keys: Sequence[str]) -> int:
        """How many finished pieces have none of these keys."""
        return len(self._pieces.keys() - set(keys))

    def finish(self, keys: Sequence[str], gaps: Sequence[int]) -> int:
        """Write the pieces with these keys to the file, with so many samples of silence before each and, the last
        number, after all; returns its samples. Then the finished pieces are removed, unless there are others among
        them."""
        pieces = [self._pieces[key] for key in keys]
        places = [(0, 0), *((piece.start, piece.samples) for piece in pieces)]
        parts = ((start, samples, gap) for (start, samples), gap in zip(places, gaps, strict=True))
        samples = assemble(self.wav, parts, self.path)
        if not self.others(keys):
            self.note.unlink()
            self.wav.unlink()
        return samples

    def __enter__(self) -> "FinishedPieces":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        self._file.__exit__()
        os.close(self._lock)
        if kind is not None and not self._pieces:
            self.note.unlink(missing_ok=True)
            self.wav.unlink(missing_ok=True)

    def _read(self) -> dict[str, FinishedPiece]:
        """The pieces whose audio is there: a killed process may have noted the last one only in part."""
        there = (self.wav.stat().st_size - HEADER_BYTES) // 2 if self.wav.is_file() else 0
        found = {}
        for row in read_log(self.note):
            try:
                timing = Timing.from_plain(row["timing"]) if row.get("timing") else None
                key, piece = row["key"], FinishedPiece(
                    int(row["start"]), int(row["samples"]), tuple(row["warnings"]), row["wrong"], timing
                )  # fmt: skip
            except (KeyError, TypeError, ValueError):  # not ours
                continue
            if 0 <= piece.start and piece.start + piece.samples <= there:
                found[key] = piece
        return found


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in range(1, 10_000))
    return next(name for name in names if not name.exists())
