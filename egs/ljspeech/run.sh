#!/usr/bin/env bash
# LJ Speech: one voice, 24 hours. Trains from nothing, or with --init fine-tunes a model on it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=-1
stop_stage=9
nj=4
ngpu=1
corpus=$eg/downloads/LJSpeech-1.1
datadir=$eg/data
expdir=$eg/exp
tag=
val=100
test=100
skip_bad=false
init=
vae_config=configs/vae/paper.yaml
train_config=
decode_config=$eg/conf/decode.txt

help_message="Usage: egs/ljspeech/run.sh [options]

Stages: -1 download (2.6 GB), 0 data, 1 audio and phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score.
A second run resumes.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
  --corpus DIR                  LJSpeech-1.1 in its own layout; fetched by stage -1 if it is missing ($corpus)
  --val N --test N              utterances left out of training ($val, $test)
  --skip-bad                    leave out what has no audio or no text; otherwise stage 0 names it and stops
  --init MODEL                  fine-tune this model; 'shipped' is the one inside the package
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment (scratch, or finetune with --init)
  --vae-config, --train-config, --decode-config FILE    from the working directory, or from the repository's root
                                ($vae_config; configs/ditar/0.1b.yaml, or configs/ditar/finetune.yaml with --init)"

. "$root/recipes/parse_options.sh"
locate_folders corpus datadir
if [ -n "$init" ]; then default=(finetune configs/ditar/finetune.yaml); else default=(scratch configs/ditar/0.1b.yaml); fi

if [ "$stage" -le -1 ] && [ "$stop_stage" -ge -1 ] && [ ! -f "$corpus/metadata.csv" ]; then
    "$PYTHON" "$root/recipes/download_corpus.py" --corpus ljspeech --out "$(dirname "$corpus")"
fi

skip=
if [ "$skip_bad" = true ]; then skip=' --skip-bad'; fi
exec "$root/recipes/ditar.sh" \
    --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" \
    --run-cmd "$run_cmd" --train-cmd "$train_cmd" --init "$init" \
    --raw-datadir "$datadir/raw" --datadir "$datadir/24k" --expdir "$expdir" --tag "${tag:-${default[0]}}" \
    --data-cmd "'$PYTHON' recipes/lhotse_to_kaldi.py --corpus ljspeech --folder '$corpus' --out '$datadir/raw'$skip --hold-out utterances --val $val --test $test" \
    --vae-test-set test --ref-set val --vae-config "$vae_config" --train-config "${train_config:-${default[1]}}" \
    --decode-config "$decode_config"
