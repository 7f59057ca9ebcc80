"""Processes that hear files, as a terminal interrupts them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
from functools import partial
from ditar.recognise.files import map_files

def hear(waveform):
    os.kill(os.getpid(), signal.SIGINT)  # as a terminal's Ctrl-C reaches all of its programs
    return len(waveform)

if __name__ == "__main__":
    audio = {path: path for path in sys.argv[1:]}
    print(sorted(map_files(audio, hear, workers=2, progress=False, fewest=1).values()))
    signal.raise_signal(signal.SIGINT)
"""


def test_they_leave_it_to_their_parent(tmp_path):
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, path in enumerate(paths, 1):
        soundfile.write(path, np.zeros(1600 * number), 16_000)
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py", *paths],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.stdout == "[1600, 3200, 4800]\n", done.stderr
    assert done.returncode == -signal.SIGINT and done.stderr.count("Traceback") == 1  # its own
