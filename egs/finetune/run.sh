#!/usr/bin/env bash
# What fine-tuning on a few minutes of a voice gains: each voice is split, `ditar finetune` learns it, and sentences that
# were left out are spoken by the base and by the result, and scored.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=0
stop_stage=9
model=shipped
voices=
ranks="0 16"
finetune_options=
decode_config=$eg/conf/decode.txt
evaluate_options=
datadir=$eg/data
expdir=$eg/exp
tag=

help_message="Usage: egs/finetune/run.sh --voices \"NAME=DIR ...\" [options]

Stages: 0 split, 4 fine-tune, 7 speak, 8 score, 9 table (EXPDIR/TAG/RESULTS.md). A second run resumes fine-tuning and
speaking; data and scores are made anew.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --voices \"NAME=DIR ...\"       folders of recordings in a layout that 'ditar finetune' reads; NAME=DIR:SPEAKER takes one
                                speaker of several
  --model DIR                   the base: a folder of recipes/export.py, or 'shipped', inside the package ($model)
  --ranks \"N ...\"               of adapters; 0: all weights are trained ($ranks)
  --finetune-options OPTIONS    more of ditar finetune's
  --decode-config FILE          options of recipes/decode.py, one line ($decode_config)
  --evaluate-options OPTIONS    of ditar evaluate, e.g. which recogniser
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment (the name of the model's folder, or 'shipped')"

. "$root/recipes/parse_options.sh"
if [ "$model" = shipped ]; then
    model=$root/ditar/assets/model
    tag=${tag:-shipped}
fi
locate_folders model datadir expdir
locate_files "$root" decode_config
locate_corpora voices
if [ -z "$voices" ]; then
    echo "$0: --voices is missing; give \"NAME=DIR ...\"" >&2
    exit 1
fi
exp=$expdir/${tag:-$(basename "$model")}
cd "$root"
run() { if [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; then $run_cmd "$PYTHON" "${@:2}"; fi; }

"$PYTHON" recipes/check_extras.py finetune
names=()
kinds=()
several=("$voices")
if ! one_folder "$voices"; then read -r -a several <<< "$voices"; fi
for rank in $ranks; do if [ "$rank" -eq 0 ]; then kinds+=(full); else kinds+=("lora$rank"); fi; done
for voice in "${several[@]}"; do
    name=${voice%%=*}
    folder=${voice#*=}
    speaker=()
    if [[ "$folder" == *:* ]]; then
        speaker=(--speaker "${folder##*:}")
        folder=${folder%:*}
    fi
    names+=("$name")
    data=$datadir/$name
    skip=()
    if [[ " $finetune_options " == *" --skip-bad "* ]]; then skip=(--skip-bad); fi
    run 0 egs/finetune/local/split.py --folder "$folder" "${speaker[@]}" --name "$name" --out "$data" "${skip[@]}"
    run 7 recipes/decode.py --model "$model" --data "$data/test" --references "$data/reference" \
        --out "$exp/$name/before" $(cat "$decode_config")
    for number in "${!kinds[@]}"; do
        out=$exp/$name/${kinds[number]}
        rank=$(echo "$ranks" | awk -v n=$((number + 1)) '{print $n}')
        tuned=(--model "$out/model")
        lora=()
        if [ "$rank" -gt 0 ]; then
            tuned=(--model "$model" --adapter "$out/model")
            lora=(--lora "$rank")
        fi
        run 4 -m ditar.cli finetune "$data/train" --output "$out/model" --model "$model" "${lora[@]}" $finetune_options
        run 7 recipes/decode.py "${tuned[@]}" --data "$data/test" --references "$data/reference" --out "$out/decode" \
            $(cat "$decode_config")
        run 8 -m ditar.cli evaluate "$out/decode/wav" "$out/decode/text" --references "$out/decode/references" \
            --originals "$data/test" --against "$exp/$name/before/wav" --output "$out/score" $evaluate_options
    done
done
run 9 egs/finetune/local/table.py --exp "$exp" --voices "$(IFS=,; echo "${names[*]}")" \
    --kinds "$(IFS=,; echo "${kinds[*]}")" --out "$exp/RESULTS.md"
