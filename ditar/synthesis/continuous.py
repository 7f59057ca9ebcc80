"""A request as DiTAR reads it: text and voice become a row of a batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ditar.diffusion.solver import Solver
from ditar.model.ditar import DiTAR
from ditar.model.generate import Row
from ditar.model.patches import patch
from ditar.synthesis.length import length_warnings, lengths
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.voice import Voice, voice_warnings
from ditar.text.errors import dropped_warning
from ditar.text.lengths import Lengths
from ditar.text.phonemise import Phonemiser
from ditar.text.vocabulary import CLOSING, UNKNOWN_TRANSCRIPT, Vocabulary, ended, keep_trained
from ditar.units import patches_to_seconds


@dataclass(frozen=True, eq=False)
class Utterance:
    """request, voice; symbol_ids (L,): of the reference's transcript and the text; prompt (N, P, C): the reference;
    lengths: what is expected; patch_seconds; solver; stop_threshold; warnings, whatever comes out."""

    request: SpeechRequest
    voice: Voice
    symbol_ids: Tensor
    prompt: Tensor
    lengths: Lengths
    patch_seconds: float
    solver: Solver
    stop_threshold: float
    warnings: tuple[str, ...]

    @property
    def max_patches(self) -> int:
        return self.lengths.most_units(self.patch_seconds)

    def row(self, generator: torch.Generator) -> Row:
        """For one attempt."""
        return Row(
            self.symbol_ids,
            self.prompt,
            generator,
            self.max_patches,
            min_patches=self.lengths.least_units(self.patch_seconds),
            solver=self.solver,
            guidance_scale=self.request.guidance_scale,
            stop_threshold=self.stop_threshold,
        )


def read_request(model: DiTAR, request: SpeechRequest, voice: Voice, solver: Callable[[float], Solver]) -> Utterance:
    """`solver`: that of a temperature. TextError, ValueError: a text that cannot be spoken, a number out of range."""
    if request.guidance_scale < 1.0:
        raise ValueError(f"guidance_scale must be at least 1 (1 turns guidance off), got {request.guidance_scale}")
    config = model.config
    dropped: list[str] = []
    wanted = Phonemiser(request.language)(request.text, dropped)
    known = config.trained_symbols or config.symbols
    wanted = ended(keep_trained(wanted, config.trained_symbols, "the text", dropped), known)
    if voice.symbols:
        spoken = ended(voice.symbols, known)
    elif UNKNOWN_TRANSCRIPT in config.trained_symbols:
        spoken = [UNKNOWN_TRANSCRIPT]
    else:
        spoken = _stand_in(wanted, round(voice.seconds / config.seconds_per_symbol))
    ids = Vocabulary(config.symbols).encode([*spoken, " ", *wanted])
    expected = lengths(len(wanted), voice, config.seconds_per_symbol)
    return Utterance(
        request,
        voice,
        torch.tensor(ids, device=model.device),
        patch(voice.latents[None], config.patch_frames)[0].to(model.device, model.dtype),
        expected,
        patches_to_seconds(1, config.patch_frames),
        solver(request.temperature),
        config.stop_threshold if request.stop_threshold is None else request.stop_threshold,
        tuple(_warnings(dropped, voice, voice.seconds + expected.expected, config.trained_seconds)),
    )


def _stand_in(wanted: list[str], count: int) -> list[str]:
    """In the place of a transcript that is not known, for a model without a symbol for that: the text itself, over and over, as many symbols as the reference
    should have. With nothing there the model takes the reference for the text, and stops (ours; word error 23 % with
    synthesised and 47 % with real voices, with their transcripts 23 and 34 %, with nothing 90 %)."""
    length = next((i for i in range(len(wanted), 0, -1) if wanted[i - 1] not in CLOSING), len(wanted))
    *sounds, end = wanted[:length]
    again = [*sounds, " "] * (count // length + 1)
    return [*again[: max(1, count - 1)], end]


def _warnings(dropped: list[str], voice: Voice, together_seconds: float, trained_seconds: float) -> list[str]:
    found = [dropped_warning(dropped)] if dropped else []
    return [*found, *voice_warnings(voice), *length_warnings(together_seconds, trained_seconds)]
