# Sourced: turns `--some-name value` into some_name=value, for variables that are declared already.
# Dash and underscore are the same; an unknown option exits 1; --help prints $help_message. Stages, --nj and --ngpu must
# be whole numbers; an option that is true or false at first must stay so, and without a value (`--skip-bad`) becomes
# true. The functions below turn the user's paths into whole ones.
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help)
            printf '%s\n' "$help_message"
            exit 0
            ;;
        --*=*)
            _name=${1%%=*}
            _value=${1#*=}
            shift
            ;;
        --*)
            _name=$1
            _variable=${1#--}
            _variable=${_variable//-/_}
            if [[ "$_variable" =~ ^[a-z][a-z0-9_]*$ ]] && [[ "${!_variable-}" =~ ^(true|false)$ ]] &&
                [[ $# -lt 2 || "$2" == --* ]]; then
                set -- "$1" true "${@:2}"
            fi
            if [ $# -lt 2 ]; then
                echo "$0: option $1 needs a value" >&2
                exit 1
            fi
            _value=$2
            shift 2
            ;;
        *)
            echo "$0: unexpected argument '$1'; options are --name value (see --help)" >&2
            exit 1
            ;;
    esac
    _variable=${_name#--}
    _variable=${_variable//-/_}
    if ! [[ "$_variable" =~ ^[a-z][a-z0-9_]*$ ]] || [ -z "${!_variable+declared}" ] ||
        [ "$_variable" = help_message ]; then
        echo "$0: unknown option $_name; see --help" >&2
        exit 1
    fi
    if [[ "${!_variable}" =~ ^(true|false)$ ]] && ! [[ "$_value" =~ ^(true|false)$ ]]; then
        echo "$0: $_name must be true or false, got '$_value'" >&2
        exit 1
    fi
    printf -v "$_variable" '%s' "$_value"
done
for _variable in stage stop_stage nj ngpu; do
    case $_variable in
        nj) _rule='^[1-9][0-9]*$' ;;
        ngpu) _rule='^[0-9]+$' ;;
        *) _rule='^-?[0-9]+$' ;;
    esac
    if [ -n "${!_variable+declared}" ] && ! [[ "${!_variable}" =~ $_rule ]]; then
        echo "$0: --${_variable//_/-} must be a whole number, got '${!_variable}'" >&2
        exit 1
    fi
done
unset _name _value _variable _rule

# locate_folders VARIABLE...: their folders, relative to the working directory, as whole paths. They need not exist yet.
locate_folders() {
    local name
    for name in "$@"; do
        if [ -n "${!name}" ]; then printf -v "$name" '%s' "$(realpath -m -- "${!name}")"; fi
    done
}

# one_folder [NAME=]DIR[:SPEAKER]: whether that is one folder, whose name may have spaces, and no list.
one_folder() {
    local folder=${1##*=}
    [ -d "$folder" ] || [ -d "${folder%:*}" ]
}

# locate_corpora VARIABLE...: lists of [NAME=]DIR, separated by spaces, with their folders as whole paths.
locate_corpora() {
    local name one folder located
    local -a several
    for name in "$@"; do
        located=
        several=("${!name}")
        if ! one_folder "${!name}"; then read -r -a several <<< "${!name//$'\n'/ }"; fi
        for one in ${several[@]+"${several[@]}"}; do
            folder=${one##*=}
            located+="${located:+ }${one%"$folder"}$(realpath -m -- "$folder")"
        done
        printf -v "$name" '%s' "$located"
    done
}

# quoted WORD: it as one word of a command line, whatever is in it.
quoted() { printf '%s' "${1@Q}"; }

# locate_files ROOT VARIABLE...: their files, relative to the working directory or else to ROOT, the repository, as
# paths from ROOT. A file in neither place exits 1.
locate_files() {
    local root=$1 name
    shift
    for name in "$@"; do
        if [ -f "${!name}" ]; then
            printf -v "$name" '%s' "$(realpath --relative-base="$root" -- "${!name}")"
        elif [ -n "${!name}" ] && [ ! -f "$root/${!name}" ]; then
            echo "$0: --${name//_/-}: there is no file '${!name}', neither here ($PWD) nor in $root" >&2
            exit 1
        fi
    done
}
