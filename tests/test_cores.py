"""Cores that a process may use: its affinity, and the quota of a container."""

import os

import pytest

from ditar.config.cores import usable_cores

THERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("group", "files", "cores"), [
    ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
    ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
    ("0::/a\n", {"a/cpu.max": "max 100000\n"}, None),
    ("4:memory:/x\n3:cpu,cpuacct:/docker/1\n", {"cpu/docker/1/cpu.cfs_quota_us": "300000\n",
                                              "cpu/docker/1/cpu.cfs_period_us": "100000\n"}, 3),
    ("3:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, None),
    ("", {}, None),
])  # fmt: skip
def test_a_quota_counts_as_cores(tmp_path, group, files, cores, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert usable_cores(tmp_path) == (cores or 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores(tmp_path) == 1


def test_here_it_is_no_more_than_the_affinity():
    assert 1 <= usable_cores() <= THERE
