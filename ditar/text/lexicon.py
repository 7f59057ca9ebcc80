"""A user's pronunciations of words: a file with one a line, or a mapping.

    word<TAB>pronunciation[<TAB>language]

The pronunciation is in the IPA, `təˈmɑːtoʊ`, or in ARPABET as in CMU's dictionary, `T AH0 M AA1 T OW2`, which is for
English. A language, such as `de` or `en-gb`, keeps a line for texts in it. A word in small letters is found in any
case, one with capitals only as it is written; apostrophes of either form, composed and decomposed letters, and white
space of any length are the same. Empty lines, and those that begin with # or ;;;, are skipped.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ditar.storage.inputs import decode_text, read_input
from ditar.text.arpabet import is_arpabet, to_ipa
from ditar.text.errors import TextError
from ditar.text.phonemise import espeak_language
from ditar.text.pronunciation import pronounced

MAX_WORD_CHARACTERS = 200
MAX_LEXICON_BYTES = 50_000_000  # CMU's has 4
_SHOWN = 10  # bad lines
# What a lexicon leaves alone: comments, elements that say themselves how they are read, other tags, pronunciations,
# targets of links, pauses, addresses.
_LEFT_ALONE = re.compile(
    r"<!--.{0,400}?-->|<(phoneme|sub|say-as)(?:\s[^<>]{0,600})?(?<!/)>[^<]{0,400}</\1\s{0,9}>|</?[A-Za-z][^<>]{0,600}>"
    r"|\[[^\[\]\n]{1,400}\]\(/[^/\n]{0,400}/\)|\]\([^\s()]{1,400}\)|\[\s?pause[^\[\]\n]{0,40}\]"
    r"|(?<![\w.+-])[\w.+-]{1,80}(?:@|://)\S{1,400}",
    re.I | re.S,
)
_CHUNK = re.compile(r"\w+|[^\w\s]")
# What is the same in a word: apostrophes, invisible marks, letters and their accents, white space but a blank line.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_APOSTROPHES = "‘’ʼ＇"
_SPACES = re.compile(r"[^\S ]\s*|\s\s+")
_SAME = re.compile(rf"[{_APOSTROPHES}]|[{_INVISIBLE}]+|{_SPACES.pattern}")
_DECOMPOSED = re.compile(rf"[^\s{_INVISIBLE}]?[\u0300-\u036f]+|{_SAME.pattern}")


@dataclass(frozen=True)
class _Entry:
    word: str
    ipa: str
    language: str | None

    def is_at(self, text: str, place: int) -> bool:
        """Whether the word stands there in a text of one spelling."""
        end = place + len(self.word)
        found = text[place:end]
        if found != self.word and (self.word != self.word.lower() or found.lower() != self.word):
            return False
        return not (self.word[-1].isalnum() and text[end : end + 1].isalnum())

    def is_for(self, language: str) -> bool:
        return self.language is None or language == self.language or language.startswith(f"{self.language}-")


class Lexicon:
    """Words and their pronunciations; `apply` writes them into a text.

    Args:
        words: pronunciations by word; TextError names those that cannot be read.
    """

    def __init__(self, words: Mapping[str, str] | None = None):
        if not isinstance(words, Mapping | None):
            raise TextError(f"a lexicon must be a mapping of words to pronunciations, got {type(words).__name__}")
        self._entries: dict[str, list[_Entry]] = {}
        for word, pronunciation in (words or {}).items():
            if not isinstance(word, str) or not isinstance(pronunciation, str):
                raise TextError(f"lexicon: {word!r}: word and pronunciation must be strings")
            self._add(_entry([word.strip(), pronunciation.strip()], f"lexicon: {word!r}"))

    def _add(self, entry: _Entry) -> None:
        some = self._entries.setdefault(_CHUNK.match(entry.word)[0].lower(), [])
        some.append(entry)
        some.sort(key=lambda e: (-len(e.word), e.word == e.word.lower(), e.language is None))  # the closest first

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def apply(self, text: str, language: str = "en-us") -> str:
        """`text` with `[word](/ipa/)` for its words that have a pronunciation here; controls and markup stay as they
        are."""
        if not self._entries or not isinstance(text, str):
            return text
        language, parts, start = espeak_language(language), [], 0
        for kept in _LEFT_ALONE.finditer(text):
            parts += [self._pronounce(text[start : kept.start()], language), kept[0]]
            start = kept.end()
        return "".join([*parts, self._pronounce(text[start:], language)])

    def _pronounce(self, text: str, language: str) -> str:
        parts, start, end = [], 0, 0
        same, place = _one_spelling(text)
        for chunk in _CHUNK.finditer(same):
            if chunk.start() < end:  # in the previous word
                continue
            for entry in self._entries.get(chunk[0].lower(), ()):
                if entry.is_for(language) and entry.is_at(same, chunk.start()):
                    end = chunk.start() + len(entry.word)
                    left, right = place(chunk.start()), place(end)
                    parts.append(f"{text[start:left]}[{' '.join(text[left:right].split())}](/{entry.ipa}/)")
                    start = right
                    break
        return "".join([*parts, text[start:]])


def _one_spelling(text: str) -> tuple[str, Callable[[int], int]]:
    """The text with one form of what is the same in a word, and what tells the place in `text` of one in that."""
    parts, start = [], 0
    ours, theirs, length = [0], [0], 0  # from where on both go on alike
    pattern = _SPACES if text.isascii() else _SAME if unicodedata.is_normalized("NFC", text) else _DECOMPOSED
    for match in pattern.finditer(text):
        found = match[0]
        if found[0] in _APOSTROPHES:
            same = "'"
        elif found.isspace():
            same = "\n\n" if found.count("\n") > 1 else " "
        else:
            same = "" if found[0] in _INVISIBLE else unicodedata.normalize("NFC", found)
        parts += [text[start : match.start()], same]
        length, start = length + match.start() - start + len(same), match.end()
        ours.append(length)
        theirs.append(start)

    def place(of: int) -> int:
        part = bisect_right(ours, of) - 1
        return theirs[part] + of - ours[part]

    return "".join([*parts, text[start:]]), place


def read_lexicon(path: str | Path) -> Lexicon:
    """The lexicon of a UTF-8 file. TextError names its bad lines by number, with the remedy; OSError as
    `storage.inputs.read_input`."""
    data = read_input(path, MAX_LEXICON_BYTES + 1)
    if len(data) > MAX_LEXICON_BYTES:
        raise TextError(f"{path} holds more than {MAX_LEXICON_BYTES} bytes, which is no lexicon; give a smaller file")
    try:
        lines = decode_text(data).split("\n")
    except ValueError as error:
        raise TextError(f"{path} {error}") from None
    lexicon, faults, seen = Lexicon(), [], {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith(("#", ";;;")):
            continue
        where = f"{path}:{number}"
        try:
            fields = [field.strip() for field in line.split("\t")]
            entry = _entry(fields, where)
            first, written, ipa = seen.setdefault((entry.word, entry.language), (number, fields[0], entry.ipa))
            if first != number and (written == fields[0] or ipa != entry.ipa):
                raise TextError(f"{where}: {fields[0]!r} is on line {first}, too; keep one of them")
            lexicon._add(entry)
        except TextError as error:
            faults.append(str(error))
    if faults:
        more = f"; and {len(faults) - _SHOWN} more lines" if len(faults) > _SHOWN else ""
        raise TextError("; ".join(faults[:_SHOWN]) + more)
    if not len(lexicon):
        raise TextError(f"{path} holds no pronunciation; write word<TAB>pronunciation on each line")
    return lexicon


def as_lexicon(given: Lexicon | Mapping[str, str] | str | Path | None) -> Lexicon:
    """A lexicon, a mapping or a file as a lexicon; None: an empty one. TextError: see `Lexicon` and `read_lexicon`, or
    the file cannot be read."""
    if isinstance(given, Lexicon):
        return given
    if not isinstance(given, str | Path):
        return Lexicon(given)
    try:
        return read_lexicon(given)
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        what = "does not exist" if absent else f"cannot be read ({error.strerror})"
        raise TextError(
            f"the lexicon {given} {what}; give a file of lines word<TAB>IPA, or a mapping of words to pronunciations"
        ) from None


def _entry(fields: list[str], where: str) -> _Entry:
    word, ipa, language, *more = [*fields, *[""] * (3 - len(fields))]
    word = _one_spelling(word)[0].strip()
    if not word or not ipa or more:
        raise TextError(f"{where}: write word<TAB>pronunciation, with tabs between them, got {' | '.join(fields)!r}")
    if len(word) > MAX_WORD_CHARACTERS or re.search(r"[\[\]<>]", word):
        raise TextError(
            f"{where}: {word[:40]!r} is no word; it has at most {MAX_WORD_CHARACTERS} characters, none of [ ] < >"
        )
    language = espeak_language(language) if language else None
    ipa = ipa[1:-1].strip() if len(ipa) > 2 and ipa[0] == ipa[-1] == "/" else ipa
    if is_arpabet(ipa):
        if language is not None and language.split("-")[0] != "en":
            raise TextError(f"{where}: ARPABET, {ipa!r}, is for English, and not for {language!r}; write IPA")
        ipa, language = to_ipa(ipa, where), language or "en"
    if "/" in ipa or "\n" in ipa:
        raise TextError(f"{where}: '/' stands in the pronunciation {ipa!r}; write one pronunciation")
    pronounced(word, ipa, language or "en", where)  # only to see that it can be read
    return _Entry(word, " ".join(ipa.split()), language)
