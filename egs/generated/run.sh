#!/usr/bin/env bash
# The generated corpus: synthesisers' voices speak, a VAE and a DiTAR are trained on them, a held-out voice is cloned;
# with --baseline true also the discrete twin, and both are compared.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=0
stop_stage=9
nj=2
ngpu=0
datadir=$eg/data
expdir=$eg/exp
tag=
size=full
seed=0
clips=
vae_config=
train_config=
decode_config=
baseline=false
baseline_config=
codec_config=

help_message="Usage: egs/generated/run.sh [options]

Makes the corpus (flite, festival and espeak-ng speak; nothing is downloaded), trains, speaks and scores.
Stages: 0 corpus, 1 phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score. A second run resumes.
--baseline true adds stages 2 codec, 3 codes, 5 token LM, 6 to 8 of the discrete twin, and 9, the comparison.

  --size full|small             small: everything in some minutes, as a check ($size)
  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
  --datadir DIR --expdir DIR    where data and results go ($datadir/SIZE, $expdir/TAG)
  --tag NAME                    name of this experiment (the size)
  --seed N                      another seed makes another corpus ($seed)
  --clips DIR                   real speech (wav.scp, utt2spk; no transcripts) that joins the training set ($clips)
  --baseline true|false         also the discrete twin and the comparison ($baseline)
  --codec-config, --baseline-config FILE    of the twin, instead of those of conf/SIZE.sh
  --vae-config, --train-config, --decode-config FILE    instead of those of conf/SIZE.sh, from the working
                                directory or from the repository's root"

. "$root/recipes/parse_options.sh"
if [ ! -f "$eg/conf/$size.sh" ]; then
    echo "$0: --size must be full or small, got '$size'" >&2
    exit 1
fi
locate_files "$root" vae_config train_config decode_config codec_config baseline_config
chosen=("$vae_config" "$train_config" "$decode_config" "$codec_config" "$baseline_config")
. "$eg/conf/$size.sh"
datadir=$datadir/$size
locate_folders datadir expdir
if [ -n "$clips" ]; then
    locate_folders clips
    if [ ! -f "$clips/wav.scp" ] || [ ! -f "$clips/utt2spk" ]; then
        echo "$0: --clips: $clips has no wav.scp or no utt2spk" >&2
        exit 1
    fi
fi

tag=${tag:-$size}
train_config=${chosen[1]:-$train_config}
shared=(--stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" --run-cmd "$run_cmd"
    --train-cmd "$train_cmd" --datadir "$datadir" --expdir "$expdir" --tag "$tag"
    --closed-set egs/generated/local/decoys.txt)

data_cmd="$(quoted "$PYTHON") egs/generated/local/make_corpus.py --out $(quoted "$datadir") --nj $nj --seed $seed"
data_cmd+=" $corpus_options"
if [ -n "$clips" ]; then
    data_cmd+=" && $(quoted "$PYTHON") egs/generated/local/label_speech.py --clips $(quoted "$clips")"
    data_cmd+=" --out $(quoted "$datadir/clips") --nj $nj --seed $seed --add-to $(quoted "$datadir/train")"
fi
"$root/recipes/ditar.sh" --stage "$stage" "${shared[@]}" --data-cmd "$data_cmd" \
    --vae-config "${chosen[0]:-$vae_config}" --train-config "$train_config" --decode-config "${chosen[2]:-$decode_config}"
if [ "$baseline" != true ]; then exit 0; fi

baseline_config=${chosen[4]:-$baseline_config}
"$root/recipes/baseline.sh" --stage "$stage" "${shared[@]}" --codec-init "$expdir/$tag/vae/final" \
    --codec-config "${chosen[3]:-$codec_config}" --train-config "$baseline_config" \
    --decode-config "$baseline_decode_config"
if [ "$stop_stage" -ge 9 ]; then
    cd "$root"
    PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" egs/generated/local/compare.py --exp "$expdir/$tag" \
        --train-config "$train_config" --baseline-config "$baseline_config" --out "$expdir/$tag/comparison"
fi
