#!/usr/bin/env bash
# The continuous system from data directories to scores: one program per stage. Corpora call it from egs/*/run.sh.
set -euo pipefail

stage=0
stop_stage=9
nj=2
ngpu=0
datadir=data
expdir=exp
tag=default
data_cmd=
run_cmd=
python=${PYTHON:-python3}
train_set=train
valid_set=val
vae_test_set=vae_test
test_set=test
ref_set=test_ref
vae_config=configs/vae/small.yaml
train_config=configs/ditar/small.yaml
decode_config=
closed_set=
language=en-us

help_message="Usage: recipes/ditar.sh [options]   (relative paths start at the repository's root)

Stages: 0 data and validation, 1 phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score.
A finished stage leaves a marker in EXPDIR/TAG/.done that holds its command; a changed command runs again, and
so do the stages after it.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N                        processes of the stages that have several ($nj)
  --ngpu N                      0: train on the CPU ($ngpu)
  --datadir DIR                 where the Kaldi data directories are ($datadir)
  --expdir DIR --tag NAME       results go to EXPDIR/TAG ($expdir/$tag)
  --data-cmd CMD                stage 0: a command that makes the data directories (none: they are there)
  --run-cmd CMD                 put before every program, e.g. an srun line (none: run here)
  --python CMD                  interpreter ($python)
  --train-set, --valid-set, --vae-test-set, --test-set, --ref-set NAME
                                folders in DIR ($train_set $valid_set $vae_test_set $test_set $ref_set)
  --vae-config, --train-config FILE    configurations of the VAE and of DiTAR ($vae_config, $train_config)
  --decode-config FILE          options of recipes/decode.py, one line (none)
  --closed-set FILES            further sentences for closed-set recognition, separated by commas (none)
  --language NAME               espeak's name of the texts' language ($language)"

. "$(dirname "${BASH_SOURCE[0]}")/parse_options.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

exp=$expdir/$tag
mkdir -p "$exp/.done"

# step STAGE NAME COMMAND...: run one program, unless it has finished with the same command
step() {
    local number=$1 name=$2 marker="$exp/.done/$1-$2"
    shift 2
    if [ "$number" -lt "$stage" ] || [ "$number" -gt "$stop_stage" ]; then return 0; fi
    if [ -f "$marker" ] && [ "$(cat "$marker")" = "$*" ]; then
        echo "stage $number: $name is done already"
        return 0
    fi
    rm -f "$marker"
    local later
    for later in "$exp"/.done/*; do  # what was made from this step's old results is not done any more
        [ -f "$later" ] && [ "$(basename "$later" | cut -d- -f1)" -gt "$number" ] && rm -f "$later"
    done
    echo "stage $number: $name ($(date '+%F %T'))"
    local started=$SECONDS
    $run_cmd "$@"
    printf '%s\n' "$*" > "$marker"
    echo "stage $number: $name took $((SECONDS - started)) s"
}

device=()
if [ "$ngpu" -eq 0 ]; then device=(--cpu); fi
folders=()
for set in "$train_set" "$valid_set" "$vae_test_set" "$test_set" "$ref_set"; do folders+=("$datadir/$set"); done
decode_options=()
if [ -n "$decode_config" ]; then read -r -a decode_options < "$decode_config"; fi
closed_options=()
for file in ${closed_set//,/ }; do closed_options+=(--closed-set "$file"); done

if [ -n "$data_cmd" ]; then step 0 data bash -c "$data_cmd"; fi
step 0 validate "$python" recipes/validate_data.py "${folders[@]}" --manifests "$datadir/manifests"

for set in "$train_set" "$valid_set"; do
    step 1 "text-$set" "$python" recipes/prepare_text.py --data "$datadir/$set" --nj "$nj" \
        --language "$language" --skip-bad
done

step 2 vae "$python" recipes/train_vae.py --config "$vae_config" --train "$datadir/$train_set" \
    --valid "$datadir/$valid_set" --out "$exp/vae" "${device[@]}"
step 2 vae-acceptance "$python" recipes/accept_vae.py --vae "$exp/vae/final" --data "$datadir/$vae_test_set" \
    --out "$exp/vae/acceptance" --report-only

step 3 "latents-$train_set" "$python" recipes/extract_latents.py --vae "$exp/vae/final" --data "$datadir/$train_set" \
    --out "$exp/latents/$train_set" --statistics --skip-bad
step 3 "latents-$valid_set" "$python" recipes/extract_latents.py --vae "$exp/vae/final" --data "$datadir/$valid_set" \
    --out "$exp/latents/$valid_set" --skip-bad

step 4 ditar "$python" recipes/train_ditar.py --config "$train_config" --train "$exp/latents/$train_set" \
    --valid "$exp/latents/$valid_set" --vae "$exp/vae/final" --out "$exp/ditar" "${device[@]}"

step 6 export "$python" recipes/export.py --vae "$exp/vae/final" --ditar "$exp/ditar/final" --out "$exp/model"

step 7 decode "$python" recipes/decode.py --model "$exp/model" --data "$datadir/$test_set" \
    --references "$datadir/$ref_set" --out "$exp/decode" --language "$language" "${decode_options[@]}"

step 8 score "$python" -m ditar.cli evaluate "$exp/decode/wav" "$exp/decode/text" \
    --references "$exp/decode/references" --originals "$datadir/$test_set" --output "$exp/score" "${closed_options[@]}"
if [ "$stop_stage" -ge 8 ] && [ -f "$exp/score/score.md" ]; then cat "$exp/score/score.md"; fi
