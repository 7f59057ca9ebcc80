"""A voice adapted to its clip: what is said when in it, and the embedding that is learnt of it, see `model.speaker`."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ditar.audio.resample import resample
from ditar.data.align import align_symbols
from ditar.data.frame_symbols import frame_places
from ditar.data.references import shift
from ditar.model.ditar import DiTAR
from ditar.model.patches import patch
from ditar.model.speaker import check_learns, learn_speaker
from ditar.nn.alignment import NO_TARGET
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.aligner import Aligner, AlignmentError, unlikely
from ditar.synthesis.reference import Reference
from ditar.synthesis.voice import SpeakerEmbedding, Voice
from ditar.synthesis.voice_names import check_adaptable
from ditar.text.errors import TextError
from ditar.text.frontend import TextFrontend
from ditar.units import LATENT_RATE_HZ, SAMPLE_RATE_HZ

SEED = 0  # so that the same clip gives the same voice


def adapt_voice(
    model: DiTAR,
    voice: Voice,
    reference: Reference,
    fingerprint: str,
    on_step: Callable[[int, int], None] | None = None,
    sure: bool = False,
) -> Voice:
    """The voice that was made of a reference, with an embedding for the model of a fingerprint, and with a warning if
    something else seems to be said in the clip: fast speech may look so, too. on_step: see `learn_speaker`.

    TextError: what is said is not known, or nothing like it is found, or, with `sure`, there would be such a warning.
    ModelError: see `learn_speaker`.
    """
    check_adaptable(reference)
    check_learns(model.config)
    frontend = TextFrontend.of(model.config, reference.language)
    symbols = frontend.end(voice.symbols)  # as they are read when it speaks
    patches, places, doubts = patch(voice.latents[None], model.config.patch_frames)[0], None, ()
    if model.config.reads_monotonically:
        places, doubts = _places(voice, symbols, reference, model.config.patch_frames, sure)
    first = 0
    if 2 * voice.seconds <= (model.config.trained_seconds or math.inf):  # a longer clip knows itself soon enough
        first, symbols, patches, places = _after_itself(symbols, patches, places)
    ids = torch.tensor(frontend.ids(symbols))
    vectors = learn_speaker(model, ids, patches, places, first=first, seed=SEED, on_step=on_step)
    embedding = SpeakerEmbedding(vectors, fingerprint)
    if reference.unfit:
        unfit = f"what was learnt of the voice {voice.name!r} holds more than the voice, and words may go wrong"
        doubts = (*doubts, f"{unfit}: {reference.unfit}; give a better recording, or do without adapting")
    return replace(voice, embedding=embedding, warnings=(*voice.warnings, *doubts))


def _after_itself(
    symbols: list[str], patches: Tensor, places: Tensor | None
) -> tuple[int, list[str], Tensor, Tensor | None]:
    """A clip that follows itself as its own reference, read as references are: how many patches come first, and
    symbols, patches and places of both."""
    if places is not None:
        place = len(symbols)  # of the space between them, at which a reference ends; where it was before nobody knows
        heard = torch.full_like(places, NO_TARGET)
        heard[-1, -1] = place
        places = torch.cat((heard, places + place + 1))
    return len(patches), [*symbols, " ", *symbols], patches.repeat(2, 1, 1), places


def _places(
    voice: Voice, symbols: list[str], reference: Reference, patch_frames: int, sure: bool
) -> tuple[Tensor, tuple[str, ...]]:
    """(N, P) the place of the symbol that each frame of a voice speaks, and warnings, which are errors if `sure`."""
    waveform = resample(reference.clip, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)
    found, why = None, "its sounds are more than its frames, or not found"
    said, doubts = reference.text[:60], ()
    try:
        phones = Aligner().align(waveform, reference.text, reference.language, sure=False)
    except AlignmentError as error:
        why = str(error)
    else:
        frames = len(voice.latents)
        left_s = frames / LATENT_RATE_HZ - voice.seconds  # of silence before the clip, up to a whole patch
        times = shift(align_symbols(symbols, phones), left_s)
        found = frame_places(symbols, times, frames, LATENT_RATE_HZ)
        if doubt := unlikely(phones, waveform):
            if sure:
                raise TextError(
                    f"{said!r} may not be what is said in the clip of {voice.name!r} ({doubt}); give exactly what is "
                    "said in it, or if that is it, adapt to it all the same (adapt=True, --adapt)"
                )
            doubts = (f"{said!r} may not be what is said in the clip of {voice.name!r} ({doubt}), which was learnt",)
    if found is None or found[0] == NO_TARGET:
        raise TextError(
            f"the voice {voice.name!r} cannot be adapted: {said!r} is not found in its clip ({why}); give exactly what "
            "is said in it, or do without adapting"
        )
    return torch.from_numpy(found).view(-1, patch_frames), doubts
