"""How many cores this process may use."""

import os
from pathlib import Path

MOST_THREADS = 1024


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that the process may run on (its affinity), or fewer if its control group has a quota of time, as in
    containers: os.cpu_count() knows neither. `root`: of the file system, for tests."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([there, *(int(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """The quotas, in cores, of the control group and of those above it. Version 2 has them in `cpu.max`, version 1 in
    two files of the controller `cpu`."""
    found = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            period = _read(folder / "cpu.cfs_period_us")
            limit = _read(folder / "cpu.max") or f"{_read(folder / 'cpu.cfs_quota_us') or 'max'} {period}"
            numbers = limit.split()
            if len(numbers) == 2 and all(number.isdecimal() for number in numbers) and int(numbers[1]):
                found.append(int(numbers[0]) / int(numbers[1]))
            if folder == top:
                break
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
