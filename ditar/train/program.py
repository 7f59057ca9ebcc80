"""How a training program ends: one line that says why, and an exit code."""

import sys
from collections.abc import Callable

from safetensors import SafetensorError

from ditar.config import ConfigError
from ditar.data.errors import DataError
from ditar.storage.weights import ModelError
from ditar.train.checkpoint import CheckpointError
from ditar.train.errors import Interrupted, TrainingError


def exit_code(name: str, run: Callable[[], None]) -> int:
    """Run a program: 0 done, 1 failed (one line says why), 130 asked to stop."""
    try:
        run()
    except (ConfigError, DataError, CheckpointError, ModelError, OSError, SafetensorError, TrainingError) as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 1
    except Interrupted as stopped:
        print(f"{name}: {stopped}", file=sys.stderr)
        return 130
    return 0
