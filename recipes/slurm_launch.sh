#!/usr/bin/env bash
# One training job over several machines: srun runs this once on each, and it runs accelerate there.
#
#   srun --nodes=2 --ntasks-per-node=1 --gres=gpu:8 recipes/slurm_launch.sh recipes/train_ditar.py --config ...
#
# gpus_per_node: processes on each machine (Slurm's own count when it gives one). launch_config: the accelerate file.
set -euo pipefail
: "${SLURM_NNODES:?run this through srun, or set SLURM_NNODES, SLURM_NODEID and SLURM_JOB_NODELIST}"
: "${SLURM_NODEID:?run this through srun}"
gpus_per_node=${gpus_per_node:-${SLURM_GPUS_ON_NODE:-8}}
launch_config=${launch_config:-configs/accelerate/multi_node.yaml}
first_node=${first_node:-$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)}
exec "${PYTHON:-python3}" -m accelerate.commands.launch --config_file "$launch_config" \
    --num_machines "$SLURM_NNODES" --num_processes "$((SLURM_NNODES * gpus_per_node))" \
    --machine_rank "$SLURM_NODEID" --main_process_ip "$first_node" \
    --main_process_port "${main_process_port:-29500}" "$@"
