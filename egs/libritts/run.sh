#!/usr/bin/env bash
# LibriTTS (or LibriTTS-R): 24 kHz, read by 2,456 speakers; the main open corpus of several voices.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=-1
stop_stage=9
nj=16
ngpu=8
edition=libritts
corpus=
parts=train-clean-100,train-clean-360
datadir=$eg/data
expdir=$eg/exp
tag=
init=
mirror=
vae_config=configs/vae/paper.yaml
train_config=
decode_config=$eg/conf/decode.txt

help_message="Usage: egs/libritts/run.sh [options]

Stages: -1 download, 0 data, 1 audio and phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score. A second run
resumes. Trains on --parts, validates on dev-clean, and speaks sentences of test-clean in the voices of its
speakers (conf/sets.txt limits both).

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
  --edition NAME                libritts, or librittsr: the same utterances restored ($edition)
  --parts PART,PART             parts to train on ($parts; 35 GB; train-other-500 has 44 GB more)
  --corpus DIR                  LibriTTS in its own layout; parts that it lacks are fetched by stage -1
                                ($eg/downloads/LibriTTS, or LibriTTS_R)
  --mirror URL                  another place than openslr.org/resources to fetch from
  --init MODEL                  fine-tune this model; 'shipped' is the one inside the package
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment (EDITION, or EDITION-finetune with --init)
  --vae-config, --train-config, --decode-config FILE    from the working directory, or from the repository's root
                                ($vae_config; configs/ditar/0.4b.yaml, or configs/ditar/finetune.yaml with --init)"

. "$root/recipes/parse_options.sh"
case $edition in
    libritts) corpus=${corpus:-$eg/downloads/LibriTTS} ;;
    librittsr) corpus=${corpus:-$eg/downloads/LibriTTS_R} ;;
    *)
        echo "$0: --edition must be libritts or librittsr, got '$edition'" >&2
        exit 1
        ;;
esac
locate_folders corpus datadir
if [ -n "$init" ]; then default=(-finetune configs/ditar/finetune.yaml); else default=('' configs/ditar/0.4b.yaml); fi

lacking=
for part in ${parts//,/ } dev-clean test-clean; do
    if [ ! -d "$corpus/$part" ]; then lacking+=,$part; fi
done
if [ "$stage" -le -1 ] && [ "$stop_stage" -ge -1 ] && [ -n "$lacking" ]; then
    "$PYTHON" "$root/recipes/download_corpus.py" --corpus "$edition" --out "$(dirname "$corpus")" --parts "$lacking" \
        ${mirror:+--mirror "$mirror"}
fi

exec "$root/recipes/ditar.sh" \
    --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" \
    --run-cmd "$run_cmd" --train-cmd "$train_cmd" --init "$init" \
    --raw-datadir "$datadir/raw" --datadir "$datadir/24k" --expdir "$expdir" --tag "${tag:-$edition${default[0]}}" \
    --data-cmd "'$PYTHON' recipes/lhotse_to_kaldi.py --corpus $edition --folder '$corpus' --out '$datadir/raw' --nj $nj --skip-bad --set train=$parts --set val=dev-clean --set test=test-clean $(cat "$eg/conf/sets.txt")" \
    --vae-test-set test --ref-set test --vae-config "$vae_config" --train-config "${train_config:-${default[1]}}" \
    --decode-config "$decode_config"
