"""The only part of a sweep that deals with a pipeline: loading it, references as voices, an output as a task."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch

from ditar.config import ConfigError
from ditar.evaluate.words import plain_words
from ditar.storage.digests import digest_tensors
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid, axes
from ditar.sweep.items import Item
from ditar.sweep.pairs import Pair
from ditar.synthesis.pieces import one_piece
from ditar.synthesis.pretrained import load_pipeline
from ditar.synthesis.reference import read_reference
from ditar.synthesis.utterance_list import SpeechTask
from ditar.synthesis.voice import voice_key
from ditar.text import TextError
from ditar.vae.speech_vae import SpeechVAE


def load_sweep_pipeline(model: str | None, device: str, dtype: str, threads: int | None = None) -> Any:
    """The pipeline of a model's folder or hub name; None: the model that ships."""
    pipeline = load_pipeline(model, device=device, torch_dtype=dtype, threads=threads)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def weights_digest(pipeline: Any) -> str:
    """Equal if all weights are, and what else decides how latents sound: a resumed sweep does not keep outputs of
    others."""
    parts = [part for _, part in sorted(pipeline.components.items()) if isinstance(part, torch.nn.Module)]
    values = [value for part in parts for value in part.state_dict().values()]
    contrasts = [part.config.vocos.formant_contrast for part in parts if isinstance(part, SpeechVAE)]
    return digest_tensors([*values, *(torch.tensor(contrast) for contrast in contrasts if contrast)])


def check_pipeline(pipeline: Any, grid: Grid | TokenGrid) -> None:
    """SweepError if the grid has the other system's settings, or some that a distilled model was not taught."""
    if grid.MODEL not in pipeline.components:
        raise SweepError(
            f"a grid over {', '.join(axes(grid))} is not for a {pipeline.class_name}; take the axes of its own "
            "system (top_k is the discrete baseline's, steps is DiTAR's)"
        )
    if isinstance(grid, Grid):
        try:
            for scale, solver in product(grid.guidance_scale, grid.solver):
                pipeline.ditar.config.check_sampling(scale, solver)
        except ConfigError as error:
            raise SweepError(str(error)) from None


def make_voices(pipeline: Any, pairs: Sequence[Pair], language: str) -> dict[str, Any]:
    """The voice of each pair, by the pair's name; each clip is encoded once. AudioError, TextError: see `create_voice`
    of the pipeline."""
    made: dict[tuple, Any] = {}
    for pair in pairs:
        clip = pair.reference, pair.transcript
        if clip not in made:
            made[clip] = pipeline.create_voice(read_reference(*clip, language=language))
    return {pair.name: made[pair.reference, pair.transcript] for pair in pairs}


def check_texts(pipeline: Any, pairs: Sequence[Pair], voices: dict[str, Any], language: str) -> None:
    """SweepError names the first pair whose text cannot be spoken: before the first synthesis, not in the middle."""
    for pair in pairs:
        try:
            one_piece(pair.text, voices[pair.name], pipeline.text_config, language)
        except TextError as error:
            raise SweepError(f"pair {pair.name!r} cannot be spoken: {error}") from None
        if not plain_words(pair.text):
            raise SweepError(f"pair {pair.name!r} has no word to recognise in {pair.text!r}; write it out in words")


def task(grid: Grid | TokenGrid, item: Item, voice: Any, max_retries: int, language: str) -> SpeechTask:
    """A task for the settings and text of an item: settings shared by a batch go to the call, others to the request."""
    pair = item.pair
    return SpeechTask(
        item.name,
        pair.text,
        voice,
        voice_key(voice),
        seed=item.noise_seed,
        request_options={
            "language": language,
            "temperature": item.point["temperature"],
            "guidance_scale": item.point["guidance_scale"],
        },
        batch_options={
            "max_retries": max_retries,
            **{option: item.point[axis] for axis, option in grid.PER_BATCH.items()},
        },
    )
