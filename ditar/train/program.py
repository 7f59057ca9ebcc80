"""What all training programs have in common: whose errors are for users, and where a run may be written."""

from pathlib import Path

from safetensors import SafetensorError

from ditar.audio.errors import AudioError
from ditar.config import ConfigError
from ditar.data.errors import DataError
from ditar.storage.lock import InUseError
from ditar.storage.weights import CONFIG, ModelError
from ditar.text import TextError
from ditar.train.checkpoint import CheckpointError
from ditar.train.errors import TrainingError

ERRORS = (  # see `config.program.exit_code`
    AudioError, ConfigError, DataError, CheckpointError, InUseError, ModelError, OSError, SafetensorError, TextError,
    TrainingError,
)  # fmt: skip
WRITTEN = ("checkpoints", "best", "final")  # what a run has in its folder, beside its log


def check_out(out: Path, **inputs: str | Path | list[str] | None) -> None:
    """DataError if a run's folder would be written over what it reads (by option: init="exp/vae/final", ...), or into a
    model that it reads: before anything is loaded. By the places themselves, links followed."""
    place = out.resolve()
    for option, sources in inputs.items():
        for source in sources if isinstance(sources, list) else [sources]:
            if source is None or not Path(source).exists():  # a name on the hub
                continue
            read = Path(source).resolve()
            over = next((place / name for name in WRITTEN if read.is_relative_to(place / name)), None)
            into = place == read or (place.is_relative_to(read) and (read / CONFIG).is_file())
            if over is not None or into:
                raise DataError(
                    f"--out {out} would write {'into' if over is None else 'over'} {over or read}, which --{option} "
                    f"({source}) reads; give another --out"
                )
