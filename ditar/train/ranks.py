"""What the ranks of a run do together: gather what each found, and report who is missing when one of them hangs."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from ditar.train.errors import TrainingError

# When another rank does not join a collective, the error contains one of these words, in gloo and in NCCL.
_LEFT_ALONE = re.compile(r"timed? ?out|timeout|connection (closed|reset)|gloo|nccl", re.IGNORECASE)
_ROLL_CALL = timedelta(seconds=20)


class Ranks:
    """The processes of one run, on any backend. `timeout_s`: the longest that a rank may keep the others waiting.
    TrainingError: a launcher started several, and accelerate, for want of a GPU, did not connect them."""

    def __init__(self, accelerator: Accelerator, timeout_s: float):
        self.index, self.count, self.timeout_s = accelerator.process_index, accelerator.num_processes, timeout_s
        if (started := int(os.environ.get("WORLD_SIZE") or 1)) > 1 and self.count == 1:  # each would train it all
            raise TrainingError(
                f"one of {started} processes of a run finds no GPU and would train alone: look at nvidia-smi, "
                f"CUDA_VISIBLE_DEVICES ({os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}) and whether torch "
                f"({torch.__version__}) is a build for CUDA on this machine ({socket.gethostname()}); or train on CPUs "
                "with --cpu"
            )
        # A group of its own, since the connections of a group are useless once one of its collectives has failed.
        self._roll_call = dist.new_group(backend="gloo", timeout=_ROLL_CALL) if self.count > 1 else None

    def gather(self, found: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        """(place, value) of all ranks, in the order of places: the same on every rank."""
        return sorted(gather_object(found) if self.count > 1 else found, key=lambda one: one[0])

    def as_main(self, value: Any) -> Any:
        """The main rank's value."""
        return broadcast_object_list([value])[0] if self.count > 1 else value

    @contextlib.contextmanager
    def together(self, what: str) -> Iterator[None]:
        """TrainingError, which names the missing ranks, if waiting for the others was in vain."""
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or isinstance(error, TrainingError) or not _LEFT_ALONE.search(str(error)):
                raise
            raise TrainingError(
                f"rank {self.index} of {self.count} waited for the others in {what}, at most {self.timeout_s:g} s "
                f"(run.timeout_s): {self._missing()}; look at what that rank does, or allow more time if its work "
                f"really takes longer. The first error was: {str(error).splitlines()[0]}"
            ) from error

    def _missing(self) -> str:
        """Every healthy rank reports to rank 0, which then knows who did not."""
        try:
            dist.monitored_barrier(self._roll_call, _ROLL_CALL, wait_all_ranks=True)
        except RuntimeError as error:
            if self.index == 0:
                named = re.search(r"Ranks ([\d, ]*\d) failed", str(error))
                return f"rank {named[1]} does not answer" if named else str(error).splitlines()[0]
            return "rank 0 names those that do not answer, or does not answer itself"
        return "all ranks answer again"
