# Sourced after path.sh and cmd.sh by the run.sh of a corpus that is fetched whole: the common options, with their help,
# and what follows the options.
stage=-1
stop_stage=9
nj=4
ngpu=1
corpus=
datadir=$eg/data
expdir=$eg/exp
tag=
init=
align=
vae_config=configs/vae/paper.yaml
train_config=
decode_config=$eg/conf/decode.txt

# corpus_help SUMMARY TAG CONFIG OPTIONS: the whole help message; OPTIONS are lines on the corpus's own.
corpus_help() {
    help_message="Usage: egs/$(basename "$eg")/run.sh [options]

Stages: -1 download, 0 data, 1 audio and phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score.
A second run resumes. $1

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
$4
  --init MODEL                  fine-tune this model; 'shipped' is the one inside the package
  --align true|false            find phone times, which models with monotonic alignment need (true with --init)
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment ($2 with --init)
  --vae-config, --train-config, --decode-config FILE    from the working directory, or from the repository's root
                                ($vae_config; $3, or configs/ditar/finetune.yaml with --init)"
}

# fetch_corpus NAME [OPTION...]: at stage -1 recipes/download_corpus.py puts it at --corpus.
fetch_cmd=
fetch_corpus() {
    local word
    for word in "$PYTHON" recipes/download_corpus.py --corpus "$1" --out "$(dirname "$corpus")" "${@:2}"; do
        fetch_cmd+="$(quoted "$word") "
    done
}

# train_on_corpus TAG FINETUNE_TAG CONFIG REF_SET NAME OPTIONS: all stages from 0 on. The tags and the configuration are
# defaults; NAME and OPTIONS are lhotse_to_kaldi.py's.
train_on_corpus() {
    local default=("$1" "$3") data_cmd
    data_cmd="$(quoted "$PYTHON") recipes/lhotse_to_kaldi.py --corpus $5 --folder $(quoted "$corpus")"
    data_cmd+=" --out $(quoted "$datadir/raw") $6"
    if [ -n "$init" ]; then
        default=("$2" configs/ditar/finetune.yaml)
        align=${align:-true}
    fi
    exec "$root/recipes/ditar.sh" \
        --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" \
        --run-cmd "$run_cmd" --train-cmd "$train_cmd" --init "$init" --align "${align:-false}" \
        --raw-datadir "$datadir/raw" --datadir "$datadir/24k" --expdir "$expdir" --tag "${tag:-${default[0]}}" \
        --fetch-cmd "$fetch_cmd" --data-cmd "$data_cmd" \
        --vae-test-set test --ref-set "$4" --vae-config "$vae_config" --train-config "${train_config:-${default[1]}}" \
        --decode-config "$decode_config"
}
