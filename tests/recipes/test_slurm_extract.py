"""recipes/slurm_extract.sh with a Slurm that runs jobs when they are submitted, those of an array last to first."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SBATCH = """#!/usr/bin/env bash
# Says the number of the job and notes its options. Like the real one it makes a script for sh of what it wraps.
number=$(($(cat "$FAKE/jobs" 2>/dev/null | wc -l) + 1))
if [ "$number" = "${REFUSED:-none}" ]; then echo "sbatch: error: Invalid job array specification" >&2; exit 1; fi
echo "$*" >> "$FAKE/jobs"
tasks=none
while [ $# -gt 0 ]; do
    case "$1" in
        --array=*) tasks=${1#--array=}; tasks=${tasks%%%*} ;;
        --wrap) wrapped=$2; shift ;;
    esac
    shift
done
if [ "$tasks" = none ]; then sh -c "$wrapped"; else
    for task in $(seq "${tasks#*-}" -1 "${tasks%-*}"); do SLURM_ARRAY_TASK_ID=$task sh -c "$wrapped"; done
fi
echo "$number;cluster"
"""


SCANCEL = """#!/bin/sh
echo "$@" >> "$FAKE/cancelled"
"""


def submit(folder, *options, **variables):
    for name, script in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    (folder / "program.sh").write_text('printf "%s|" "$@" >> "$FAKE/ran"; echo >> "$FAKE/ran"\n')
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHON": "bash", "FAKE": str(folder), **variables}
    command = ["bash", str(ROOT / "recipes/slurm_extract.sh"), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_one_begins_many_extract_one_closes(tmp_path):
    folder = "it's a földer for $HOME\t"  # bash's own quoting of it is not for sh
    program = (str(tmp_path / "program.sh"), "--data", folder, "--nj", "8")
    done = submit(tmp_path, *program, parts="3", sbatch_options="--partition=cpu", at_once="2", LC_ALL="C")
    assert done.returncode == 0 and done.stdout == "begin 1, array 2, close 3\n", done.stderr
    given = f"--data|{folder}|--nj|8|"
    assert (tmp_path / "ran").read_text().splitlines() == [
        f"{given}--part|begin|", f"{given}--part|2/3|", f"{given}--part|1/3|", f"{given}--part|0/3|", given,
    ]  # fmt: skip
    begin, array, close = (tmp_path / "jobs").read_text().splitlines()
    assert all("--partition=cpu" in job for job in (begin, array, close)) and "--dependency" not in begin
    assert "--dependency=afterok:1 " in array and "--array=0-2%2 " in array
    assert "--dependency=afterok:1,afterany:2 " in close  # without the first there is nothing to close
    assert all("--kill-on-invalid-dep=yes" in job for job in (begin, array, close))  # else they wait for ever
    assert not (tmp_path / "cancelled").exists()


def test_of_jobs_that_slurm_refuses_none_stays_in_the_queue(tmp_path):
    done = submit(tmp_path, str(tmp_path / "program.sh"), parts="3000", REFUSED="2")
    assert done.returncode == 1 and "Invalid job array" in done.stderr and not done.stdout
    assert (tmp_path / "cancelled").read_text() == "1\n"


def test_what_is_missing_is_named(tmp_path):
    done = submit(tmp_path, "program.sh")
    assert done.returncode == 1 and "set parts, the number of jobs in the array" in done.stderr
    done = submit(tmp_path, parts="3")
    assert done.returncode == 1 and "give the extraction program and its options" in done.stderr
    for name, value in (("parts", "0"), ("parts", "08"), ("at_once", "all")):
        done = submit(tmp_path, "program.sh", **{"parts": "3", name: value})
        assert done.returncode == 1 and f"{name} must be a whole number from 1, got '{value}'" in done.stderr
    assert not (tmp_path / "jobs").exists()
