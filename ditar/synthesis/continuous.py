"""A request as DiTAR reads it: text and voice become a row of a batch, and patches become a waveform."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ditar.config.sampling import SamplingOptions
from ditar.diffusion.solver import Solver
from ditar.model.ditar import DiTAR
from ditar.model.generate import GenerationInput, OtherVoice
from ditar.model.patches import patch
from ditar.synthesis.length import lengths
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.retry import attempt_seeds
from ditar.synthesis.timing import Timing, spoken_timing
from ditar.synthesis.voice import Voice, voice_warnings
from ditar.text.errors import dropped_warning
from ditar.text.frontend import ReadText, TextFrontend
from ditar.text.lengths import Lengths, length_warnings
from ditar.units import patches_to_seconds
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder


@dataclass(frozen=True, eq=False)
class PreparedRequest:
    """read: the text; symbol_ids (L,): of the reference's transcript and, from `first` on, the text; prompt (N, P, C):
    the reference; others: what it is blended with; speaker (size,): the voice's embedding, or None; lengths: the
    expected length of the speech, before that is made `speed` times as fast; patch_seconds; sampling, and its solver,
    which rows may share; stop_threshold; warnings that hold for any output."""

    request: SpeechRequest
    read: ReadText
    symbol_ids: Tensor
    first: int
    prompt: Tensor
    others: tuple[OtherVoice, ...]
    speaker: Tensor | None
    lengths: Lengths
    patch_seconds: float
    sampling: SamplingOptions
    solver: Solver
    stop_threshold: float
    speed: float
    warnings: tuple[str, ...]

    @property
    def max_patches(self) -> int:
        return self.lengths.most_units(self.patch_seconds)

    def seeds(self, max_retries: int) -> list[int]:
        """One for each attempt."""
        return attempt_seeds(self.request.seed, self.sampling.temperature > 0, max_retries)

    def row(self, generator: torch.Generator) -> GenerationInput:
        """The batch row of one attempt."""
        return GenerationInput(
            self.symbol_ids,
            self.prompt,
            generator,
            self.max_patches,
            min_patches=self.lengths.least_units(self.patch_seconds),
            solver=self.solver,
            guidance_scale=self.sampling.guidance_scale,
            guidance_rise=self.sampling.guidance_rise,
            stop_threshold=self.stop_threshold,
            first=self.first,
            others=self.others,
            speaker=self.speaker,
        )

    def timing(self, places: Tensor | None, final: bool = True) -> Timing | None:
        """When words and sounds are spoken, at `speed`, if the request asks for it; places (N, P): of the frames so
        far, see `GeneratedPatches`."""
        if self.read.words is None or places is None:
            return None
        spoken = (places - self.first).flatten().tolist()
        return spoken_timing(self.read.symbols, self.read.words, spoken, final).at(self.speed)


def prepare_request(
    model: DiTAR,
    request: SpeechRequest,
    voice: Voice,
    frontend: TextFrontend,
    sampling: SamplingOptions,
    solver: Callable[[SamplingOptions], Solver],
) -> PreparedRequest:
    """text -> phoneme ids, voice -> patches. TextError, ValueError: a text that cannot be spoken, a number out of
    range, or not for this model.

    Args:
        frontend: for the language of the text.
        sampling: the call's; the request's own temperature and guidance scale override it.
        solver: makes one from options.
    """
    config = model.config
    sampling = sampling.override(temperature=request.temperature, guidance_scale=request.guidance_scale)
    config.check_sampling(sampling.guidance_scale, sampling.solver, sampling.guidance_rise)
    read = frontend.read(request.text) if request.read is None else request.read
    prompts = [_prompt(model, one, read, frontend) for one in voice.all]
    (ids, clip), *others = prompts
    if request.timestamps:
        read = frontend.with_words(read)
    expected = lengths(len(read.symbols), voice, config.seconds_per_symbol)
    return PreparedRequest(
        request,
        read,
        ids,
        len(ids) - len(read.symbols),
        clip,
        tuple(OtherVoice(*prompt, share) for prompt, (_, share) in zip(others, voice.others)),
        _speaker(voice),
        expected,
        patches_to_seconds(1, config.patch_frames),
        sampling,
        solver(sampling),
        config.stop_threshold if request.stop_threshold is None else request.stop_threshold,
        1.0 if request.speed is None else request.speed,
        (
            *([dropped_warning(list(read.dropped))] if read.dropped else []),
            *voice_warnings(voice),
            *length_warnings(max(one.seconds for one in voice.all) + expected.expected, config.trained_seconds),
        ),
    )


def _speaker(voice: Voice) -> Tensor | None:
    """The mean of the embeddings of the voices in it, weighted by their shares; zeros stand for a voice without one."""
    main = 1.0 - sum(share for _, share in voice.others)
    shares = [main, *(share for _, share in voice.others)]
    terms = [share * one.embedding.vectors for one, share in zip(voice.all, shares) if one.embedding is not None]
    return sum(terms) if terms else None


def _prompt(model: DiTAR, voice: Voice, read: ReadText, frontend: TextFrontend) -> tuple[Tensor, Tensor]:
    """Of a voice, as in `PreparedRequest`: symbol_ids (L,) and prompt (N, P, C)."""
    config = model.config
    said = frontend.said(voice.symbols, read.symbols, round(voice.seconds / config.seconds_per_symbol))
    ids = torch.tensor(frontend.ids([*said, " ", *read.symbols]), device=model.device)
    return ids, patch(voice.latents[None], config.patch_frames)[0].to(model.device, model.dtype)


def decode(vae: SpeechVAE, prompt: Tensor, patches: Tensor) -> np.ndarray:
    """Patches (N, P, C) -> waveform (S,); they are decoded after the reference, so that there is no click at the
    seam."""
    decoder = StreamingDecoder(vae, prompt.flatten(0, 1))
    decoder.add(patches.flatten(0, 1))
    return decoder.take(final=True).numpy()
