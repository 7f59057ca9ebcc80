#!/usr/bin/env bash
# Extraction as an array of Slurm jobs that know nothing of each other, on any machines that share the folders:
#
#   parts=1000 recipes/slurm_extract.sh recipes/extract_latents.py --vae VAE --data DATA --out OUT --statistics --nj 8
#
# The first job begins OUT, the array makes its shards, the last closes OUT, whatever became of the array: it makes what
# is missing. If the first fails, the others leave the queue. A job that is requeued or resubmitted goes on with what it
# lacks; the files are the same for any `parts`.
# sbatch_options: for every job, e.g. "--partition=cpu --cpus-per-task=8 --time=4:00:00"; array_options: of the array
# besides, e.g. "--requeue"; none may hold a space. at_once: so many of the array's jobs at a time (all).
set -euo pipefail
: "${parts:?set parts, the number of jobs in the array}"
if [ $# -eq 0 ]; then
    echo "$0: give the extraction program and its options" >&2
    exit 1
fi
for name in parts at_once; do
    if ! [[ "${!name:-1}" =~ ^[1-9][0-9]*$ ]]; then
        echo "$0: $name must be a whole number from 1, got '${!name}'" >&2
        exit 1
    fi
done
read -r -a common <<< "--parsable --kill-on-invalid-dep=yes ${sbatch_options:-}"
read -r -a of_array <<< "${array_options:-}"
program=  # for sh, which sbatch wraps it in: bash's own quoting is not always understood there
for word in "${PYTHON:-python3}" "$@"; do program+="'${word//\'/\'\\\'\'}' "; done

jobs=()
trap 'if [ ${#jobs[@]} -gt 0 ] && [ ${#jobs[@]} -lt 3 ]; then scancel "${jobs[@]}"; fi' EXIT  # all, or none
submit() {  # COMMAND OPTION...: one more job
    local job
    job=$(sbatch "${common[@]}" "${@:2}" --wrap "$1")
    jobs+=("${job%%;*}")
}
submit "$program--part begin" --job-name=extract-begin
submit "$program--part \$SLURM_ARRAY_TASK_ID/$parts" ${of_array[@]+"${of_array[@]}"} --job-name=extract \
    --dependency="afterok:${jobs[0]}" --array="0-$((parts - 1))${at_once:+%$at_once}"
submit "$program" --job-name=extract-close --dependency="afterok:${jobs[0]},afterany:${jobs[1]}"
echo "begin ${jobs[0]}, array ${jobs[1]}, close ${jobs[2]}"
