"""Requests as the model reads them: text and voice become the row of a batch."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ditar.config.numbers import check_whole
from ditar.config.sampling import MOST_RETRIES, RANGES
from ditar.onnx.ddim import Noise, Sampling
from ditar.onnx.folder import Model
from ditar.onnx.generate import Row
from ditar.onnx.request import SpeechRequest
from ditar.onnx.voices import Voice, check_voice
from ditar.seeds import attempt_seed, piece_seeds
from ditar.text.errors import TextError, dropped_warning
from ditar.text.frontend import TextFrontend
from ditar.text.lengths import Lengths, call_lengths, length_warnings
from ditar.text.lexicon import Lexicon
from ditar.text.pieces import paced, piece_limit, read_pieces
from ditar.text.sentences import Piece
from ditar.units import patches_to_seconds


@dataclass(frozen=True, eq=False)
class Prepared:
    """A request as the model reads it. ids (L,): of the reference's transcript, or of what stands for it where it is
    not `transcribed`, and from `first` on of the text; lengths: of its speech, before that is made `speed` times as
    fast; speaker: see `Row`."""

    request: SpeechRequest
    ids: np.ndarray
    first: int
    transcribed: bool
    prompt: np.ndarray
    lengths: Lengths
    sampling: Sampling
    stop_threshold: float
    speed: float
    patch_seconds: float
    seeds: tuple[int, ...]
    warnings: tuple[str, ...]
    speaker: np.ndarray | None

    def row(self, noise: Noise) -> Row:
        """The row of an attempt."""
        most, least = self.lengths.most_units(self.patch_seconds), self.lengths.least_units(self.patch_seconds)
        own = self.first if self.transcribed else 0
        return Row(
            self.ids, self.prompt, noise, self.sampling, most, least, self.stop_threshold, self.first, own, self.speaker
        )  # fmt: skip


def read_text(
    model: Model,
    text: str,
    voice: Voice,
    seed: int | None,
    lexicon: Lexicon,
    language: str,
    speed: float | None,
    stop_threshold: float | None,
) -> tuple[list[Piece], list[str], list[SpeechRequest], int]:
    """The pieces of a text, warnings about what is left out, a request for each, and the seed of the whole, which is
    that of a single piece. seed None: one is drawn. TextError."""
    config, frontend = model.text, TextFrontend.of(model.text, language)
    one = call_lengths(1, config.seconds_per_symbol, len(voice.symbols), voice.seconds).expected
    limit = piece_limit(config.trained_seconds, voice.seconds, one)
    found, warnings = read_pieces(frontend, lexicon.apply(text, language), limit, whole=True)
    pieces, reads = zip(*found)
    seed = secrets.randbits(63) if seed is None else seed
    seeds = [seed] if len(pieces) == 1 else piece_seeds(seed, [piece.text for piece in pieces])
    requests = [
        SpeechRequest(
            piece.text, voice, seed=of_piece, language=language, speed=_speed(piece, speed), read=read,
            stop_threshold=stop_threshold,
        )
        for piece, read, of_piece in zip(pieces, reads, seeds)
    ]  # fmt: skip
    return [paced(piece, speed) for piece in pieces], warnings, requests, seed


def prepare(
    model: Model,
    requests: Sequence[SpeechRequest],
    default: Callable[[], Voice],
    retries: int,
    options: dict[str, Any],
) -> list[Prepared]:
    """text -> ids, voice -> patches, of all before anything is made. default: the voice of requests without one.
    TextError, VoiceError, ValueError."""
    retries = check_whole(retries, "max_retries", 0, MOST_RETRIES)
    config, shape = model.text, model.shape
    if requests and all(request.temperature is not None for request in requests):
        options = {"temperature": requests[0].temperature, **options}  # the model's may not go with the number of steps
    common = model.sampling.override(**options)
    frontend = cache(lambda language: TextFrontend.of(config, language))
    prepared = []
    for request in requests:
        voice = default() if request.voice is None else request.voice
        check_voice(voice, model)
        sampling = common.override(temperature=request.temperature, guidance_scale=request.guidance_scale)
        of = frontend(request.language)
        if shape.distilled_guidance and sampling.guidance_rise != 1:
            raise ValueError(
                f"this distilled model was taught one guidance scale for all times, got guidance_rise "
                f"{sampling.guidance_rise:g}; leave it out, or use the model that it was distilled from"
            )
        if 0 < shape.distilled_guidance < sampling.guidance_scale:
            raise ValueError(
                f"this distilled model was taught guidance scales from 1 to {shape.distilled_guidance:g}, got "
                f"{sampling.guidance_scale:g}; give one of those, or use the model that it was distilled from"
            )
        read = request.read or of.read(request.text)
        said = of.said(voice.symbols, read.symbols, round(voice.seconds / config.seconds_per_symbol))
        pace = config.seconds_per_symbol, len(voice.symbols), voice.seconds
        lengths = call_lengths(len(read.symbols), *pace)
        first = secrets.randbits(63) if request.seed is None else request.seed
        warnings = [*([dropped_warning(list(read.dropped))] if read.dropped else []), *voice.all_warnings()]
        prepared.append(Prepared(
            request,
            np.array(of.ids([*said, " ", *read.symbols])),
            len(said) + 1,
            bool(voice.symbols),
            voice.latents.reshape(-1, shape.patch_frames, shape.latent_channels),
            lengths,
            sampling,
            shape.stop_threshold if request.stop_threshold is None else request.stop_threshold,
            request.speed or 1.0,
            patches_to_seconds(1, shape.patch_frames),
            tuple(attempt_seed(first, n) for n in range(1 + retries if sampling.temperature > 0 else 1)),
            tuple(warnings + length_warnings(voice.seconds + lengths.expected, config.trained_seconds)),
            voice.speaker,
        ))  # fmt: skip
    return prepared


def _speed(piece: Piece, asked: float | None) -> float | None:
    """Of a piece with a rate of its own. TextError: the two do not go together."""
    if piece.rate == 1.0:
        return asked
    together, (low, high) = piece.rate * (asked or 1.0), RANGES["speed"]
    if not low <= together <= high:
        made = f"{piece.text[:40]!r}: its rate and the speed make {together:g}"
        raise TextError(f"{made}, and from {low:g} to {high:g} is possible; change one of them")
    return together
