"""Voices that are made of clips on the command line: learnt from them, once, where that makes them better."""

import sys
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ditar.cli import printing

if TYPE_CHECKING:
    from ditar.synthesis.reference import Reference
    from ditar.synthesis.voice import Voice
    from ditar.synthesis.voice_names import VoiceSource


def chosen_voice(source: "VoiceSource", pipeline: Any, adapt: bool | None, instead: str = "--no-adapt") -> "Voice":
    """The voice from what `read_voice` found; adapt: see `create_voice` of a pipeline, None: "auto"; instead: what a
    user who does not want to wait for it is told.

    VoiceError, VoiceFileError: see `make_voice`. TextError: with `adapt`, what is said is not known or not found.
    """
    from ditar.synthesis.adapting import AUTO
    from ditar.synthesis.learnt import learnt_folder
    from ditar.synthesis.voice_names import make_voice

    def create(reference: "Reference") -> "Voice":
        bar = _Bar(reference.name, instead)
        try:
            how = AUTO if adapt is None else adapt
            return pipeline.create_voice(reference, adapt=how, on_step=bar, learnt=learnt_folder())
        finally:
            bar.close()

    return make_voice(source, pipeline, bool(adapt), create)


class _Bar:
    """A bar of the steps of learning on a terminal, elsewhere a line when it begins; nothing of what is known."""

    def __init__(self, name: str, instead: str):
        self._name, self._instead, self._bar = name, instead, None

    def __call__(self, step: int, steps: int) -> None:
        if step == 0:
            printing.say(f"learning the voice {self._name!r} from its clip, once ({self._instead}: only hear it)")
            self._bar = tqdm(total=steps, unit=" steps", dynamic_ncols=True, disable=not sys.stderr.isatty())
        else:
            self._bar.update()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
