"""Files and folders that another program is writing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ditar.storage import lock

ROOT = Path(__file__).parents[2]


def test_one_writer_at_a_time_also_over_processes(tmp_path):
    code = f"from ditar.storage.lock import only_writer\nwith only_writer({str(tmp_path)!r}): pass"
    command = {"args": [sys.executable, "-c", code], "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    with lock.only_writer(tmp_path):
        with pytest.raises(lock.InUseError, match=f"{tmp_path} is being written by another program; wait"):
            with lock.only_writer(tmp_path):
                pass
        refused = subprocess.run(**command, capture_output=True, text=True)
        assert refused.returncode == 1 and "InUseError" in refused.stderr
    assert subprocess.run(**command).returncode == 0 and not os.listdir(tmp_path)


def test_a_file_system_without_locks_refuses_nobody(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(38, "not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with lock.only_writer(tmp_path), lock.only_writer(tmp_path):
        pass


def test_folders_that_machines_share_by_nfs(tmp_path, monkeypatch):
    """Its locks need a descriptor that is open for writing, which no folder has."""
    real = lock.fcntl.flock

    def flock(file, how):
        if not lock.fcntl.fcntl(file, lock.fcntl.F_GETFL) & os.O_RDWR:
            raise OSError(errno.EBADF, "Bad file descriptor")
        real(file, how)

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    lowest = os.dup(0)
    os.close(lowest)
    for _ in range(2):
        with lock.only_writer(tmp_path):
            with pytest.raises(lock.InUseError, match=f"{tmp_path} is being written by another program"):
                with lock.only_writer(tmp_path):
                    pass
    assert os.listdir(tmp_path) == [".lock"]
    assert (again := os.dup(0)) == lowest  # nothing is left open
    os.close(again)
