"""The only place of a sweep that knows a pipeline: loading it, references as voices, a batch of outputs."""

from collections.abc import Sequence
from typing import Any

import torch

from ditar.storage.digests import digest_tensors
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid, axes
from ditar.sweep.items import Item
from ditar.sweep.pairs import Pair


def load(model: str | None, device: str, dtype: str) -> Any:
    """The pipeline of a model's folder or hub name; None: the model that ships."""
    from ditar.synthesis.pretrained import load_pipeline

    pipeline = load_pipeline(model, device=device, torch_dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def weights_digest(pipeline: Any) -> str:
    """Equal where all weights are: outputs of other weights are not kept when a sweep goes on."""
    parts = [part for _, part in sorted(pipeline.components.items()) if isinstance(part, torch.nn.Module)]
    return digest_tensors(value for part in parts for value in part.state_dict().values())


def check_pipeline(pipeline: Any, grid: Grid | TokenGrid) -> None:
    """SweepError where the grid is of the other system's settings."""
    if grid.MODEL not in pipeline.components:
        raise SweepError(
            f"a grid over {', '.join(axes(grid))} is not for a {type(pipeline).__name__}; take the axes of its own "
            "system (top_k is the discrete baseline's, steps is DiTAR's)"
        )


def make_voices(pipeline: Any, pairs: Sequence[Pair], language: str) -> dict[str, Any]:
    """The voice of each pair, by the pair's name; each clip is encoded once. AudioError, TextError: see `create_voice`
    of the pipeline."""
    made: dict[tuple, Any] = {}
    for pair in pairs:
        clip = pair.reference, pair.transcript
        if clip not in made:
            made[clip] = pipeline.create_voice(*clip, language=language)
    return {pair.name: made[pair.reference, pair.transcript] for pair in pairs}


def check_texts(
    pipeline: Any, grid: Grid | TokenGrid, pairs: Sequence[Pair], voices: dict[str, Any], language: str
) -> None:
    """SweepError names the first pair whose text cannot be spoken: before the first synthesis, not in its midst."""
    from ditar.evaluate.words import plain_words
    from ditar.synthesis.length import lengths
    from ditar.text import TextError
    from ditar.text.phonemise import Phonemiser
    from ditar.text.vocabulary import keep_trained

    config, phonemise = pipeline.components[grid.MODEL].config, Phonemiser(language)
    for pair in pairs:
        try:
            symbols = keep_trained(phonemise(pair.text), config.trained_symbols, "the text")
            lengths(len(symbols), voices[pair.name], config.seconds_per_symbol)
        except TextError as error:
            raise SweepError(f"pair {pair.name!r} cannot be spoken: {error}") from None
        if not plain_words(pair.text):
            raise SweepError(f"pair {pair.name!r} has no word to recognise in {pair.text!r}; write it out in words")


def speak(
    pipeline: Any,
    grid: Grid | TokenGrid,
    batch: Sequence[Item],
    voices: dict[str, Any],
    max_retries: int,
    language: str,
) -> list[Any]:
    """A SpeechOutput for each item of one batch: the settings that the rows share go to the call, the others into the
    requests."""
    from ditar.synthesis.request import SpeechRequest

    requests = [
        SpeechRequest(
            item.pair.text,
            voices[item.pair.name],
            seed=item.noise_seed,
            temperature=item.point["temperature"],
            guidance_scale=item.point["guidance_scale"],
            language=language,
        )
        for item in batch
    ]
    shared = {option: batch[0].point[axis] for axis, option in grid.PER_BATCH.items()}
    return pipeline.batch(requests, **shared, max_retries=max_retries, batch_size=len(batch))
