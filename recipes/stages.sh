# Sourced, from the repository's root: `asks`, whether a stage is to be run, `step`, which runs one program of a pipeline
# once, `train`, the command for training programs, and `device`, its options. Reads stage, stop_stage, exp, ngpu, python,
# run_cmd and train_cmd.

asks() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }

# step STAGE NAME COMMAND...: run one program, unless it has finished with the same command on the same settings
order=10
step() {
    local number=$1 name=$2 marker later argument settings
    order=$((order + 1))  # the place in the pipeline: if a step runs again, so do all later ones, and what had its
    # place when the pipeline had fewer or more steps, since that wrote to the same folders
    marker="$exp/.done/$1-$order-$2"
    shift 2
    asks "$number" || return 0
    settings="$*"
    for argument in "$@"; do
        if [ -f "$argument" ] && [[ "$argument" =~ \.(yaml|txt)$ ]]; then settings+=$'\n'$(cksum "$argument"); fi
    done
    if [ -f "$marker" ] && [ "$(cat "$marker")" = "$settings" ]; then
        echo "stage $number: $name is done already"
        return 0
    fi
    for later in "$exp"/.done/*; do
        if [ -f "$later" ] && [ "$(basename "$later" | cut -d- -f2)" -ge "$order" ]; then rm -f "$later"; fi
    done
    echo "stage $number: $name ($(date '+%F %T'))"
    local started=$SECONDS before=$run_cmd
    if [ -n "$train_cmd" ] && [ "$1" = "${train[0]}" ]; then before=; fi  # it decides itself where to run
    $before "$@"
    printf '%s\n' "$settings" > "$marker"
    echo "stage $number: $name took $((SECONDS - started)) s"
}

device=()
if [ "$ngpu" -eq 0 ]; then device=(--cpu); fi
train=("$python")  # the command for training programs
if [ -n "$train_cmd" ]; then
    read -r -a train <<< "$train_cmd"
elif [ "$ngpu" -gt 1 ]; then
    accelerate="configs/accelerate/multi_gpu.yaml"
    train=("$python" -m accelerate.commands.launch --config_file "$accelerate" --num_processes "$ngpu")
fi
