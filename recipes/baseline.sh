#!/usr/bin/env bash
# The discrete baseline from prepared data directories to scores: one program per stage, like recipes/ditar.sh.
set -euo pipefail

stage=2
stop_stage=9
nj=2
ngpu=0
datadir=data
expdir=exp
tag=default
run_cmd=
train_cmd=
python=${PYTHON:-python3}
train_set=train
valid_set=val
test_set=test
ref_set=test_ref
codec=
codebooks=
codec_init=
codec_config=configs/vae/rvq.yaml
train_config=configs/baseline/matched.yaml
decode_config=
closed_set=
language=en-us

help_message="Usage: recipes/baseline.sh [options]

Stages: 2 codec, 3 codes, 5 token LM, 6 export, 7 decode, 8 score. The data directories are those after stage 1 of
recipes/ditar.sh. Results go to EXPDIR/TAG/baseline, so that both systems of an experiment are in one folder. Stages,
processes, sets, commands and --language are given as for recipes/ditar.sh.

  --codec NAME                  a codec to use, a folder or a name on the hub; without one, stage 2 trains one
  --codebooks N                 how many to use of an EnCodec's or a Mimi's (a Mimi's: all)
  --codec-init DIR              a trained VAE that lends its encoder and decoder to the new codec (none)
  --codec-config, --train-config FILE   configurations of the codec and of the LM ($codec_config, $train_config)
  --decode-config FILE          options of recipes/decode.py, one line (none)

Relative paths start at the working directory, those of configurations and closed sets else at the repository's root."

. "$(dirname "${BASH_SOURCE[0]}")/parse_options.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
locate_folders datadir expdir codec_init
if [ -d "$codec" ]; then locate_folders codec; fi  # otherwise a name on the hub
locate_files "$root" codec_config train_config decode_config
closed_options=()
IFS=, read -r -a closed_sets <<< "$closed_set"
for closed_set in ${closed_sets[@]+"${closed_sets[@]}"}; do
    locate_files "$root" closed_set
    closed_options+=(--closed-set "$closed_set")
done
cd "$root"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

extras=(recipes baseline)
if [ "$stage" -le 8 ] && [ "$stop_stage" -ge 8 ]; then extras+=(eval); fi
"$python" recipes/check_extras.py "${extras[@]}"

exp=$expdir/$tag/baseline
. recipes/stages.sh

decode_options=()
if [ -n "$decode_config" ]; then read -r -a decode_options < "$decode_config" || true; fi  # perhaps without an end of line
# Of the stages that are asked for: what a later one would refuse after days of the others.
checked=(--language "$language")
if asks 2 && [ -z "$codec" ]; then checked+=(--codec-config "$codec_config"); fi
if asks 5; then checked+=(--baseline-config "$train_config"); fi
if asks 7 && [ -n "$decode_config" ]; then checked+=(--decode-options="${decode_options[*]}"); fi
"$python" recipes/check_settings.py "${checked[@]}"
mkdir -p "$exp/.done"
codebook_options=()
if [ -n "$codebooks" ]; then codebook_options=(--codebooks "$codebooks"); fi
init_options=()
if [ -n "$codec_init" ]; then init_options=(--init "$codec_init"); fi

if [ -z "$codec" ]; then
    codec=$exp/codec/final
    step 2 codec "${train[@]}" recipes/train_vae.py --config "$codec_config" --train "$datadir/$train_set" \
        --valid "$datadir/$valid_set" --out "$exp/codec" "${init_options[@]}" "${device[@]}"
fi

for set in "$train_set" "$valid_set"; do
    step 3 "codes-$set" "$python" recipes/extract_codes.py --codec "$codec" --data "$datadir/$set" \
        --out "$exp/codes/$set" --nj "$nj" --skip-bad "${codebook_options[@]}"
done

step 5 token-lm "${train[@]}" recipes/train_baseline.py --config "$train_config" --train "$exp/codes/$train_set" \
    --valid "$exp/codes/$valid_set" --codec "$codec" --out "$exp/lm" "${device[@]}"

step 6 export "$python" recipes/export.py --codec "$codec" --token-lm "$exp/lm/final" --out "$exp/model"

step 7 decode "$python" recipes/decode.py --model "$exp/model" --data "$datadir/$test_set" \
    --references "$datadir/$ref_set" --out "$exp/decode" --language "$language" --skip-bad "${decode_options[@]}"

step 8 score "$python" -m ditar.cli evaluate "$exp/decode/wav" "$exp/decode/text" \
    --references "$exp/decode/references" --originals "$datadir/$test_set" --output "$exp/score" "${closed_options[@]}"
