#!/usr/bin/env bash
# LibriSpeech-PC test-clean, the shared cross-sentence list: 1,127 sentences, each in the voice of another sentence of
# its speaker. Nothing is trained; any exported model is evaluated.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=-1
stop_stage=9
model=shipped
corpus=$eg/downloads/LibriSpeech
list=$eg/downloads/librispeech_pc_test_clean_cross_sentence.lst
part=test-clean
real=
datadir=$eg/data
expdir=$eg/exp
tag=
nj=4
decode_config=$eg/conf/decode.txt
evaluate_options=
skip_bad=false
mirror=

help_message="Usage: egs/librispeech_pc/run.sh [options]

Stages: -1 download (0.35 GB of LibriSpeech and the list), 0 data, 7 decode, 8 score; the others do nothing here. A
second run resumes download and decoding; data and scores are made anew.
A line of the list has six fields separated by tabs: name, seconds and text of the reference, and of the target.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --model DIR                   the model to evaluate: a folder of recipes/export.py, or '$model', inside the package
                                (the default)
  --corpus DIR                  LibriSpeech in its own layout; fetched by stage -1 if it is missing ($corpus)
  --part NAME --list FILE       part of it ($part), and the list; fetched by stage -1 if it is missing ($list)
  --real \"[NAME=]DIR ...\"       instead of --corpus: corpora in a layout that ditar/data/corpora.py knows, with some
                                of the recordings; lines with an existing reference are spoken, and scored without
                                recordings of what they say
  --skip-bad                    leave out what has no audio or no text; otherwise stage 0 names it and stops
  --mirror URL                  another place than openslr.org/resources to fetch LibriSpeech from
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment (the name of the model's folder, or 'shipped')
  --nj N                        processes of stage 0 ($nj)
  --decode-config FILE          options of recipes/decode.py, one line ($decode_config)
  --evaluate-options OPTIONS    of ditar evaluate, e.g. which recogniser and which speaker embedder (its defaults)"

. "$root/recipes/parse_options.sh"
if [ "$model" = shipped ]; then
    model=$root/ditar/assets/model
    tag=${tag:-shipped}
fi
locate_folders model corpus list datadir expdir
locate_files "$root" decode_config
if [ ! -f "$model/model_index.json" ]; then
    echo "$0: --model: $model holds no model_index.json; give a folder of recipes/export.py" >&2
    exit 1
fi
folders=$real
locate_corpora folders
exp=$expdir/${tag:-$(basename "$model")}
cd "$root"
run() { if [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; then $run_cmd "$PYTHON" "${@:2}"; fi; }

"$PYTHON" recipes/check_extras.py recipes eval
if [ -z "$real" ] && [ ! -d "$corpus/$part" ]; then
    run -1 recipes/download_corpus.py --corpus librispeech --out "$(dirname "$corpus")" --parts "$part" \
        ${mirror:+--mirror "$mirror"}
fi
if [ ! -f "$list" ]; then run -1 egs/librispeech_pc/local/fetch_list.py --out "$list"; fi

originals=()
if [ -n "$real" ]; then
    run 0 egs/librispeech_pc/local/cross_sentence.py --real "$folders" --list "$list" --out "$datadir"
else
    originals=(--originals "$datadir/test")
    skip=()
    if [ "$skip_bad" = true ]; then skip=(--skip-bad); fi
    run 0 recipes/lhotse_to_kaldi.py --corpus librispeech --folder "$corpus" --out "$datadir" --nj "$nj" \
        --set "all=$part" "${skip[@]}"
    run 0 egs/librispeech_pc/local/cross_sentence.py --data "$datadir/all" --list "$list" --out "$datadir"
    run 0 -m ditar.cli validate-data "$datadir/test"
fi
run 0 -m ditar.cli validate-data "$datadir/test_ref"

run 7 recipes/decode.py --model "$model" --data "$datadir/test" --references "$datadir/test_ref" --out "$exp/decode" \
    $(cat "$decode_config")

run 8 -m ditar.cli evaluate "$exp/decode/wav" "$exp/decode/text" --references "$exp/decode/references" \
    "${originals[@]}" --output "$exp/score" $evaluate_options
