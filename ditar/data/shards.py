"""Writing latents or codes as lhotse Shar, shard by shard: an extraction that was killed resumes with what is missing.

The layout is described in ditar.data.latents. An incomplete folder has no index, and its `.shards/` holds a JSON file
for each finished shard: its lines of the index and the program's own record. `made_from.json` says what the latents
depend on: if that changes, they are made anew.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ditar.data.errors import DataError
from ditar.data.optional import need_lhotse
from ditar.storage.atomic_write import WriteError, write_lines
from ditar.storage.weights import write_tensors
from ditar.units import LATENT_RATE_HZ

if TYPE_CHECKING:
    from lhotse import MonoCut


@dataclass(frozen=True)
class Latents:
    """One utterance to write: `mean` (T, C), or codes (T, Q); `symbols` and their `times` as in
    ditar.data.latents; `text`."""

    utt: str
    speaker: str
    mean: np.ndarray
    symbols: list[str]
    times: list[list[float] | None] | None
    text: str


class LatentWriter:
    """Writes a folder of latents. Shards may be written in any order and by several processes at once; every file is
    written atomically, and the same utterances give the same bytes.

    What is stored is called `field`, of type `dtype`, with `frame_rate_hz` frames a second.
    """

    def __init__(
        self,
        folder: str | Path,
        field: str = "latents",
        dtype: type[np.generic] = np.float16,
        frame_rate_hz: float = LATENT_RATE_HZ,
    ):
        self.folder = Path(folder)
        self.field, self.dtype, self.frame_rate_hz = field, dtype, frame_rate_hz

    def begin(self, common: dict[str, Any], shards: Sequence[str]) -> bool:
        """Resume a stopped extraction, or start anew; returns whether everything is there already.

        `common` says what the folder depends on, and each string in `shards` what a shard does. An incomplete folder
        keeps the shards that have not changed.
        """
        need_lhotse()  # before hours of work
        path, index = self.folder / "made_from.json", self.folder / "index.jsonl"
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"common": None, "shards": []}
        if before["common"] != common or (index.is_file() and before["shards"] != list(shards)):
            for name in ("index.jsonl", "made_from.json", "skipped", "statistics.safetensors"):
                (self.folder / name).unlink(missing_ok=True)
            for name in (".shards", "shar"):
                if (self.folder / name).is_dir():
                    shutil.rmtree(self.folder / name)
        for number, (old, new) in enumerate(zip(before["shards"], shards, strict=False)):
            if old != new:
                self._record_path(number).unlink(missing_ok=True)
        (self.folder / "shar").mkdir(parents=True, exist_ok=True)
        write_lines(path, [json.dumps({"common": common, "shards": list(shards)})])
        if index.is_file():
            shutil.rmtree(self.folder / ".shards", ignore_errors=True)  # killed between the index and the end
            return True
        (self.folder / ".shards").mkdir(exist_ok=True)
        return False

    def begun(self, common: dict[str, Any], shards: int) -> list[str] | None:
        """What each shard was begun from; None if all is there. DataError if `begin` was not called for this."""
        path = self.folder / "made_from.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"common": None, "shards": []}
        if before["common"] != common or len(before["shards"]) != shards:
            raise DataError(f"{self.folder} was {'begun from something else' if before['common'] else 'not begun'}; "
                            "run the same command with --part begin first")  # fmt: skip
        return None if (self.folder / "index.jsonl").is_file() else before["shards"]

    def unfinished(self, shards: int) -> list[int]:
        """Those of all `shards` shards that have no record. The folder is listed, since a network file system may cache
        that a single file did not exist."""
        names = set(os.listdir(self.folder / ".shards"))
        return [number for number in range(shards) if self._record_path(number).name not in names]

    def record(self, number: int) -> dict[str, Any]:
        """The program's record of a finished shard, and its lines of the index as `entries`."""
        return json.loads(self._record_path(number).read_text(encoding="utf-8"))

    def write(self, number: int, utterances: Sequence[Latents], remember: dict[str, Any]) -> None:
        """Write one shard; without utterances it has no files. WriteError: the disk refuses."""
        if not utterances:
            for name in (self._tar(number), _cuts(number)):
                (self.folder / "shar" / name).unlink(missing_ok=True)
        else:
            try:
                self._write_shar(number, utterances)
            except OSError as error:
                raise WriteError(
                    f"shard {self._tar(number)} cannot be written in {self.folder}: {error.strerror or error}; free "
                    "space, and the same command goes on"
                ) from error
        entries = [
            {
                "utt": u.utt,
                "speaker": u.speaker,
                "shard": self._tar(number),
                "frames": len(u.mean),
                "symbols": u.symbols,
                "times": u.times,
                "text": u.text,
            }
            for u in utterances
        ]
        write_lines(self._record_path(number), [json.dumps({"entries": entries, **remember}, ensure_ascii=False)])

    def close(self, shards: int, statistics: dict[str, torch.Tensor] | None, skipped: dict[str, str]) -> None:
        """Write statistics, what was skipped and why, and last the index of all `shards` shards. WriteError: the disk
        refuses; call again to resume."""
        if statistics is not None:
            write_tensors(self.folder / "statistics.safetensors", statistics)
        if skipped:
            order = sorted(skipped, key=lambda utt: utt.encode())
            write_lines(self.folder / "skipped", (f"{utt} {' '.join(skipped[utt].split())}" for utt in order))
        records = map(self.record, range(shards))
        lines = (json.dumps(entry, ensure_ascii=False) for record in records for entry in record["entries"])
        write_lines(self.folder / "index.jsonl", lines)
        shutil.rmtree(self.folder / ".shards")

    def _record_path(self, number: int) -> Path:
        return self.folder / ".shards" / f"{number:06d}.json"

    def _write_shar(self, number: int, utterances: Sequence[Latents]) -> None:
        from lhotse.shar import SharWriter

        # Of this process: a job of an array that is started again may meet the one that it replaces. If the disk is
        # full, what was written gives way.
        with tempfile.TemporaryDirectory(prefix=f"{number:06d}-", dir=self.folder / ".shards") as name:
            temporary, size = Path(name), len(utterances)
            with SharWriter(temporary, {self.field: "numpy"}, shard_size=size, shard_offset=number) as writer:
                for utterance in utterances:
                    writer.write(self._cut(utterance))
            with open(temporary / _cuts(number), "r+b") as file:
                file.seek(4)
                file.write(bytes(4))  # gzip's header holds the time (RFC 1952); without it, equal contents, equal files
            for name in (self._tar(number), _cuts(number)):
                os.replace(temporary / name, self.folder / "shar" / name)

    def _tar(self, number: int) -> str:
        return f"{self.field}.{number:06d}.tar"

    def _cut(self, utterance: Latents) -> "MonoCut":
        from lhotse import MonoCut, SupervisionSegment

        times = {"start": 0.0, "duration": len(utterance.mean) / self.frame_rate_hz}
        supervision = SupervisionSegment(
            id=utterance.utt,
            recording_id=utterance.utt,
            text=utterance.text,
            speaker=utterance.speaker,
            custom={"symbols": utterance.symbols, "times": utterance.times},
            **times,
        )
        cut = MonoCut(id=utterance.utt, channel=0, supervisions=[supervision], **times)
        values = utterance.mean.astype(self.dtype)
        return cut.attach_tensor(self.field, values, frame_shift=1 / self.frame_rate_hz, temporal_dim=0)


def _cuts(number: int) -> str:
    return f"cuts.{number:06d}.jsonl.gz"
