#!/usr/bin/env bash
# Fine-tune a model on a folder of recordings: `ditar finetune` with its options, from any working directory.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python3}" -m ditar.cli finetune "$@"
