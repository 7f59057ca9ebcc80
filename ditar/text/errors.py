"""The error of this folder."""

import unicodedata
from collections.abc import Iterable
from typing import Any


class TextError(ValueError):
    """Text that cannot be spoken, or an unknown language or symbol; the message names it and the remedy."""


def check_text_type(text: Any, name: str) -> None:
    """TextError if it is not a string."""
    if not isinstance(text, str):
        raise TextError(f"{name} must be a string, got {type(text).__name__}")


def name_characters(characters: Iterable[str], limit: int = 8) -> str:
    """Characters with their names, `'♜' (U+265C BLACK CHESS ROOK)`, and marks of markup as they are written; each once,
    in order."""
    distinct = list(dict.fromkeys(characters))
    named = [
        f"'{c}' (U+{ord(c):04X} {unicodedata.name(c, 'unnamed')})"
        if len(c) == 1
        else repr(c if len(c) < 40 else f"{c[:36]}...")
        for c in distinct[:limit]
    ]
    if len(distinct) > limit:
        named.append(f"and {len(distinct) - limit} more")
    return ", ".join(named)


def dropped_warning(dropped: list[str]) -> str:
    """What a user should know about characters, sounds or markup that were left out."""
    markup = any(len(c) > 1 for c in dropped)
    what = "character or sound" if len(dropped) == 1 else "characters or sounds"
    what = f"mark{'s' * (len(dropped) != 1)} or {what}" if markup else what
    return f"{len(dropped)} {what} left out that cannot be spoken: {name_characters(dropped)}"


def untold_warning(name: str) -> str:
    """What a user should know about a reference `name` without a transcript."""
    return (
        f"what is said in the reference {name!r} is not known: more words may go wrong, and the voice is not learnt "
        "from it; give its transcript"
    )
