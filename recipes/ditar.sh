#!/usr/bin/env bash
# The continuous system from data directories to scores: one program per stage. Corpora call it from egs/*/run.sh.
set -euo pipefail

stage=0
stop_stage=9
nj=2
ngpu=0
datadir=data
raw_datadir=
init=
vae=
init_lm=
tokenizer=
expdir=exp
tag=default
fetch_cmd=
data_cmd=
run_cmd=
train_cmd=
python=${PYTHON:-python3}
train_set=train
valid_set=val
vae_test_set=vae_test
test_set=test
ref_set=test_ref
audio_set=
align=
vae_config=configs/vae/small.yaml
vae_decoder_config=
train_config=
last_config=
decode_config=
temperature=
guidance_scale=
guidance_rise=
steps=
time_grid=
closed_set=
recogniser=
listen_speakers=
language=en-us

help_message="Usage: recipes/ditar.sh [options]

Stages: 0 data and validation, 1 audio and phonemes, 2 VAE, 3 latents, 4 DiTAR, 6 export, 7 decode, 8 score.
A finished stage leaves a marker in EXPDIR/TAG/.done that holds its command; a changed command runs again, and
so do the stages after it.

  --stage N --stop-stage N      first and last stage ($stage, $stop_stage)
  --nj N                        processes of the stages that have several ($nj)
  --ngpu N                      0: train on the CPU; more than 1: accelerate on as many GPUs ($ngpu)
  --datadir DIR                 where the Kaldi data directories are ($datadir)
  --raw-datadir DIR             data directories of any audio: stage 1 makes those of --datadir, mono 24 kHz, trimmed
                                and levelled as references are
  --init MODEL                  fine-tune this model (a folder of export.py, or 'shipped'): its VAE and statistics are
                                not changed
  --vae DIR                     a DiTAR from nothing on this VAE of a trained model, or 'shipped', which is not changed
  --init-lm DIR|HUB-ID          the LM begins as this Qwen2, whose shape --train-config has (none)
  --tokenizer FILE              tokenizer.json of --init-lm: the model reads its subwords and not phonemes (none)
  --expdir DIR --tag NAME       results go to EXPDIR/TAG ($expdir/$tag)
  --fetch-cmd CMD               stage -1: a command that fetches the corpus, after all settings are checked (none)
  --data-cmd CMD                stage 0: a command that makes the data directories (none: they exist)
  --run-cmd CMD                 put before every program, e.g. an srun line (none: run here)
  --train-cmd CMD               runs training programs, e.g. srun ... recipes/slurm_launch.sh (see --ngpu)
  --python CMD                  interpreter ($python)
  --train-set, --valid-set, --vae-test-set, --test-set, --ref-set NAME
                                folders in DIR ($train_set $valid_set $vae_test_set $test_set $ref_set)
                                several test sets, with as many reference sets, are separated by commas: the first is
                                spoken in EXPDIR/TAG/decode and scored in score, others in decode_NAME and score_NAME
  --audio-set NAME              a folder in DIR of audio without text (wav.scp), on which the VAE is trained too (none)
  --align true|false            stage 1 finds phone times for corpora without them, as models with monotonic alignment
                                need, configs/ditar/natural.yaml among them (false; true with --init)
  --vae-config, --train-config FILE    configurations of the VAE and of DiTAR ($vae_config, configs/ditar/small.yaml;
                                configs/ditar/finetune.yaml with --init)
  --vae-decoder-config FILE     a second phase of the VAE, which starts from the first, e.g. only its decoder (none)
  --last-config FILE            a last phase of DiTAR, which starts from the result of --train-config (none)
  --temperature T --guidance-scale S --guidance-rise R --steps N --time-grid NAME
                                what the model speaks at unless it is told otherwise (those of --init, or 1, 2, 1, 10 and
                                uniform)
  --decode-config FILE          options of recipes/decode.py, one line (none)
  --recogniser NAME             who hears words in training and scoring, as of 'ditar evaluate'; other languages than
                                English need a multilingual Whisper (what is installed; see its --help)
  --closed-set FILES            further sentences for closed-set recognition, separated by commas (none)
  --listen-speakers FILE        validation speakers, one a line, whom training listens to; their similarity is to the
                                clips of the validation set (all of them, with clips decoded by the VAE)
  --language NAME               espeak's name of the texts' language ($language)

Relative paths start at the working directory, those of configurations and closed sets else at the repository's root."

. "$(dirname "${BASH_SOURCE[0]}")/parse_options.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
if [ "$init" = shipped ]; then init=$root/ditar/assets/model; fi
if [ "$vae" = shipped ]; then vae=$root/ditar/assets/model/vae; fi
locate_folders datadir raw_datadir init vae expdir
if [ -d "$init_lm" ]; then locate_folders init_lm; fi
if [ -n "$init" ]; then default=(true configs/ditar/finetune.yaml); else default=(false configs/ditar/small.yaml); fi
align=${align:-${default[0]}}
train_config=${train_config:-${default[1]}}
locate_files "$root" vae_config vae_decoder_config train_config last_config decode_config listen_speakers tokenizer
if [ -n "$init" ] && [ -n "$init_lm" ]; then
    echo "$0: --init and --init-lm both give weights to begin with; give one" >&2
    exit 1
