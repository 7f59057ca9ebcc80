"""Evaluation of synthesised speech from WAV files only: it never sees a model.

    WAV files + their text -> ditar.recognise -> words           word and character error, lost ends, repetition
                           -> ditar.recognise                    closed set
                           -> outputs, prosody                   silent, truncated, too long, too short; F0, level, rate
                           -> quality                            DistillMOS, DNSMOS, UTMOS
    WAV files + references -> similarity | checkpoints           speaker similarity, identification
    WAV files + originals  -> parallel                           mel-cepstral distortion, F0 error
    WAV files of more runs -> diversity                          spread of voices, and its picture
    judge: a row an utterance -> score: pooled, intervals, paired differences (metrics, intervals) -> report

The tools' packages come with `pip install '.[eval]'` in a clone; importing this package needs none of them.
"""

from ditar.evaluate.inputs import EvaluationError

__all__ = ["EvaluationError"]
