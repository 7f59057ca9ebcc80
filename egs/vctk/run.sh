#!/usr/bin/env bash
# VCTK 0.92: 110 speakers, 44 hours, 48 kHz; some speakers are left out of training. With --init it fine-tunes a model.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=-1
stop_stage=9
nj=8
ngpu=1
corpus=$eg/downloads/VCTK-Corpus-0.92
datadir=$eg/data
expdir=$eg/exp
tag=
val_speakers=4
test_speakers=8
skip_bad=false
init=
vae_config=configs/vae/paper.yaml
train_config=
decode_config=$eg/conf/decode.txt

help_message="Usage: egs/vctk/run.sh [options]

Stages: -1 download (11 GB), 0 data, 1 audio and phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score.
A second run resumes. The last speakers by name are held out; sentences that training speakers say too are in neither
held-out set (conf/sets.txt limits their size).

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
  --corpus DIR                  VCTK in its own layout; fetched by stage -1 if it is missing ($corpus)
  --val-speakers N --test-speakers N    speakers left out of training ($val_speakers, $test_speakers)
  --skip-bad                    leave out what has no audio or no text; otherwise stage 0 names it and stops
  --init MODEL                  fine-tune this model; 'shipped' is the one inside the package
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment (scratch, or finetune with --init)
  --vae-config, --train-config, --decode-config FILE    from the working directory, or from the repository's root
                                ($vae_config; configs/ditar/0.1b.yaml, or configs/ditar/finetune.yaml with --init)"

. "$root/recipes/parse_options.sh"
locate_folders corpus datadir
if [ -n "$init" ]; then default=(finetune configs/ditar/finetune.yaml); else default=(scratch configs/ditar/0.1b.yaml); fi

if [ "$stage" -le -1 ] && [ "$stop_stage" -ge -1 ] && [ ! -f "$corpus/speaker-info.txt" ]; then
    "$PYTHON" "$root/recipes/download_corpus.py" --corpus vctk --out "$(dirname "$corpus")"
fi

skip=
if [ "$skip_bad" = true ]; then skip=' --skip-bad'; fi
exec "$root/recipes/ditar.sh" \
    --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" \
    --run-cmd "$run_cmd" --train-cmd "$train_cmd" --init "$init" \
    --raw-datadir "$datadir/raw" --datadir "$datadir/24k" --expdir "$expdir" --tag "${tag:-${default[0]}}" \
    --data-cmd "'$PYTHON' recipes/lhotse_to_kaldi.py --corpus vctk --folder '$corpus' --out '$datadir/raw'$skip --hold-out speakers --val $val_speakers --test $test_speakers $(cat "$eg/conf/sets.txt")" \
    --vae-test-set test --ref-set test --vae-config "$vae_config" --train-config "${train_config:-${default[1]}}" \
    --decode-config "$decode_config"