fi
if [ -n "$vae" ] && { [ -n "$init" ] || [ ! -f "$vae/config.json" ]; }; then
    echo "$0: --vae: $vae is not a VAE (no config.json in it), or there is --init, whose own VAE is used; give one" >&2
    exit 1
fi
if [ -n "$tokenizer" ] && [ -z "$init_lm" ]; then
    echo "$0: --tokenizer $tokenizer: subwords are those of a text LM, which is not given; add --init-lm" >&2
    exit 1
fi
closed_options=()
IFS=, read -r -a closed_sets <<< "$closed_set"
for closed_set in ${closed_sets[@]+"${closed_sets[@]}"}; do
    locate_files "$root" closed_set
    closed_options+=(--closed-set "$closed_set")
done
if [ -n "$init" ] && ! { [ -d "$init/vae" ] && [ -d "$init/ditar" ]; }; then
    echo "$0: --init: $init is not a model (no vae/ and ditar/ in it); give a folder of recipes/export.py" >&2
    exit 1
fi
IFS=, read -r -a test_sets <<< "$test_set"
IFS=, read -r -a ref_sets <<< "$ref_set"
if [ "${#test_sets[@]}" -ne "${#ref_sets[@]}" ]; then
    echo "$0: --test-set names ${#test_sets[@]} folders and --ref-set ${#ref_sets[@]}; give one of references for each" >&2
    exit 1
fi
cd "$root"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

extras=(recipes)
listening=(2 8)
for number in "${listening[@]}"; do
    if [ "$stage" -le "$number" ] && [ "$stop_stage" -ge "$number" ]; then extras=(recipes eval); fi
done
"$python" recipes/check_extras.py "${extras[@]}"

exp=$expdir/$tag
. recipes/stages.sh
mapfile -t sets < <(printf '%s\n' "$train_set" "$valid_set" "$vae_test_set" "${test_sets[@]}" "${ref_sets[@]}" |
    awk '!seen[$0]++')
decode_options=()
if [ -n "$decode_config" ]; then read -r -a decode_options < "$decode_config" || true; fi  # perhaps without an end of line

# Of the stages that are asked for: what a later one would refuse after days of the others.
checked=(--language "$language")
if [ -n "$init" ]; then
    checked+=(--vae "$init/vae" --like "$init")
elif [ -n "$vae" ]; then
    checked+=(--vae "$vae")
elif asks 2; then
    checked+=(--vae-config "$vae_config")
    if [ -n "$vae_decoder_config" ]; then checked+=(--vae-config "$vae_decoder_config"); fi
elif [ -f "$exp/vae/final/config.json" ]; then
    checked+=(--vae "$exp/vae/final")
fi
if asks 4; then
    checked+=(--train-config "$train_config")
    if [ -n "$last_config" ]; then checked+=(--train-config "$last_config"); fi
fi
for name in temperature guidance_scale guidance_rise steps time_grid; do
    if [ -n "${!name}" ]; then checked+=("--${name//_/-}=${!name}"); fi
done
if asks 7 && [ -n "$decode_config" ]; then checked+=(--decode-options="${decode_options[*]}"); fi
if asks 2 || asks 8; then checked+=(--recogniser "${recogniser:-faster-whisper}"); fi
"$python" recipes/check_settings.py "${checked[@]}"
mkdir -p "$exp/.done"

listen_options=()
score_options=()
if [ -n "$recogniser" ]; then
    listen_options=(--recogniser "$recogniser")
    score_options=(--recogniser "$recogniser")
fi
if [ "${language%%-*}" != en ]; then score_options+=(--language "$language"); fi
if [ -n "$listen_speakers" ]; then
    listen_options+=(--listen-speakers "$listen_speakers" --listen-recordings "$datadir/$valid_set")
fi

if [ -n "$fetch_cmd" ] && asks -1; then bash -c "$fetch_cmd"; fi
if [ -n "$data_cmd" ]; then step 0 data bash -c "$data_cmd"; fi
step 0 validate "$python" -m ditar.cli validate-data "${sets[@]/#/${raw_datadir:-$datadir}/}" \
    --manifests "${raw_datadir:-$datadir}/manifests"

if [ "$align" = true ]; then  # before the audio is prepared: phone times say where to trim
    for set in "$train_set" "$valid_set"; do
        step 1 "phones-$set" "$python" recipes/align_phones.py --data "${raw_datadir:-$datadir}/$set" \
            --language "$language" --nj "$nj" --skip-bad
    done
fi
if [ -n "$raw_datadir" ]; then
    for set in "${sets[@]}" $audio_set; do
        step 1 "audio-${set//\//_}" "$python" recipes/prepare_audio.py --data "$raw_datadir/$set" --out "$datadir/$set" \
            --nj "$nj" --skip-bad
    done
