#!/usr/bin/env bash
# Extraction as an array of Slurm jobs that know nothing of each other, on any machines that share the folders:
#
#   parts=1000 recipes/slurm_extract.sh recipes/extract_latents.py --vae VAE --data DATA --out OUT --statistics --nj 8
#
# The first job begins OUT, the array makes its shards, the last closes OUT, whatever became of the array: it makes what
# is missing. A job that is requeued or resubmitted goes on with what it lacks; the files are the same for any `parts`.
# sbatch_options: for every job, e.g. "--partition=cpu --cpus-per-task=8 --time=4:00:00"; array_options: of the array
# besides, e.g. "--requeue"; at_once: so many of its jobs at a time (all).
set -euo pipefail
: "${parts:?set parts, the number of jobs in the array}"
if [ $# -eq 0 ]; then
    echo "$0: give the extraction program and its options" >&2
    exit 1
fi
read -r -a common <<< "--parsable ${sbatch_options:-}"
read -r -a of_array <<< "${array_options:-}"
program=$(printf '%q ' "${PYTHON:-python3}" "$@")
first=$(sbatch "${common[@]}" --job-name=extract-begin --wrap "$program --part begin")
array=$(sbatch "${common[@]}" ${of_array[@]+"${of_array[@]}"} --job-name=extract --dependency="afterok:${first%%;*}" \
    --array="0-$((parts - 1))${at_once:+%$at_once}" --wrap "$program --part \$SLURM_ARRAY_TASK_ID/$parts")
last=$(sbatch "${common[@]}" --job-name=extract-close --dependency="afterany:${array%%;*}" --wrap "$program")
echo "begin ${first%%;*}, array ${array%%;*}, close ${last%%;*}"
