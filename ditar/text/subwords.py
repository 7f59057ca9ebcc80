"""Subwords of a text LM as symbols, in place of phonemes: text -> normalise -> its tokenizer.

A symbol is a token as its tokenizer writes it (`Ġmorning`, the letter standing for a space), but for the one that is a
space alone, which is `" "` here as in every vocabulary: it stands between two texts.
"""

import functools

from ditar.extras import load_extra
from ditar.text.errors import TextError
from ditar.text.normalise import normalise
from ditar.text.phonemise import espeak_language

PADDING = ""  # id 0, so that a token's id is one more than in its LM; no token is empty
_MARKS, _ENDS = frozenset(" .,!?;:-()\"'"), frozenset(".!?")


class Subwords:
    """Texts of one language to subwords. Normalises first: numbers are words. TextError: an unknown language, or see
    `read_tokenizer`."""

    def __init__(self, tokenizer: str, language: str = "en-us"):
        self.language = espeak_language(language)
        self._tokenizer, self.symbols = read_tokenizer(tokenizer)

    def __call__(self, text: str, dropped: list[str] | None = None) -> list[str]:
        """The subwords of a text. `dropped`, TextError: see `normalise`."""
        ids = self._tokenizer.encode(normalise(text, self.language, dropped), add_special_tokens=False).ids
        return [self.symbols[number + 1] for number in ids]


@functools.cache
def read_tokenizer(content: str) -> tuple[object, tuple[str, ...]]:
    """The tokenizer of a tokenizer.json, given its content, and all symbols in the order of their ids, padding first.
    TextError: it is none, has gaps, or cannot stand in for a space."""
    tokenizers = load_extra("tokenizers", "subwords", TextError)
    try:
        tokenizer = tokenizers.Tokenizer.from_str(content)
    except Exception as error:  # it raises nothing more special
        raise TextError(f"{content[:40]!r}... is not the content of a tokenizer.json ({error})") from error
    numbers = tokenizer.get_vocab()
    symbols = sorted(numbers, key=numbers.__getitem__)
    if sorted(numbers.values()) != list(range(len(numbers))):
        raise TextError(f"the tokenizer has {len(numbers)} tokens and ids up to {max(numbers.values())}; none may lack")
    space = tokenizer.encode(" ", add_special_tokens=False).ids
    if len(space) != 1:
        raise TextError(f"the tokenizer makes {len(space)} tokens of a space, and must make one; give another one")
    symbols[space[0]] = " "
    return tokenizer, (PADDING, *symbols)


def ended_subwords(symbols: list[str]) -> list[str]:
    """With a full stop in place of what marks its end if none of these ends a sentence, as `vocabulary.ended`."""
    last = next((i for i in range(len(symbols), 0, -1) if not _MARKS.issuperset(symbols[i - 1])), 0)
    if any(_ENDS.intersection(symbol) for symbol in symbols[last:]):
        return symbols
    return [*symbols[:last], "."]
