#!/usr/bin/env bash
# The paper's ablations in small: patch size (Fig. 3), history (Table 5), h-dropout; models of 2 M parameters, four
# voices, short utterances, equal training FLOPs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=0
stop_stage=9
nj=2
corpus=$eg/data/ablation
model=shipped
expdir=$eg/exp/ablation
studies=patch,history,h_dropout
seeds=0,1,2
train_config=configs/ditar/ablation.yaml
speakers=slt000,rms000,awb000,kal000

help_message="Usage: egs/generated/ablate.sh [options]

Stages: 0 corpus and its part of few voices and short utterances, 1 phonemes, 3 latents, 4 points (train, decode, score
each), 9 table and plot. Finished points are skipped, and interrupted ones are resumed.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N                        processes of stages 0 to 3 ($nj)
  --corpus DIR                  these voices' part of the generated corpus, or all of it; made where missing ($corpus)
  --model DIR                   whose VAE encodes and decodes; 'shipped' is the one inside the package ($model)
  --expdir DIR                  where data and results go ($expdir)
  --studies NAME,NAME           of patch, history, h_dropout ($studies)
  --seeds N,N                   training seeds of each point ($seeds)
  --train-config FILE           the base point ($train_config)
  --speakers NAME,NAME          who speaks ($speakers)"

. "$root/recipes/parse_options.sh"
if [ "$model" = shipped ]; then model=$root/ditar/assets/model; fi
locate_folders corpus model expdir
locate_files "$root" train_config
if [ ! -d "$model/vae" ]; then
    echo "$0: --model: $model is not a model (no vae/ in it); give a folder of recipes/export.py" >&2
    exit 1
fi
cd "$root"
run() { if [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; then $run_cmd "${@:2}"; fi; }
part=(run 0 "$PYTHON" recipes/subset_data.py --max-seconds 3)

"$PYTHON" recipes/check_extras.py recipes eval
if [ ! -d "$corpus/test_ref" ]; then run 0 "$PYTHON" egs/generated/local/make_corpus.py --out "$corpus" --nj "$nj" \
    --voices "$speakers" --utterances 4000 --val 8 --vae-test 200; fi
"${part[@]}" --data "$corpus/train" --out "$expdir/data/train" --speakers "$speakers"
# Sentences in no other split, by the same voices: validation, and the clips to clone.
"${part[@]}" --data "$corpus/vae_test" --out "$expdir/data/val" --speakers "$speakers" --min-seconds 1.2
"${part[@]}" --data "$corpus/test" --out "$expdir/data/test" --most 60
run 0 cp -rT "$model/vae" "$expdir/vae"  # stage 3 writes its statistics into it

for set in train val; do
    run 1 "$PYTHON" recipes/prepare_text.py --data "$expdir/data/$set" --nj "$nj"
done
extract=(run 3 "$PYTHON" recipes/extract_latents.py --vae "$expdir/vae" --nj "$nj")
"${extract[@]}" --data "$expdir/data/train" --out "$expdir/latents/train" --statistics
"${extract[@]}" --data "$expdir/data/val" --out "$expdir/latents/val"

run 4 "$PYTHON" recipes/ablate.py --config "$train_config" --latents "$expdir/latents" --vae "$expdir/vae" \
    --data "$expdir/data/test" --references "$expdir/data/val" --out "$expdir" --studies "$studies" --seeds "$seeds" \
    --closed-set egs/generated/local/decoys.txt

run 9 "$PYTHON" recipes/ablation_table.py --points "$expdir/points" --out "$expdir"
