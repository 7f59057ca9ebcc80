"""Where a run's figures go: always a JSON Lines file, and tensorboard if it is installed."""

import json
import time
from pathlib import Path

import torch

from ditar.storage.atomic_write import atomic_write, naming


class Tracker:
    """Scalars, audio and pictures of one run under `folder`. Every call names the step. WriteError: the disk refuses."""

    def __init__(self, folder: Path, active: bool = True, first: int = 0):
        """`first`: the step from which the run resumes; later log lines are dropped, since they come again."""
        self.writer = self.lines = None
        self.folder = folder
        self.validations: list[float] = []  # `valid/validation`, those up to `first` included
        self.done_at_first: set[str] = set()  # of "valid" and "sample", those already done for step `first`
        if not active:
            return
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "log.jsonl"
        if path.exists():
            self._go_on(path, first)
        self.lines = open(path, "a", encoding="utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # a bare machine: the JSON lines hold every scalar
            return
        self.writer = SummaryWriter(folder / "tensorboard", purge_step=first + 1 if first else None)

    def _go_on(self, path: Path, first: int) -> None:
        kept = []
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:  # the last line of a killed process
                continue
            if line["step"] > first:
                continue
            kept.append(text + "\n")
            if line["step"] == first:
                self.done_at_first |= {name.split("/")[0] for name in line}
            if "valid/validation" in line:
                self.validations.append(line["valid/validation"])
        with atomic_write(path) as partial:
            partial.write_text("".join(kept), encoding="utf-8")

    @property
    def without_improvement(self) -> int:
        """Validations since the lowest one."""
        found = self.validations
        return len(found) - 1 - found.index(min(found)) if found else 0

    def scalars(self, values: dict[str, float], step: int) -> None:
        """Numbers by name, such as `train/mel`."""
        if self.lines is None:
            return
        if "valid/validation" in values:
            self.validations.append(float(values["valid/validation"]))
        line = {"step": step, "time": round(time.time(), 1), **{k: float(v) for k, v in values.items()}}
        with naming(self.folder):
            self.lines.write(json.dumps(line) + "\n")
            self.lines.flush()
            if self.writer is not None:
                for name, value in values.items():
                    self.writer.add_scalar(name, value, step)

    def audio(self, name: str, waveform: torch.Tensor, step: int, rate_hz: int) -> None:
        """One waveform (S,) in [-1, 1]."""
        if self.writer is not None:
            with naming(self.folder):
                self.writer.add_audio(name, waveform.detach().float().cpu().clamp(-1, 1), step, sample_rate=rate_hz)

    def image(self, name: str, picture: torch.Tensor, step: int) -> None:
        """One picture (height, width) in [0, 1]."""
        if self.writer is not None:
            with naming(self.folder):
                self.writer.add_image(name, picture.detach().float().cpu(), step, dataformats="HW")

    def close(self) -> None:
        """Flush and close the files."""
        with naming(self.folder):
            if self.lines is not None:
                self.lines.close()
            if self.writer is not None:
                self.writer.close()
