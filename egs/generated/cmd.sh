# Sourced by run.sh: what is put before each program. Empty runs it here; for Slurm, for example:
#   run_cmd="srun --partition=gpu --gres=gpu:1 --cpus-per-task=8"
run_cmd=
