"""recipes/slurm_launch.sh, which srun runs on every machine: here two machines are two runs on one."""

import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest

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


def make_scontrol(folder: Path) -> None:
    scontrol = folder / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames a[1-2]" ] && printf "127.0.0.1\\nelsewhere\\n"\n')
    scontrol.chmod(scontrol.stat().st_mode | stat.S_IXUSR)


def test_two_machines_make_one_job(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    make_scontrol(tmp_path)
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


# What srun sets of a step on two machines with four GPUs each; the job may have more machines.
STEP = {"SLURM_JOB_ID": "74123", "SLURM_STEP_ID": "0", "SLURM_NNODES": "2", "SLURM_NODEID": "1", "SLURM_GPUS_ON_NODE": "4",
        "SLURM_JOB_NODELIST": "a[0-9]", "SLURM_STEP_NODELIST": "a[1-2]", "SLURM_STEP_NUM_NODES": "2",
        "SLURM_STEP_NUM_TASKS": "2"}  # fmt: skip


def launch(folder: Path, **changed: str) -> subprocess.CompletedProcess:
    """The script in a folder that is not the repository's; an echo in place of Python. Empty values are not set."""
    make_scontrol(folder)
    own = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    variables = {k: v for k, v in {**STEP, **changed}.items() if v}
    environment = own | variables | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHON": "echo"}
    command = [str(ROOT / "recipes/slurm_launch.sh"), "program.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30)


def test_machines_and_processes_are_those_of_the_step(tmp_path):
    words = launch(tmp_path).stdout.split()
    given = dict(zip(words, words[1:]))
    assert given["--num_machines"] == "2" and given["--num_processes"] == "8" and given["--machine_rank"] == "1"
    assert given["--main_process_ip"] == "127.0.0.1"  # of a1: a0 is not among them
    assert Path(given["--config_file"]).is_file() and words[-1] == "program.py"


def test_two_jobs_on_a_machine_have_different_ports(tmp_path):
    ports = []
    for job in ("74123", "74124"):
        words = launch(tmp_path, SLURM_JOB_ID=job).stdout.split()
        ports.append(int(words[words.index("--main_process_port") + 1]))
    assert ports[0] != ports[1] and all(1024 < port < 32768 for port in ports)
    assert "--main_process_port 4711 " in launch(tmp_path, main_process_port="4711").stdout


@pytest.mark.parametrize(
    "changed, told",
    [
        ({"SLURM_STEP_ID": ""}, "run this through srun, which starts it on all 2 machines"),
        ({"SLURM_STEP_NUM_TASKS": "8"}, "srun runs this 8 times on 2 machines.*give srun --ntasks-per-node=1"),
        ({"SLURM_GPUS_ON_NODE": ""}, "Slurm gave no GPU.*--gres=gpu:N, or set gpus_per_node"),
    ],
)
def test_a_step_that_would_not_become_one_job_is_refused(changed, told, tmp_path):
    done = launch(tmp_path, **changed)
    assert done.returncode == 1 and not done.stdout and re.search(told, done.stderr), done.stderr
