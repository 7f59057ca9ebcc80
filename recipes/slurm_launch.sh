#!/usr/bin/env bash
# One training job over several machines: srun runs this once on each, and it runs accelerate there.
#
#   srun --nodes=2 --ntasks-per-node=1 --gres=gpu:8 recipes/slurm_launch.sh recipes/train_ditar.py --config ...
#
# gpus_per_node: processes on each machine, by default as many as Slurm gave GPUs. launch_config: the accelerate file.
# main_process_port: by default another for each job, since two of them may share their first machine.
set -euo pipefail
: "${SLURM_NNODES:?run this through srun, or set SLURM_NNODES, SLURM_NODEID and SLURM_JOB_NODELIST}"
: "${SLURM_NODEID:?run this through srun}"
if [ -n "${SLURM_JOB_ID:-}" ] && [ -z "${SLURM_STEP_ID:-}" ]; then  # a batch script's own node has the variables, too
    echo "$0: run this through srun, which starts it on all $SLURM_NNODES machines of the job" >&2
    exit 1
fi
# Of the step where Slurm tells, since srun may have taken a part of the job's machines.
nodes=${SLURM_STEP_NUM_NODES:-$SLURM_NNODES}
if [ "${SLURM_STEP_NUM_TASKS:-$nodes}" -ne "$nodes" ]; then
    echo "$0: srun runs this $SLURM_STEP_NUM_TASKS times on $nodes machines, and it starts the processes of a machine" \
        "itself; give srun --ntasks-per-node=1" >&2
    exit 1
fi
no_gpu="Slurm gave no GPU (SLURM_GPUS_ON_NODE); give srun --gres=gpu:N, or set gpus_per_node, the processes on a machine"
gpus_per_node=${gpus_per_node:-${SLURM_GPUS_ON_NODE:?$no_gpu}}
launch_config=${launch_config:-$(dirname "${BASH_SOURCE[0]}")/../configs/accelerate/multi_node.yaml}
first_node=${first_node:-$(scontrol show hostnames "${SLURM_STEP_NODELIST:-$SLURM_JOB_NODELIST}" | head -n 1)}
exec "${PYTHON:-python3}" -m accelerate.commands.launch --config_file "$launch_config" \
    --num_machines "$nodes" --num_processes "$((nodes * gpus_per_node))" \
    --machine_rank "$SLURM_NODEID" --main_process_ip "$first_node" \
    --main_process_port "${main_process_port:-$((29500 + ${SLURM_JOB_ID:-0} % 1000))}" "$@"
