"""Where what belongs to a user is kept, by the XDG Base Directory Specification."""

import os
from pathlib import Path

NO_HOME = Path("/nonexistent")  # as Debian's users have it that are no people: nothing is there, and nothing is kept


def user_folder_of(variable: str, *below_home: str) -> Path:
    """`ditar` in the folder that an environment variable names, by default in one below the user's home, which need not
    exist. A relative path is ignored, as the specification asks; so is that a user has no home, see NO_HOME."""
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named / "ditar"
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no entry in /etc/passwd: a container that was given a number as its user
        home = NO_HOME
    return home.joinpath(*below_home) / "ditar"
