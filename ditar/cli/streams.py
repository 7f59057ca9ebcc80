"""Standard streams as a program may get them: closed, in another encoding, or a terminal that obeys control
characters."""

import os
import sys
import unicodedata

_NAMES = ("stdin", "stdout", "stderr")
_closed: set[str] = set()


def prepare_streams() -> None:
    """Make the standard streams usable for every command.

    A closed one becomes /dev/null: otherwise the next opened file would take its place, and a library's message would
    be written into speech. Characters that an encoding lacks are written as codes, such as \\u0259.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
            _closed.add(name)
        if getattr(sys, name) is None:
            _closed.add(name)
            stream = open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def require_open(name: str, option: str) -> None:
    """ValueError if a standard stream ("stdin", "stdout"), which `option` needs, was closed from the start."""
    if name in _closed:
        long = {"stdin": "standard input", "stdout": "standard output"}[name]
        raise ValueError(f"{option} needs {long}, which is closed; give the name of a file")


def visible(text: str) -> str:
    """The text with codes for what a terminal obeys or hides: control characters except tabs and line ends, and marks
    that change the direction of writing."""
    return "".join(c if c in "\n\t" or not _is_control(c) else _code(c) for c in text)


def one_line(text: str) -> str:
    """`visible`, with tabs and line ends as codes, too."""
    return "".join(_code(c) if _is_control(c) else c for c in text)


def _is_control(c: str) -> bool:
    return c < " " or c > "~" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")


def _code(c: str) -> str:
    return c.encode("unicode_escape").decode()