fi
subwords=()
if [ -n "$tokenizer" ]; then subwords=(--tokenizer "$tokenizer"); fi
for set in "$train_set" "$valid_set"; do
    step 1 "text-$set" "$python" recipes/prepare_text.py --data "$datadir/$set" --nj "$nj" \
        --language "$language" --skip-bad "${subwords[@]}"
done

statistics=(--statistics)
initial=()
if [ -n "$init_lm" ]; then initial=(--init-lm "$init_lm" ${tokenizer:+--subwords}); fi
if [ -n "$init" ]; then  # latents that the model to start from knows, normalised as it knows them
    vae=$init/vae
    statistics=()
    initial=(--init "$init/ditar")
elif [ -n "$vae" ]; then
    statistics=()
else
    vae=$exp/vae/final
    audio=("$datadir/$train_set")
    if [ -n "$audio_set" ]; then audio+=("$datadir/$audio_set"); fi
    step 2 vae "${train[@]}" recipes/train_vae.py --config "$vae_config" --train "${audio[@]}" \
        --valid "$datadir/$valid_set" --out "$exp/vae" "${device[@]}"
    if [ -n "$vae_decoder_config" ]; then
        step 2 vae-decoder "${train[@]}" recipes/train_vae.py --config "$vae_decoder_config" --init "$vae" \
            --train "${audio[@]}" --valid "$datadir/$valid_set" --out "$exp/vae_decoder" "${device[@]}"
        vae=$exp/vae_decoder/final
    fi
fi
step 2 vae-acceptance "$python" recipes/accept_vae.py --vae "$vae" --data "$datadir/$vae_test_set" \
    --out "$exp/vae/acceptance" --report-only "${score_options[@]}"

step 3 "latents-$train_set" "$python" recipes/extract_latents.py --vae "$vae" --data "$datadir/$train_set" \
    --out "$exp/latents/$train_set" --nj "$nj" --skip-bad "${statistics[@]}"
step 3 "latents-$valid_set" "$python" recipes/extract_latents.py --vae "$vae" --data "$datadir/$valid_set" \
    --out "$exp/latents/$valid_set" --nj "$nj" --skip-bad

reads_poor() { grep -Eq '^[^#]*reference_poor: *[0.]*[1-9]' "$1"; }  # whether references may be poor recordings
poor=()
last_poor=()
if reads_poor "$train_config"; then poor=(--poor "$exp/latents/${train_set}_poor"); fi
if [ -n "$last_config" ] && reads_poor "$last_config"; then last_poor=(--poor "$exp/latents/${train_set}_poor"); fi
if [ "${#poor[@]}" -gt 0 ] || [ "${#last_poor[@]}" -gt 0 ]; then
    step 3 "latents-${train_set}_poor" "$python" recipes/extract_latents.py --vae "$vae" --data "$datadir/$train_set" \
        --out "$exp/latents/${train_set}_poor" --nj "$nj" --skip-bad --poor-recordings 0
fi
step 4 ditar "${train[@]}" recipes/train_ditar.py --config "$train_config" --train "$exp/latents/$train_set" \
    --valid "$exp/latents/$valid_set" --vae "$vae" --out "$exp/ditar" "${poor[@]}" "${initial[@]}" \
    "${listen_options[@]}" "${device[@]}"
ditar=$exp/ditar/final
if [ -n "$last_config" ]; then
    step 4 ditar-last "${train[@]}" recipes/train_ditar.py --config "$last_config" --train "$exp/latents/$train_set" \
        --valid "$exp/latents/$valid_set" --vae "$vae" --out "$exp/ditar_last" "${last_poor[@]}" --init "$ditar" \
        "${listen_options[@]}" "${device[@]}"
    ditar=$exp/ditar_last/final
fi

step 6 export "$python" recipes/export.py --vae "$vae" --ditar "$ditar" --out "$exp/model" ${init:+--like "$init"} \
    ${temperature:+--temperature "$temperature"} ${guidance_scale:+--guidance-scale "$guidance_scale"} \
    ${guidance_rise:+--guidance-rise "$guidance_rise"} ${steps:+--steps "$steps"} ${time_grid:+--time-grid "$time_grid"}

endings=("")
for set in "${test_sets[@]:1}"; do endings+=("_$(basename "$set")"); done
for number in "${!test_sets[@]}"; do
    ending=${endings[number]}
    step 7 "decode$ending" "$python" recipes/decode.py --model "$exp/model" --data "$datadir/${test_sets[number]}" \
        --references "$datadir/${ref_sets[number]}" --out "$exp/decode$ending" --language "$language" --skip-bad \
        "${decode_options[@]}"
done
for number in "${!test_sets[@]}"; do
    ending=${endings[number]}
    step 8 "score$ending" "$python" -m ditar.cli evaluate "$exp/decode$ending/wav" "$exp/decode$ending/text" \
        --references "$exp/decode$ending/references" --originals "$datadir/${test_sets[number]}" \
        --output "$exp/score$ending" "${closed_options[@]}" "${score_options[@]}"
    scores=$exp/score$ending/scores.md
    if [ "$stop_stage" -ge 8 ] && [ -f "$scores" ]; then cat "$scores"; fi
done
