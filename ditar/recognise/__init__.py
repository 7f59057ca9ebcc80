"""What hears words. Every recogniser turns (S,) float at 16 kHz into text, hears each utterance by itself, and has a name
that pins it, to be written beside every figure.

    faster_whisper   Whisper by CTranslate2: the default; weights come by pip
    checkpoint       Whisper or a CTC head by transformers
    pocketsphinx     offline on any CPU; free, or among the sentences of a closed set
    aligner          when each phone of known words is spoken, by pocketsphinx
    choose           which of them a name means -> files: one process a core over many files
    words            words as they are compared; pronounce: CMUdict phones for words that no dictionary has

What they need comes with the extra `eval`; importing this package needs none of it.
"""

from ditar.recognise.errors import RecogniserError

__all__ = ["RECOGNISER_RATE_HZ", "RecogniserError"]

RECOGNISER_RATE_HZ = 16_000
