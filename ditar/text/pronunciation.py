"""Pronunciations that a text gives itself, `[tomato](/təˈmɑːtəʊ/)`.

Between parsing and phonemes a pronounced word is a run of private characters, which no rule of a language touches: the
word as it is written (plane 16), and its IPA symbols (plane 15).
"""

import re
import unicodedata

from ditar.text.errors import TextError, name_characters
from ditar.text.vocabulary import DEFAULT_SYMBOLS, STRESS, is_letter, symbols_of

MAX_SYMBOLS = 100  # of a pronunciation, which is never cut
_SYMBOLS_AT, _WORD_AT, _PLANE = 0xF0000, 0x100000, 0xFFFE
RUN = re.compile("[\U00100000-\U0010fffd]*[\U000f0000-\U000ffffd]+")
_PRIVATE = re.compile("[\U000f0000-\U0010ffff]")
_STAND_IN = "zqxv"  # begins no word of any language
VOWELS = frozenset("aeiouyæøœɐɑɒɔɘəɛɜɞɤɨɪɯɵɶʉʊʌʏɚɝᵻ")

# Other spellings of the same sounds: one-letter affricates and tie bars, the ASCII look-alikes of marks, marks of
# syllables, which espeak does not write.
_SPELLINGS = str.maketrans(
    {"g": "ɡ", "ʤ": "dʒ", "ʧ": "tʃ", "ʦ": "ts", "ʣ": "dz", ":": "ː", "'": "ˈ", "’": "ˈ", "͡": "", "͜": "",
     ".": "", "‿": "", "|": " "}
)  # fmt: skip
_ENGLISH = str.maketrans({"r": "ɹ", "ɝ": "ɜː", "ɫ": "l", "ʍ": "w"})  # dictionaries' spellings, and espeak's
_KNOWN = frozenset(s for s in DEFAULT_SYMBOLS if not (s.isascii() and not s.islower())) | set("0123456789 -?")


def is_english(language: str) -> bool:
    """Of a language's name as people write it."""
    return language.strip().lower().replace("_", "-").split("-")[0] == "en"


def pronounced(word: str, ipa: str, language: str, where: str) -> str:
    """The run of private characters for a word with this pronunciation, in the symbols that espeak-ng would use.
    TextError, after `where`: a character that is no IPA, no sound, or too many symbols."""
    plain = ipa.strip().translate(_SPELLINGS)
    symbols = symbols_of(plain.translate(_ENGLISH) if is_english(language) else plain)
    if unknown := [symbol for symbol in symbols if symbol not in _KNOWN]:
        raise TextError(f"{where}: {name_characters(unknown)} is not of the IPA; write sounds such as /təˈmɑːtoʊ/")
    if not any(map(is_letter, symbols)):
        raise TextError(f"{where}: the pronunciation has no sound; write sounds such as /təˈmɑːtoʊ/")
    if len(symbols) > MAX_SYMBOLS:
        raise TextError(f"{where}: the pronunciation has {len(symbols)} symbols, at most {MAX_SYMBOLS} are allowed")
    shown = [c for c in " ".join(word.split()) if ord(c) < _PLANE]
    return "".join([*(chr(_WORD_AT + ord(c)) for c in shown), *(chr(_SYMBOLS_AT + ord(s)) for s in stressed(symbols))])


def stressed(symbols: list[str]) -> list[str]:
    """The symbols with each stress mark in front of the vowel, where espeak-ng writes it, and not of the syllable."""
    moved: list[str] = []
    waiting = ""
    for symbol in symbols:
        if symbol in STRESS:
            waiting = waiting or symbol
            continue
        if waiting and symbol in VOWELS:
            moved.append(waiting)
            waiting = ""
        moved.append(symbol)
    return [waiting, *moved] if waiting else moved


def with_genitive(run: str) -> str:
    """An English pronunciation with the sound of 's at its end."""
    word, symbols = read_run(run)
    last = next(s for s in reversed(symbols) if is_letter(s))
    sound = "ᵻz" if last in "szʃʒ" else "s" if last in "ptkfθ" else "z"
    return "".join(chr(_WORD_AT + ord(c)) for c in f"{word}'s") + "".join(
        chr(_SYMBOLS_AT + ord(s)) for s in [*symbols, *sound]
    )


def read_run(run: str) -> tuple[str, list[str]]:
    """The word and the symbols of a match of RUN."""
    word = "".join(chr(ord(c) - _WORD_AT) for c in run if ord(c) >= _WORD_AT)
    return word, [chr(ord(c) - _SYMBOLS_AT) for c in run if ord(c) < _WORD_AT]


def stand_in_words(text: str) -> tuple[str, list[str]]:
    """The text with a word of ASCII letters, capitalised as the written one, for each run, and the runs."""
    runs = [] if text.isascii() else RUN.findall(text)
    numbers = iter(range(len(runs)))

    def word(match: re.Match) -> str:
        start = _STAND_IN.capitalize() if read_run(match[0])[0][:1].isupper() else _STAND_IN
        return start + "".join("abcdefghij"[int(digit)] for digit in str(next(numbers))) + "q"

    return (RUN.sub(word, text) if runs else text), runs


def stand_out(text: str, runs: list[str]) -> str:
    """The text with its runs again."""

    def run(match: re.Match) -> str:
        number = int("".join(str("abcdefghij".index(c)) for c in match[1]))
        return runs[number] if number < len(runs) else match[0]

    return re.sub(f"(?i:{_STAND_IN})([a-j]+)q", run, text) if runs else text


def is_private(character: str) -> bool:
    """Whether a character is of a run."""
    return character >= "\U000f0000"


def without_private(text: str) -> str:
    """A user's text with another private character, which has no sound either, for those of runs."""
    return text if text.isascii() else _PRIVATE.sub("\ue000", text)


def written(text: str) -> str:
    """Runs as they are written, `[word](/ipa/)`."""

    def inline(match: re.Match) -> str:
        word, symbols = read_run(match[0])
        return f"[{word}](/{unicodedata.normalize('NFC', ''.join(symbols))}/)"

    return text if text.isascii() else RUN.sub(inline, text)
