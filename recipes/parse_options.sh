# Sourced: turns `--some-name value` into some_name=value, for variables that are declared already.
# Dash and underscore are the same; an unknown option exits 1; --help prints $help_message.
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
    printf -v "$_variable" '%s' "$_value"
done
unset _name _value _variable
