"""Whether a voice is learnt from its clip, see `synthesis.adapt`, or only heard."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ditar.synthesis.reference import Reference
from ditar.synthesis.voice import Voice
from ditar.text.errors import TextError

AUTO = "auto"  # where that makes it better


def check_adapt(value: Any) -> None:
    """ValueError: it is none of the values of `adapt`."""
    if not isinstance(value, bool) and value != AUTO:
        raise ValueError(f"adapt must be True, False or 'auto', got {value!r}")


def adapt_if_better(pipeline: Any, voice: Voice, reference: Reference, adapt: Callable[..., Voice]) -> Voice:
    """What `adapt(voice, reference, sure=True)` makes of a voice that a pipeline has heard, or the voice with a warning
    why it was not learnt. There is none for one that ships, for a clip whose words are not known, of which
    `voice_warnings` tells, and for models that learn no voices at all."""
    if reference.ships or not reference.text or pipeline.speaker_space is None:
        return voice
    otherwise = "give a better recording, or adapt to it all the same (adapt=True, --adapt)"
    why = reference.unfit and f"{reference.unfit}; {otherwise}"
    if not pipeline.adapts_voices:
        why = (
            f"the model is distilled, and learns no voices: make {voice.name!r} with the model that it was distilled "
            "from (ditar voice create NAME), and give it as --voice NAME"
        )
    if not why:
        try:
            return adapt(voice, reference, sure=True)
        except TextError as error:
            why = str(error)
    told = f"the voice {voice.name!r} is heard and not learnt, and will be less alike: {why}"
    return replace(voice, warnings=(*voice.warnings, told))
