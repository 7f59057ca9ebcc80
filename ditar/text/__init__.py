"""Text to IPA symbols: controls (pauses, pronunciations, SSML) -> normalise -> phonemise -> vocabulary.

Text is a Unicode string; symbols are single code points of the International Phonetic Alphabet, stress, length and tone
marks, punctuation and the space between words; ids index a model's embedding table.
"""

from ditar.text.errors import TextError
from ditar.text.normalise import normalise
from ditar.text.phonemise import Phonemiser
from ditar.text.vocabulary import DEFAULT_SYMBOLS, Vocabulary

__all__ = ["DEFAULT_SYMBOLS", "Phonemiser", "TextError", "Vocabulary", "normalise"]
