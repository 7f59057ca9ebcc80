"""lhotse comes with the extra `recipes`: what prepares corpora needs it, training and synthesis do not."""

from importlib.util import find_spec

from ditar.data.errors import DataError


def need_lhotse() -> None:
    """DataError with the command that installs lhotse, where it is missing."""
    if find_spec("lhotse") is None:
        raise DataError("lhotse is not installed; in a clone of this project: pip install '.[recipes]'")
