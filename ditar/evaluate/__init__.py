"""Judgement of synthesised speech from WAV files alone: it never sees a model.

    WAV files + their text -> recognise -> words     word and character error, closed-set accuracy, intervals
                           -> outputs                silent, truncated, too long, too short; duration, active level
    WAV files + references -> similarity             speaker similarity, identification
    all of them            -> score                  one dictionary, JSON, JSON lines, a Markdown table

Recogniser and embedder come with `pip install '.[eval]'` in a clone; importing this package needs neither.
"""

from ditar.evaluate.inputs import EvaluationError

__all__ = ["EvaluationError"]
