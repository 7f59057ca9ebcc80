# Every corpus has a link to this file and sources it: what is put before programs, on this machine for all corpora. A
# corpus that needs its own gets a copy in place of its link.
# run_cmd: before each program of a stage; for Slurm, for example:
#   run_cmd="srun --partition=cpu --cpus-per-task=8"
# train_cmd: what runs a training program. Empty: this interpreter, or accelerate on --ngpu GPUs of this machine.
# Several machines with eight GPUs each under Slurm:
#   train_cmd="srun --nodes=2 --ntasks-per-node=1 --gres=gpu:8 --cpus-per-task=64 --export=ALL recipes/slurm_launch.sh"
run_cmd=
train_cmd=
