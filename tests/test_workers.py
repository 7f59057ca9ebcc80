"""Processes that share work end with the program, whatever ends it, and without a word."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ditar.config import workers
from ditar.config.workers import WorkerPool

PROGRAM = """
import os, sys, time
from tqdm import tqdm
from ditar.config.workers import WorkerPool

def work(number):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(600)

if __name__ == "__main__":
    try:
        with WorkerPool(2, method=sys.argv[1]) as pool:
            list(tqdm(pool.in_order(work, range(8)), file=open(os.devnull, "w")))  # it has a thread
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(130)
"""


def double(number):
    return 2 * number


def refuse(number):
    if number == 1:
        raise ValueError("not one")
    time.sleep(0 if number < 2 else 600)


def hears_signals():
    """In a new process: as from a terminal, whatever started the tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def alive(process_id):
    try:
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(process_ids, within_s=20.0):
    end = time.monotonic() + within_s
    while any(map(alive, process_ids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, process_ids))


def test_results_are_in_order_or_as_they_come():
    before = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with WorkerPool(2) as pool:
        assert list(pool.in_order(double, range(9))) == [2 * number for number in range(9)]
        assert list(pool.in_order(double, range(9), at_once=4)) == [2 * number for number in range(9)]
        assert sorted(pool.as_done(double, range(9), at_once=2)) == [2 * number for number in range(9)]
    assert (signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, [])) == before


def test_an_error_ends_all_at_once():
    began = time.monotonic()
    with pytest.raises(ValueError, match="not one"), WorkerPool(2) as pool:
        list(pool.in_order(refuse, range(9)))
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize(
    "signals", [[signal.SIGINT], [signal.SIGINT] * 3, [signal.SIGKILL]], ids=["one", "three", "kill"]
)
def test_they_end_with_the_program(tmp_path, method, signals):
    """As Ctrl-C in a terminal: to the whole group, once or again before all has ended."""
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "program.py", method], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, preexec_fn=hears_signals,
    )  # fmt: skip
    workers = [int(process.stdout.readline()) for _ in range(2)]
    try:
        for number in signals:
            if number == signal.SIGKILL:
                process.send_signal(number)
            else:
                os.killpg(process.pid, number)
                time.sleep(0.01)
        said, wrong = process.communicate(timeout=60)
        assert gone(workers)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if signals[0] != signal.SIGKILL:
        assert process.returncode in (130, -signal.SIGINT)
        assert len(signals) > 1 or (said, wrong) == ("interrupted\n", "")


def test_one_that_was_starting_when_the_program_was_killed_ends(tmp_path):
    (tmp_path / "program.py").write_text("import time\ntime.sleep(1)\n" + PROGRAM)  # each process begins with that
    process = subprocess.Popen(
        [sys.executable, "program.py", "spawn"], cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        children, end, begun = Path(f"/proc/{process.pid}/task/{process.pid}/children"), time.monotonic() + 30, []
        if not children.exists():
            pytest.skip("this system does not list the children of a process")
        while len(begun) < 3 and time.monotonic() < end:  # two, and the tracker of resources
            begun = children.read_text().split()
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert len(begun) == 3 and gone(begun)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_processes_start_or_end_comes_behind_that(number):
    came, before = [], signal.signal(number, lambda *received: came.append(received[0]))
    try:
        with workers._interrupts_held():
            os.kill(os.getpid(), number)
            time.sleep(0.05)
            assert not came
        assert came == [number]
    finally:
        signal.signal(number, before)
