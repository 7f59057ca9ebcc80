# Sourced by run.sh: which Python (PYTHON, the active environment, the clone's .venv), and where the repository is.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PYTHON=${PYTHON:-${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}}
PYTHON=${PYTHON:-$(if [ -x "$root/.venv/bin/python" ]; then echo "$root/.venv/bin/python"; else echo python3; fi)}
export PYTHON PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" LC_ALL=C.UTF-8
# Two busy OpenMP programs on few cores slow each other down while they wait in a spin.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-0}
