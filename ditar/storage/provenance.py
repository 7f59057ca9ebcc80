"""Where a figure comes from: date, commit, command and environment, written into every result file."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (  # those that affect figures
    "torch", "numpy", "diffusers", "faster-whisper", "ctranslate2", "distillmos", "pocketsphinx", "resemblyzer",
    "transformers",
)  # fmt: skip
ROOT = Path(__file__).parents[2]


def provenance() -> dict[str, Any]:
    """{"date" (UTC), "commit" (None outside a checkout), "command", "environment"} of this process."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "command": command(sys.argv),
        "environment": environment(),
    }


def command(arguments: list[str]) -> str:
    """A command line to paste into a shell. Paths below the working folder are written relative to it."""
    here = os.path.join(os.getcwd(), "")
    program = "ditar" if Path(arguments[0]).name in ("ditar", "cli.py", "__main__.py") else Path(arguments[0]).name
    return shlex.join([program, *(word.removeprefix(here) for word in arguments[1:])])


def commit() -> str | None:
    """The short commit of this package's checkout, with "-dirty" if tracked files differ from it."""
    if not (ROOT / ".git").exists():  # installed; a repository further up would be another's
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None if described.returncode == 0 else None


def environment() -> dict[str, Any]:
    """Processor, cores, memory, system, versions; threads and GPU if torch is imported already."""
    facts: dict[str, Any] = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),  # shows when a figure comes from a busy machine
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    torch = sys.modules.get("torch")
    if torch is not None:
        facts["threads"] = torch.get_num_threads()
        facts["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return facts


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
