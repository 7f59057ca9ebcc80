"""How programs of the recipes end: Ctrl-C and SIGTERM are one line and an exit code, for every program and its
processes."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ditar.audio.errors import AudioError
from ditar.audio.write import write_audio
from ditar.config.program import Terminated, exit_code
from ditar.train.errors import Interrupted
from ditar.train.program import ERRORS
from ditar.units import SAMPLE_RATE_HZ
from tests.test_workers import gone, hears_signals

ROOT = Path(__file__).parents[1]
KEPT = "what is finished is kept, and the same command goes on"


@pytest.mark.parametrize(
    ("raised", "keeps", "code", "said"),
    [
        (KeyboardInterrupt(), True, 130, f"interrupted; {KEPT}"),
        (KeyboardInterrupt(), False, 130, "interrupted; the same command begins again"),
        (Terminated(), True, 143, f"terminated; {KEPT}"),
        (Interrupted("step 3 is checkpointed"), True, 130, "step 3 is checkpointed"),
        (BrokenProcessPool("ended"), True, 1, f"error: a process was killed (is the memory full?); {KEPT}"),
        (AudioError("a.wav cannot be read"), False, 1, "error: a.wav cannot be read"),
    ],
)  # fmt: skip
def test_what_ends_a_program_is_one_line(raised, keeps, code, said, capsys):
    def run():
        raise raised

    before = signal.getsignal(signal.SIGTERM)
    assert exit_code(run, "train", ERRORS, keeps) == code and capsys.readouterr().err == f"train: {said}\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_fault_of_the_program_is_an_exception():
    with pytest.raises(ZeroDivisionError):
        exit_code(lambda: 1 // 0, "train", ERRORS)


def test_what_a_program_returns_is_its_code():
    assert exit_code(lambda: 3) == 3 and exit_code(lambda: None) == 0


PROGRAM = """
import os, sys, time
from tqdm import tqdm
from ditar.config.program import exit_code
from ditar.config.workers import WorkerPool

def work(number):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(600)

def main():
    with WorkerPool(2, method=sys.argv[1]) as pool:
        list(tqdm(pool.in_order(work, range(8)), total=8, mininterval=0))

if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
"""


def start(command, cwd):
    return subprocess.Popen(
        [sys.executable, *map(str, command)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=hears_signals,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [True, False], ids=["group", "program"])
def test_neither_it_nor_its_processes_tell_of_a_signal_in_tracebacks(tmp_path, method, number, to_all):
    (tmp_path / "program.py").write_text(PROGRAM)
    process = start(["program.py", method], tmp_path)
    workers = [int(process.stdout.readline()) for _ in range(2)]
    try:
        (os.killpg if to_all else os.kill)(process.pid, number)
        _, said = process.communicate(timeout=60)
        assert gone(workers)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    word, code = ("interrupted", 130) if number == signal.SIGINT else ("terminated", 143)
    *bar, last = said.rstrip("\n").split("\n")
    assert process.returncode == code and last == f"program: {word}; {KEPT}", said
    assert all("0/8" in line for line in bar if line), said  # its own line, behind that of the bar


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_is_told(tmp_path, number):
    """And SIGTERM to it alone is no exception in it, as it is in the program whose fork it is."""
    (tmp_path / "program.py").write_text(PROGRAM)
    process = start(["program.py", "fork"], tmp_path)
    os.kill(int(process.stdout.readline()), number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "Traceback" not in said
    assert said.endswith(f"program: error: a process was killed (is the memory full?); {KEPT}\n")


def test_one_stage_is_interrupted_and_goes_on(tmp_path):
    """prepare_audio.py, as an example: what was finished is not made again."""
    data, out, count = tmp_path / "data", tmp_path / "out", 2000
    data.mkdir()
    tone = 0.1 * np.sin(np.arange(SAMPLE_RATE_HZ) * 0.1).astype(np.float32)
    write_audio(data / "a.wav", tone, SAMPLE_RATE_HZ)
    utts = [f"u{n:04d}" for n in range(count)]
    (data / "wav.scp").write_text("".join(f"{utt} {data / 'a.wav'}\n" for utt in utts))
    (data / "utt2spk").write_text("".join(f"{utt} u\n" for utt in utts))
    (data / "spk2utt").write_text(f"u {' '.join(utts)}\n")
    (data / "text").write_text("".join(f"{utt} Hello.\n" for utt in utts))
    command = [ROOT / "recipes/prepare_audio.py", "--data", data, "--out", out, "--as-is", "--nj", 1]
    process, journal = start(command, tmp_path), out / "prepared_audio"
    end = time.monotonic() + 60
    while process.poll() is None and not (journal.is_file() and journal.read_bytes().count(b"\n") > 16):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and said.splitlines()[-1] == f"prepare_audio: interrupted; {KEPT}", said
    assert "Traceback" not in said and not (out / "wav.scp").exists()
    made = {path.name: path.stat().st_mtime_ns for path in (out / "wav").iterdir()}
    kept = journal.read_text().count("\n")
    assert 16 < kept < count
    assert start(command, tmp_path).wait(120) == 0
    again = [name for name, changed in made.items() if (out / "wav" / name).stat().st_mtime_ns != changed]
    assert len((out / "wav.scp").read_text().splitlines()) == count and len(made) - len(again) >= kept


def programs():
    return sorted(path for folder in ("recipes", "egs") for path in (ROOT / folder).rglob("*.py")
                  if '__name__ == "__main__"' in path.read_text(encoding="utf-8"))  # fmt: skip


@pytest.mark.parametrize("path", programs(), ids=lambda path: path.stem)
def test_every_program_ends_so(path):
    """By `exit_code`, around `main` or in it."""
    ends = re.findall(r"exit_code\((?:main|lambda: run\(args\)).*\)", path.read_text(encoding="utf-8"))
    assert len(ends) == 1
