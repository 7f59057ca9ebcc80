"""One vocabulary of IPA symbols for every language that espeak-ng reads, and its ids."""

import functools
import unicodedata
from collections.abc import Iterable, Sequence

from ditar.storage.digests import digest_symbols
from ditar.text.errors import TextError, name_characters

PADDING_ID = 0
PADDING = "_"  # never a symbol of speech: the normaliser makes it a space

# The order is part of every checkpoint that does not spell out its symbols: append only.
_PUNCTUATION = " .,!?;:…—\"()¿¡'-"
STRESS = "ˈˌ"  # written before its sound; all other marks follow theirs
_STRESS_AND_LENGTH = STRESS + "ːˑ˘"
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_LETTERS = "æçðøħŋœɡβθχεǀǁǂǃᵻⱱꬃ"
_IPA_EXTENSIONS = "".join(map(chr, range(0x0250, 0x02B0))).replace("ɡ", "")
_MODIFIERS = "ʰʱʲʳʴʵʶʷʸʼˀˁˠˡˢˣˤˬ˞ⁿᵊᵝᵐᵑ˭"
_TONES = "˥˦˧˨˩↑↓↗↘→"
_DIACRITICS = "".join(map(chr, [*range(0x0300, 0x0316), *range(0x0316, 0x0346), 0x0348, 0x0349, 0x034A, 0x034D, 0x0351,
                                0x0357, 0x035C, 0x0361, 0x0362, *range(0x1DC4, 0x1DC8)]))  # fmt: skip
# What espeak writes for phonemes without IPA: tone numbers and ASCII marks and capitals.
_ESPEAK = "0123456789#`^*~@%&+=|/\\<>[]{}$ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Replaces an unknown transcript of a reference; no text contains it.
UNKNOWN_TRANSCRIPT = "\ufffd"

DEFAULT_SYMBOLS: tuple[str, ...] = tuple(
    PADDING
    + _PUNCTUATION
    + _STRESS_AND_LENGTH
    + _LATIN
    + _LETTERS
    + _IPA_EXTENSIONS
    + _MODIFIERS
    + _TONES
    + _DIACRITICS
    + _ESPEAK
    + UNKNOWN_TRANSCRIPT
)


_ENDS, CLOSING = frozenset(".!?…"), frozenset("\")")  # of a sentence, and what may follow its end
UNHEARD_SHARE = 0.1  # of the speech sounds of a text: with more of them, it is in another language


# IPA letters that Unicode would decompose.
_WHOLE = {"c\u0327": "ç"}


def symbols_of(ipa: str) -> list[str]:
    """The symbols of an IPA string: its code points after canonical decomposition, except that ç stays whole."""
    decomposed = unicodedata.normalize("NFD", ipa)
    for apart, whole in _WHOLE.items():
        decomposed = decomposed.replace(apart, whole)
    return list(decomposed)


@functools.cache
def is_letter(symbol: str) -> bool:
    """Whether a symbol is a speech sound of its own (not stress, length, a diacritic, punctuation or a space)."""
    return len(symbol) == 1 and unicodedata.category(symbol) in ("Ll", "Lo", "Lu")


def is_pause(symbol: str) -> bool:
    """Whether a speaker may fall silent at a symbol: a space or a punctuation mark."""
    return symbol in _PUNCTUATION


def with_marks(symbols: Sequence[str], place: int) -> tuple[int, int]:
    """The sound at a place with its marks, from the first place to before the end: stress stands before it, length and
    all others after."""
    first, end = place, place + 1
    while first and symbols[first - 1] in STRESS:
        first -= 1
    while end < len(symbols) and not (is_letter(symbols[end]) or is_pause(symbols[end]) or symbols[end] in STRESS):
        end += 1
    return first, end


def keep_trained(
    symbols: Iterable[str], trained: Sequence[str], where: str = "the text", dropped: list[str] | None = None
) -> list[str]:
    """The symbols that a model heard in training (none given: all). Others have random embeddings: punctuation, stress
    and colour marks are left out, but there is no substitute for a speech sound: TextError names it. With a list
    `dropped`, at most a tenth of the speech sounds is left out and appended to it instead."""
    symbols = list(symbols)
    if not trained:
        return symbols
    known = set(trained)
    sounds = [s for s in symbols if unicodedata.category(s[0]) in ("Ll", "Lo", "Lu")]
    missing = [s for s in sounds if s not in known]
    if dropped is not None and len(missing) <= UNHEARD_SHARE * len(sounds):
        dropped += missing
    elif missing:
        raise TextError(
            f"the model never heard {name_characters(c for symbol in missing for c in symbol)} in training, a sound of "
            f"{where} in the language that was given; give another language or text, or a model of this language"
        )
    return [s for s in symbols if s in known]


def ended(symbols: Sequence[str], trained: Sequence[str]) -> list[str]:
    """The symbols with a full stop at their end if no mark ends the sentence: a model that never heard one end without
    it does not know when to stop. For one that never heard a full stop (`trained`, none given: all) they are unchanged.
    """
    symbols = list(symbols)
    last = next((i for i in range(len(symbols), 0, -1) if symbols[i - 1] not in _PUNCTUATION), 0)
    if _ENDS.intersection(symbols[last:]) or (trained and "." not in trained):
        return symbols
    closing = [symbol for symbol in symbols[last:] if symbol in CLOSING]
    return [*symbols[:last], ".", *closing]


def vocabulary_fingerprint(symbols: Sequence[str]) -> str:
    """Equal for the same symbols in the same order."""
    return digest_symbols(symbols)


class Vocabulary:
    """Symbols in the order of their ids. The first, id 0, is padding, which no text contains.

    Raises ValueError if a symbol comes twice. No symbols means DEFAULT_SYMBOLS.
    """

    def __init__(self, symbols: Sequence[str] = DEFAULT_SYMBOLS):
        self.symbols = tuple(symbols) or DEFAULT_SYMBOLS
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        if len(self._ids) != len(self.symbols):
            twice = sorted({s for s in self.symbols if self.symbols.count(s) > 1})
            raise ValueError(f"a vocabulary holds each symbol once; these come more often: {' '.join(twice)}")

    def __len__(self) -> int:
        """Rows of an embedding table: padding and the symbols."""
        return len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        return self._ids.get(symbol, PADDING_ID) != PADDING_ID

    def encode(self, symbols: Iterable[str]) -> list[int]:
        """Ids of symbols. Raises TextError, naming them, if some are not in the vocabulary."""
        symbols = list(symbols)
        unknown = [symbol for symbol in symbols if symbol not in self]
        if unknown:
            raise TextError(
                f"the model's vocabulary lacks {name_characters(c for symbol in unknown for c in symbol)}; "
                "write the text without it, or train with a vocabulary that has it"
            )
        return [self._ids[symbol] for symbol in symbols]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Symbols of ids; padding is left out. Raises ValueError for an id that is out of range."""
        symbols = []
        for i in ids:
            if not 0 <= i < len(self):
                raise ValueError(f"symbol id {i} is out of range; this vocabulary has ids 0 to {len(self) - 1}")
            if i != PADDING_ID:
                symbols.append(self.symbols[i])
        return symbols
