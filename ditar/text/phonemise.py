"""Text to IPA symbols through espeak-ng, whose library and data come from the espeakng-loader package.

phonemizer (GPL-3.0, as espeak-ng is) calls the library. Punctuation is set aside before espeak sees the text, because
espeak drops it.
"""

import difflib
import errno
import functools
import logging
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ditar.text.errors import TextError, name_characters
from ditar.text.normalise import PUNCTUATION, normalise
from ditar.text.pronunciation import RUN, VOWELS, read_run
from ditar.text.soundless import SoundlessLetters
from ditar.text.vocabulary import is_letter, symbols_of

# Marks between figures belong to a number, which espeak reads in most languages: 91,5 or 1.500.
_IN_NUMBERS = ".,:"
_OTHERS = "".join(mark for mark in PUNCTUATION if mark not in _IN_NUMBERS)
_SPLIT = re.compile(rf"(\.\.\.|[{re.escape(_OTHERS)}]|(?<!\d)[{_IN_NUMBERS}]|[{_IN_NUMBERS}](?!\d)|{RUN.pattern})")
# Opening marks: they belong to the next word.
_OPENING = "(¿¡"
# Common names of languages that espeak does not know.
_USUAL = {
    "en": "en-us",
    "fr": "fr-fr",
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-tw": "cmn",
    "zh-hk": "yue",
    "no": "nb",
    "pt-pt": "pt",
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# Read after a text that ends where a pronounced word follows: espeak reads `a` in front of nothing as the letter. The
# second one in front of a vowel.
_STAND_INS = {"en": ("bird", "apple")}


@functools.cache
def phonemised_languages() -> dict[str, str]:
    """Every language that espeak-ng reads: its name for it (`en-us`) and the English name."""
    # Cached because each query loads another copy of the library.
    with _loading():
        return dict(_backend_class().supported_languages())


def espeak_language(language: str) -> str:
    """espeak's name for a language as people write it: `en_US`, `fr`, `zh`. TextError suggests similar names."""
    if not isinstance(language, str):
        raise TextError(f"language must be a string, such as 'en-us', got {type(language).__name__}")
    known = phonemised_languages()
    low = language.strip().lower().replace("_", "-")
    for name in (low, _USUAL.get(low), low.split("-")[0] if "-" in low and low.split("-")[0] != "en" else None):
        if name in known:
            return name
    raise TextError(f"language {language!r} is not known to espeak-ng; {_near(low, known)}")


class Phonemiser:
    """Text in one language to IPA symbols, with stress and punctuation.

    Normalises first. One espeak voice per language is shared by all objects and guarded by a lock, so that threads may
    call at the same time. Raises TextError for an unknown language and for text that cannot be spoken.
    """

    def __init__(self, language: str = "en-us"):
        self.language = espeak_language(language)
        self._voice = _voice(self.language)

    def words(self, text: str, dropped: list[str] | None = None) -> list[list[str]]:
        """Symbols of each word, in order; each punctuation mark is a word of its own.

        espeak joins some function words (`of the` is one word). `dropped`: see `normalise`.
        """
        normal, lost = self._voice.letters.replace(normalise(text, self.language, dropped))
        if lost and dropped is None:
            raise TextError(f"language {self.language!r} has no sound for {name_characters(lost)}; write other letters")
        if lost:
            dropped += lost
        pieces = [piece for part in _SPLIT.split(normal) if (piece := part.strip())]
        words: list[list[str]] = []
        spoken = False
        for piece, following in zip(pieces, [*pieces[1:], ""]):
            if RUN.fullmatch(piece):
                words.append(read_run(piece)[1])
                spoken = True
                continue
            if _SPLIT.fullmatch(piece):
                words.append(["…"] if piece == "..." else [piece])
                continue
            ipa = self._read_before(piece, following) if RUN.fullmatch(following) else self._voice.read(piece)
            read = [symbols_of(word) for word in ipa.split()]
            if not read and re.search(r"\w", piece) and dropped is not None:
                dropped += piece
            elif not read and re.search(r"\w", piece):
                raise TextError(f"language {self.language!r} has no pronunciation for {name_characters(piece)}")
            spoken = spoken or bool(read)
            words += read
        if not spoken:
            raise TextError(f"nothing to say in {text!r}; give at least one word")
        return words

    def alone(self, word: str) -> list[str]:
        """Symbols of a word of a normalised text (`words_of`), read without its neighbours."""
        if RUN.fullmatch(word):
            return read_run(word)[1]
        return symbols_of("".join(self._voice.read(self._voice.letters.replace(word)[0]).split()))

    def _read_before(self, text: str, run: str) -> str:
        """The IPA of a text in front of a pronounced word."""
        if stand_ins := _STAND_INS.get(self.language.split("-")[0]):
            stand_in = stand_ins[next((s in VOWELS for s in read_run(run)[1] if is_letter(s)), False)]
            *words, last = self._voice.read(f"{text} {stand_in}").split() or [""]
            if last == self._voice.read(stand_in):
                return " ".join(words)
        return self._voice.read(text)

    def __call__(self, text: str, dropped: list[str] | None = None) -> list[str]:
        """Flat symbols; words are separated by a space, punctuation follows its word without one. `dropped`: see
        `normalise`."""
        flat: list[str] = []
        opened = True  # no space at the start or after an opening mark
        quoted = False
        for word in self.words(text, dropped):
            mark = len(word) == 1 and word[0] in PUNCTUATION + "…"
            closing = mark and word[0] not in _OPENING
            if word == ['"']:  # straight quotes alternately open and close
                closing, quoted = quoted, not quoted
            if not opened and not closing:
                flat.append(" ")
            flat += word
            opened = mark and not closing
        return flat


def words_of(normal: str) -> list[str]:
    """The words of a normalised text, without its marks; pronounced ones are the runs that they are."""
    pieces = [piece for piece in _SPLIT.split(normal) if RUN.fullmatch(piece) or not _SPLIT.fullmatch(piece)]
    return [word for piece in pieces for word in ([piece] if RUN.fullmatch(piece) else piece.split())]


class _Voice:
    """espeak with one language set; phonemizer's wrapper holds its own copy of the library."""

    def __init__(self, language: str):
        self._lock = threading.Lock()
        self.letters = SoundlessLetters(self.read)
        quiet = logging.getLogger(f"{__name__}.phonemizer")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False  # it warns about switches to English inside other languages, which are intended
        with _loading():
            self._backend = _backend_class()(
                language, punctuation_marks=_OTHERS, with_stress=True, language_switch="remove-flags", logger=quiet
            )

    def read(self, text: str) -> str:
        with self._lock:
            return self._backend.phonemize([text], strip=True)[0]


@contextmanager
def _loading() -> Iterator[None]:
    """OSError names the folder for temporary files if it is at fault: phonemizer copies the library into it, for each
    voice its own, and loads the copy."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        try:
            folder = tempfile.gettempdir()
        except OSError:  # nothing can be written into any
            folder = os.environ.get("TMPDIR", "/tmp")
        of_it = isinstance(error, FileNotFoundError) or folder in str(error) or getattr(error, "errno", 0) in _FULL
        if not of_it:
            raise
        raise OSError(
            f"espeak-ng cannot be loaded by way of {folder}, the folder for temporary files ({error}): it is full, or "
            "programs may not run from it (noexec); free space there, or set TMPDIR to another folder"
        ) from None


@functools.cache
def _backend_class():
    """phonemizer's espeak backend with the path of the library; imported late since it costs 50 ms and loads code."""
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
    except ImportError as error:
        raise ImportError(
            f"{error.name} is missing; install it with: pip install phonemizer espeakng-loader"
        ) from error
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return EspeakBackend


_voices_lock = threading.Lock()
_voices: dict[str, _Voice] = {}


def _voice(language: str) -> _Voice:
    with _voices_lock:
        if language not in _voices:
            _voices[language] = _Voice(language)
        return _voices[language]


def _near(language: str, known: dict[str, str]) -> str:
    near = [code for code, name in known.items() if language in (code, name.lower())]
    near += [code for code, name in known.items() if language and name.lower().startswith(language)]
    near += difflib.get_close_matches(language, list(known), n=4, cutoff=0.5)
    if near:
        return "near it: " + ", ".join(f"{code} ({known[code]})" for code in dict.fromkeys(near))
    return f"it knows {len(known)}, among them " + ", ".join(
        c for c in ("en-us", "en-gb", "de", "fr", "es", "cmn") if c in known
    )
