#!/usr/bin/env bash
# The bars that a model of natural speech is held to: each of their tests, and a table of figures beside bars.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

every="real untranscribed book default teacher vae_real vae_teacher"  # those that take long begin
model=
out=
real=
teacher=$eg/data/full/teacher
only=$every
nj=2
outputs=
seed=0
temperature=
guidance_scale=
batch_size=4
voice=
adapt=false
metrics=words,similarity,distillmos,outputs
recogniser=faster-whisper

help_message="Usage: egs/natural/bars.sh MODEL OUT [options]

Speaks and judges what a model (a folder of recipes/export.py) must reach, from first attempts only, and writes
OUT/bars.md and OUT/bars.json. A second run keeps what is finished and goes on with the rest, sentence by sentence; for
other weights everything is made anew. What each part says while it works: OUT/PART/log.

  vae_teacher, vae_real         the VAE alone: 60 clips of the teacher's held-out voices, and of real people
  default                       the default voice, 100 sentences of egs/generated/local/heldout.txt
  teacher                       the teacher's six held-out voices, 60 sentences
  real                          20 real people, five outputs each: words of one recording in the voice of another one
  untranscribed                 the same, as if nobody knew what is said in the reference
  book                          ten minutes in one real voice; needs a model whose alignment is monotonic

  --real \"[NAME=]DIR ...\"       real speech: folders of corpora, or corpora, in a layout of ditar/data/corpora.py,
                                with those of conf/test_corpora.txt; needed by real, untranscribed, book and vae_real
  --teacher DIR                 where stage 0 of run.sh put the teacher's test and test_ref; needed by teacher and
                                vae_teacher ($teacher)
  --only \"NAME ...\"             these parts only (all)
  --nj N                        parts at a time, each on one thread ($nj)
  --outputs N                   at most so many outputs of a part, to try it; bars are for all of them
  --seed N                      of all outputs ($seed)
  --temperature T --guidance-scale G    instead of the model's own
  --voice NAME|FILE             instead of the default voice
  --adapt true                  learn each voice from its clip first, which needs what is said in it: not for
                                untranscribed, which --only leaves out then
  --batch-size N                outputs that a part speaks at the same time ($batch_size)
  --metrics NAME,... --recogniser NAME  of ditar evaluate ($metrics; $recogniser)"

for name in model out; do
    if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
        printf -v "$name" '%s' "$1"
        shift
    fi
done
. "$root/recipes/parse_options.sh"
if [ -z "$model" ] || [ -z "$out" ]; then
    echo "$0: give a model and a folder for results; see --help" >&2
    exit 1
fi
locate_folders model out teacher
if [ ! -f "$model/model_index.json" ]; then
    echo "$0: $model holds no model_index.json; give a folder of recipes/export.py" >&2
    exit 1
