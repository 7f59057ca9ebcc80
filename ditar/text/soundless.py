"""Letters without a sound in espeak: it says "letter" and a hexadecimal code, or nothing, and spells the whole word.

It is asked letter by letter what it knows, since that depends on the language: ế is a letter of Vietnamese.
"""

import os
import re
import unicodedata
from collections.abc import Callable

# Letters of no language: their readings begin with the word "letter", in whatever language.
_UNKNOWN = ("\u1d00", "\u2c65")
_SHORTEST = 3
_WITH = re.compile(r"LATIN (SMALL|CAPITAL) LETTER ([A-Z]{1,2})(?: WITH .*)?$")


class SoundlessLetters:
    """Those of one language. `read`: text to IPA, "" if nothing is said."""

    def __init__(self, read: Callable[[str], str]):
        self._read = read
        self._named: str | None = None  # how the name of an unknown letter begins
        self._instead: dict[str, str | None] = {}

    def replace(self, text: str) -> tuple[str, list[str]]:
        """`text` with plain letters for accented ones without a sound, and the letters that have no plain form: these
        are left out. ASCII costs nothing."""
        if text.isascii():
            return text, []
        odd = {c for c in text if not c.isascii() and unicodedata.category(c)[0] == "L"}
        instead = {c: self._of(c) for c in odd}
        lost = [c for c in text if c in instead and instead[c] is None]
        return text.translate({ord(c): plain or "" for c, plain in instead.items()}), lost

    def _of(self, letter: str) -> str | None:
        """What is read for a letter; None if nothing can be."""
        if letter not in self._instead:
            plain = _without_accents(letter)
            if not self._is_soundless(letter):
                plain = letter
            elif plain == letter or any(not c.isascii() and self._is_soundless(c) for c in plain):
                plain = None
            self._instead[letter] = plain
        return self._instead[letter]

    def _is_soundless(self, letter: str) -> bool:
        if self._named is None:
            named = os.path.commonprefix([_without_stress(self._read(c)) for c in _UNKNOWN])
            self._named = named if len(named) >= _SHORTEST else "-"
        read = _without_stress(self._read(letter))
        # A sign of another script may be silent on its own but not in a word.
        return read.startswith(self._named) or (not read and unicodedata.name(letter, "").startswith("LATIN"))


def _without_stress(ipa: str) -> str:
    return re.sub("[ˈˌ ]", "", ipa)


def _without_accents(letter: str) -> str:
    """`ế` and `ḁ` as e and a; `ⱥ` by its name."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    if found := _WITH.fullmatch(unicodedata.name(plain, "")) if len(plain) == 1 and not plain.isascii() else None:
        return found[2] if found[1] == "CAPITAL" else found[2].lower()
    return plain
