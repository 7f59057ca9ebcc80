"""Where a run's figures go, if the disk refuses them."""

import errno
import os
from pathlib import Path

import pytest

from ditar.storage.atomic_write import WriteError
from ditar.train.tracker import Tracker

FULL = Path("/dev/full")


class FullWriter:
    """Tensorboard's, whose thread has met a full disk."""

    def add_scalar(self, *_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    close = add_audio = add_scalar


@pytest.mark.skipif(not FULL.exists(), reason="a system without /dev/full")
def test_figures_on_a_full_disk_name_the_run(tmp_path):
    tracker = Tracker(tmp_path / "run")
    tracker.scalars({"train/loss": 2.0}, 1)
    tracker.lines.close()
    tracker.lines = open(FULL, "a", encoding="utf-8")
    with pytest.raises(WriteError, match=f"{tmp_path}/run cannot be written: No space left on device; free space"):
        tracker.scalars({"train/loss": 1.0}, 2)


def test_so_do_those_of_tensorboard(tmp_path):
    tracker = Tracker(tmp_path / "run")
    tracker.writer = FullWriter()
    for call in (lambda: tracker.scalars({"train/loss": 1.0}, 1), tracker.close):
        with pytest.raises(WriteError, match=f"{tmp_path}/run cannot be written: No space left on device"):
            call()
