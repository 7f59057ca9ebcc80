"""Voices that are made of clips on the command line: learnt from them, once, where that can be."""

import sys
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ditar.cli import printing

if TYPE_CHECKING:
    from ditar.synthesis.reference import Reference
    from ditar.synthesis.voice import Voice
    from ditar.synthesis.voice_names import VoiceSource


def chosen_voice(source: "VoiceSource", pipeline: Any, adapt: bool | None) -> "Voice":
    """The voice from what `read_voice` found, learnt from its clip if `adapt`, or where it can be if that is None.

    VoiceError, VoiceFileError: see `make_voice`. TextError: with `adapt`, what is said is not known or not found.
    """
    from ditar.synthesis.voice_names import make_voice

    return make_voice(source, pipeline, bool(adapt), lambda reference: _of_clip(reference, pipeline, adapt))


def _of_clip(reference: "Reference", pipeline: Any, adapt: bool | None) -> "Voice":
    if adapt is False or adapt is None and not _can_learn(reference, pipeline):
        return pipeline.create_voice(reference)
    from ditar.synthesis.learnt import learn_once
    from ditar.text.errors import TextError

    bar = _Bar(reference.name)
    try:
        return learn_once(pipeline, reference, bar, sure=adapt is None)
    except TextError as error:
        if adapt:
            raise
        heard = pipeline.create_voice(reference)  # whose errors are those of the clip and its words
        printing.warn([f"{error}; the voice is heard and not learnt, and will be less alike"])
        return heard
    finally:
        bar.close()


def _can_learn(reference: "Reference", pipeline: Any) -> bool:
    from ditar.text.frontend import has_heard

    if reference.ships or not reference.text or pipeline.speaker_space is None:
        return False
    if not pipeline.adapts_voices:
        printing.say(
            f"the voice {reference.name!r} is heard and not learnt, since this model is distilled; more alike is one "
            "that `ditar voice create NAME` makes with the model that it was distilled from: --voice NAME"
        )
        return False
    return has_heard(reference.language, pipeline.text_config.trained_languages)


class _Bar:
    """A bar of the steps of learning on a terminal, elsewhere a line when it begins; nothing of what is known."""

    def __init__(self, name: str):
        self._name, self._bar = name, None

    def __call__(self, step: int, steps: int) -> None:
        if step == 0:
            printing.say(f"learning the voice {self._name!r} from its clip, once (--no-adapt: only hear it)")
            self._bar = tqdm(total=steps, unit=" steps", dynamic_ncols=True, disable=not sys.stderr.isatty())
        else:
            self._bar.update()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
