"""lhotse comes with the extra `recipes`: preparing corpora needs it, training and synthesis do not."""

from importlib.util import find_spec

from ditar.data.errors import DataError
from ditar.extras import missing


def need_lhotse() -> None:
    """DataError with the command that installs lhotse, if it is missing."""
    if find_spec("lhotse") is None:
        raise DataError(missing("lhotse", "recipes"))