fi
only=${only//,/ }
for part in $only; do
    if [[ " $every " != *" $part "* ]]; then
        echo "$0: --only: there is no part '$part'; choose from $every" >&2
        exit 1
    fi
done
learning=() learning_command=(--no-adapt)
if [ "$adapt" = true ]; then
    learning=(--adapt) learning_command=(--adapt)
    if [ "$only" = "$every" ]; then only=${only/untranscribed /}; fi
    if [[ " $only " = *" untranscribed "* ]]; then
        echo "$0: --adapt true: the part untranscribed has no transcripts to learn from; leave it out of --only" >&2
        exit 1
    fi
fi
folders=$real
locate_corpora folders
if [ -f "$voice" ]; then locate_folders voice; fi
cd "$root"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
"$PYTHON" recipes/check_extras.py recipes eval

mkdir -p "$out"
digests=$(cd "$model" && find . -type f -name '*.[sj]*' -print0 | sort -z | xargs -0 sha256sum)
if [ -f "$out/model.sha256" ] && [ "$(cat "$out/model.sha256")" != "$digests" ]; then
    echo "$0: $out is of other weights than those in $model now; all of it is made anew" >&2
    rm -f "$out"/*/.done/*
fi
printf '%s\n' "$digests" > "$out/model.sha256"

stage=0
stop_stage=8
ngpu=0
python=$PYTHON
bars=egs/natural/local/bars.py
sampling=(${temperature:+--temperature "$temperature"} ${guidance_scale:+--guidance-scale "$guidance_scale"})
speaking=("${sampling[@]}" --max-retries 0 --seed "$seed" --threads 1)
limit=(${outputs:+--outputs "$outputs"})
judging=(--recogniser "$recogniser" --normaliser whisper --threads 1)

evaluate() { step 8 score "$python" -m ditar.cli evaluate "$@" --output "$exp/score" "${judging[@]}"; }

speak_part() {
    local part=$1 exp=$out/$1
    mkdir -p "$exp/.done"
    . recipes/stages.sh
    step 0 data "$python" $bars data --part "$part" --out "$exp" --real "$folders" --teacher "$teacher" "${limit[@]}"
    case $part in
        vae_*)
            step 1 audio "$python" recipes/prepare_audio.py --data "$exp/data" --out "$exp/prepared" --nj 1
            step 2 resynthesis "$python" recipes/accept_vae.py --vae "$model/vae" --data "$exp/prepared" \
                --out "$exp" --report-only --recogniser "$recogniser"
            evaluate "$exp/resynthesis" "$exp/prepared/text" --references "$exp/original" \
                --originals "$exp/original" --metrics "$metrics"
            ;;
        default)  # no bar of similarity; nor of the book's DistillMOS, which takes long of a minute
            step 7 speak "$python" -m ditar.cli synthesize --model "$model" --text-file "$exp/list.txt" \
                --list-format tab --output-dir "$exp/wav" --batch-size "$batch_size" \
                ${voice:+--voice "$voice"} "${learning_command[@]}" "${speaking[@]}"
            evaluate "$exp/wav" --metrics "${metrics//similarity/outputs}"
            ;;
        book)
            local clip said
            clip=$(cut -d' ' -f2- "$exp/references/wav.scp")
            said=$(cut -d' ' -f2- "$exp/references/text")
            step 7 speak "$python" -m ditar.cli synthesize --model "$model" --text-file "$exp/book.txt" \
                --output "$exp/book.wav" --timestamps "$exp/book.json" --prompt-audio "$clip" --prompt-text "$said" \
                --batch-size "$batch_size" "${learning_command[@]}" "${speaking[@]}"
            step 7 minutes "$python" $bars minutes --audio "$exp/book.wav" --times "$exp/book.json" \
                --out "$exp/minutes" "${limit[@]}"
            evaluate "$exp/minutes" --references "$exp/references" --metrics "${metrics//distillmos/outputs}"
            ;;
        *)
            local transcripts=()
            if [ "$part" = untranscribed ]; then transcripts=(--no-transcripts); fi
            step 7 speak "$python" recipes/decode.py --model "$model" --data "$exp/data" \
                --references "$exp/references" --out "$exp/decode" --batch-size "$batch_size" "${transcripts[@]}" \
                "${learning[@]}" "${speaking[@]}"
            evaluate "$exp/decode/wav" "$exp/decode/text" --references "$exp/decode/references" \
                --originals "$exp/data" --metrics "$metrics"
            ;;
    esac
}

declare -A working=()
failed=()
finish() {  # wait for any of the parts, and note whether it failed
    local done_pid status=0
    wait -n -p done_pid || status=$?
    if [ "$status" -ne 0 ]; then
        failed+=("${working[$done_pid]}")
        echo "$0: ${working[$done_pid]} failed: $(tail -n 3 "$out/${working[$done_pid]}/log")" >&2
    else
        echo "${working[$done_pid]} is done ($SECONDS s)"
    fi
    unset "working[$done_pid]"
}
for part in $only; do
    if [ "${#working[@]}" -ge "$nj" ]; then finish; fi
    mkdir -p "$out/$part"
    speak_part "$part" > "$out/$part/log" 2>&1 &
    working[$!]=$part
done
while [ "${#working[@]}" -gt 0 ]; do finish; done

status=0
"$PYTHON" $bars table --model "$model" --out "$out" "${limit[@]}" "${learning[@]}" || status=1  # of what is finished
if [ "${#failed[@]}" -gt 0 ]; then
    echo "$0: not finished: ${failed[*]}; the same command goes on from there" >&2
    exit 1
fi
exit "$status"
