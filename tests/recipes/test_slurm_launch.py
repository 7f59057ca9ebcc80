"""recipes/slurm_launch.sh, which srun runs on every machine: here two machines are two runs on one."""

import os
import socket
import stat
import subprocess
from pathlib import Path

from tests.python_server import quick_python

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
import torch
from accelerate import Accelerator

one = Accelerator(cpu=True)
total = one.reduce(torch.tensor(10.0 ** one.process_index), "sum")
print("ranks", one.num_processes, "sum", int(total), sys.argv[1:], flush=True)
one.end_training()  # else gloo's threads now and then abort Python's exit
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_two_machines_make_one_job(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    scontrol = tmp_path / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames a[1-2]" ] && printf "127.0.0.1\\nelsewhere\\n"\n')
    scontrol.chmod(scontrol.stat().st_mode | stat.S_IXUSR)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHON": quick_python(),
        "OMP_NUM_THREADS": "1",
        "SLURM_NNODES": "2",
        "SLURM_JOB_NODELIST": "a[1-2]",
        "gpus_per_node": "1",
        "main_process_port": str(free_port()),
        "launch_config": "configs/accelerate/processes.yaml",
    }
    command = [str(ROOT / "recipes/slurm_launch.sh"), str(tmp_path / "program.py"), "--cpu"]
    nodes = [
        subprocess.Popen(command, cwd=ROOT, env=environment | {"SLURM_NODEID": str(n)}, stdout=subprocess.PIPE, text=True)
        for n in range(2)
    ]
    for node in nodes:
        output, _ = node.communicate(timeout=120)
        assert node.returncode == 0
        assert "ranks 2 sum 11 ['--cpu']" in output, output


def test_outside_slurm_it_says_what_is_missing():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    command = [str(ROOT / "recipes/slurm_launch.sh"), "program.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "run this through srun" in done.stderr
