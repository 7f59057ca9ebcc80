# Every corpus has a link to this file and sources it: which Python (PYTHON, the active environment, the clone's .venv),
# where the repository is (root) and where the corpus's own folder is (eg).
eg=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$eg/../.." && pwd)
PYTHON=${PYTHON:-${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}}
PYTHON=${PYTHON:-$(if [ -x "$root/.venv/bin/python" ]; then echo "$root/.venv/bin/python"; else echo python3; fi)}
export PYTHON PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" LC_ALL=C.UTF-8
# Threads that sleep at once are slow, and programs that spin for long on the same cores slow each other down: 50 us.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-20000}
