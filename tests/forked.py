"""Programs in processes of their own, without the seconds that importing torch costs each: they are forked from one
server process that has imported it, on one thread, and has done nothing else. What starts programs in earnest
(`accelerate launch`, a shell) is tested where it is the subject."""

import multiprocessing
import os
import runpy
import sys
import time
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from unittest import mock

from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

ROOT = Path(__file__).parents[1]
ACCELERATE = ROOT / "configs" / "accelerate"
PRELOADED = ["torch._dynamo", "tests.train.program", "recipes.train_vae", "recipes.extract_latents"]


def launcher(processes: int, config: str = "processes.yaml") -> tuple[str, ...]:
    """What stands between `python` and a program that several ranks run."""
    return (
        *("-m", "accelerate.commands.launch", "--config_file", str(ACCELERATE / config)),
        *("--num_processes", str(processes), "--main_process_port", "0"),
    )


@cache
def context():
    """Of multiprocessing; its processes are forks of the server."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(PRELOADED)
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}):
        forkserver.ensure_running()
    return found


def _run(module: str, arguments: list[str], environment: dict[str, str], output: str) -> None:
    """In the new process: `python -m module arguments`."""
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, 1), os.dup2(file, 2)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class Forked:
    """`python -m module arguments`, begun. What it says goes to the end of the file `output`."""

    def __init__(self, module: str, *arguments, environment: dict[str, str] | None = None, output=os.devnull):
        given = (module, [str(one) for one in arguments], environment or {}, str(output))
        self._process = context().Process(target=_run, args=given)
        self._process.start()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, minus the signal for one that was killed; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit code, when it has ended; if that takes longer than `timeout` seconds, it is killed: TimeoutError."""
        self._process.join(timeout)
        if self.poll() is None:
            self.kill()
            raise TimeoutError(f"process {self.pid} did not end within {timeout:g} s")
        return self.poll()

    def send_signal(self, number: int) -> None:
        """As os.kill."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()


class RanksFailed(Exception):
    """Begins with the exit codes, None for a rank that had to be killed."""


def run_ranks(processes: int, module: str, *arguments, output, config="processes.yaml", timeout=300.0) -> None:
    """Ranks with the environment in which `accelerate launch` runs them; what they say goes to the end of the file
    `output`. RanksFailed, with all of it, if one fails (the others then have 5 s) or they take longer than `timeout`
    seconds."""
    given = launch_command_parser().parse_args([*launcher(processes, config)[2:], module])
    shared = prepare_multi_gpu_env(_validate_launch_command(given)[0])
    shared = {name: value for name, value in shared.items() if os.environ.get(name) != value}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": given.master_port, "OMP_NUM_THREADS": "1"}
    shared |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    ranks = [
        Forked(module, *arguments, environment=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, output=output)
        for rank in range(processes)
    ]
    deadline = time.monotonic() + timeout
    try:
        while None in (codes := [rank.poll() for rank in ranks]) and time.monotonic() < deadline:
            if any(codes):
                deadline = min(deadline, time.monotonic() + 5)
            time.sleep(0.02)
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait(60)
    if codes != [0] * processes:
        raise RanksFailed(f"exit codes {codes}; what was said:\n{Path(output).read_text()}")
