"""Speech recognition. Every recogniser turns (S,) float at 16 kHz into text, treats each utterance independently, and
has a name that identifies its weights, to be reported with every figure.

    faster_whisper   Whisper by CTranslate2: the default; weights come with a package
    checkpoint       Whisper or a CTC head by transformers
    pocketsphinx     offline on any CPU; free, or limited to a closed set of sentences
    aligner          when each phone of known words is spoken, by pocketsphinx
    choose           which of them a name means -> files: one process a core over many files
    words            words in the form in which they are compared; pronounce: CMUdict phones for unknown words

Packages of the first two come with the extra `eval`; importing this package needs none of them.
"""

from ditar.recognise.errors import RecogniserError

__all__ = ["RECOGNISER_RATE_HZ", "RecogniserError"]

RECOGNISER_RATE_HZ = 16_000
