"""The folder of a list of utterances between two runs: which of its files are kept, and which are made again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile

from ditar.audio import AudioError
from ditar.storage.digests import digest_values
from ditar.storage.json_lines import MANIFEST, read_log, write_json_lines
from ditar.synthesis.voice import Voice

LENGTH_ROUNDING_S = 0.001  # of `seconds` in a line


@dataclass(frozen=True, eq=False)
class SpeechTask:
    """One file of speech.

    Args:
        name: of the file, without its ending; it may contain folders.
        text: what to say.
        voice: the voice, or a function that makes it, called if the file is to be made.
        voice_key: plain values that distinguish the voice from others.
        seed: None: `seed_of` the list's and the name.
        request_options: of `SpeechRequest`: language, temperature, ...
        batch_options: of `pipeline.batch`; consecutive tasks with the same options may share a batch.
        note: plain values for the line of the manifest.
    """

    name: str
    text: str
    voice: Voice | Callable[[], Voice]
    voice_key: Any
    seed: int | None = None
    request_options: dict[str, Any] = field(default_factory=dict)
    batch_options: dict[str, Any] = field(default_factory=dict)
    note: dict[str, Any] = field(default_factory=dict)

    def inputs(self, seed: int) -> str:
        """Equal if the file is made from the same inputs by the same model."""
        options = {**self.request_options, **self.batch_options}
        return digest_values([self.text, self.voice_key, seed if self.seed is None else self.seed, options])


@dataclass
class ListOutput:
    """rows: the manifest's line of every existing file, by name; spoken: the number made now; kept: the number that
    existed already; replaced: the number that existed and were made again (other inputs or settings); damaged: the
    names of files whose length differs from the manifest; failed: (name, reason) of what could not be spoken; warnings:
    (name, warning) of what was spoken now; wrong: (name, what is wrong with it after all attempts), of kept files
    too."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    spoken: int = 0
    kept: int = 0
    replaced: tuple[int, int] = (0, 0)
    damaged: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    @property
    def wrong(self) -> list[tuple[str, str]]:
        return [(name, row["wrong"]) for name, row in self.rows.items() if row.get("wrong")]


def resume(
    folder: Path,
    place: Path,
    tasks: Sequence[SpeechTask],
    seed: int,
    of_settings: str,
    keep_others: bool,
    times: str | None,
) -> tuple[ListOutput, dict[str, dict[str, Any]]]:
    """The files that are kept, and the lines of those that remain until they are replaced."""
    wavs = [] if keep_others else list(place.rglob("*.wav"))
    if wavs and not (folder / MANIFEST).is_file():
        raise AudioError(
            f"{place} holds {len(wavs)} WAV files and {folder} no {MANIFEST}: they were not made here and would go; "
            "choose another folder"
        )
    inputs = {task.name: task.inputs(seed) for task in tasks}
    there = {row["id"]: row for row in manifest_rows(folder / MANIFEST) if (folder / row["file"]).is_file()}
    rows, stale, damaged, other_inputs, other_settings = {}, {}, [], 0, 0
    for name, row in list(there.items()):
        if name not in inputs and keep_others:
            continue
        if not _is_whole(folder / row["file"], row["seconds"]):
            damaged.append(name)
        elif name in inputs and (row["inputs"], row["settings"]) == (inputs[name], of_settings):
            if times is None or (row.get("times", "").endswith(f".{times}") and (folder / row["times"]).is_file()):
                rows[name] = row
                continue
        else:
            other_settings += row["settings"] != of_settings
            other_inputs += row["settings"] == of_settings
        if keep_others:
            stale[name] = row
        else:
            (folder / there.pop(name)["file"]).unlink()
    known = {folder / row["file"] for row in there.values()}
    for path in wavs:
        if path not in known and path.exists():
            path.unlink()
            other_settings += 1
    (place / "stopped").unlink(missing_ok=True)  # written again at the end
    write_json_lines(there.values(), folder / MANIFEST)
    return ListOutput(rows, kept=len(rows), replaced=(other_inputs, other_settings), damaged=damaged), stale


def _is_whole(path: Path, seconds: float) -> bool:
    """Whether a file is as long as its line says: a full disk or an interrupted copy may have left less."""
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError):
        return False
    return abs(info.frames / info.samplerate - seconds) < LENGTH_ROUNDING_S


def manifest_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a manifest that have the needed keys: not those of older versions."""
    for row in read_log(path):
        if {"id", "file", "inputs", "settings", "stopped", "attempts", "seconds"} <= row.keys():
            yield row
