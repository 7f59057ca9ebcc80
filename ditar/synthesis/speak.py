"""Utterances -> speech: in batches, each made again until it is good or its seeds are used up."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch

from ditar.audio.trim import is_silent
from ditar.model.ditar import DiTAR
from ditar.model.generate import Generated, Row, collect, generate
from ditar.synthesis.continuous import Utterance
from ditar.synthesis.request import SpeechOutput
from ditar.synthesis.retry import problem
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder

Progress = Callable[..., AbstractContextManager]  # makes a bar of a `total`, which has an `update`


@torch.inference_mode()
def speak(
    model: DiTAR,
    vae: SpeechVAE,
    utterances: Sequence[Utterance],
    seeds: Sequence[Sequence[int]],
    progress: Progress,
    guidance_steps: tuple[float, float],
    batch_size: int,
    generator: torch.Generator | None = None,
) -> list[SpeechOutput]:
    """Speech of each utterance, in their order, made with the first of its seeds that makes it good, or with the last.

    Those of like length go together, the longest first; one that failed goes again behind the others. Where memory does
    not suffice for a batch, half of it is tried. `generator` takes the place of the seeds, of one utterance alone.
    """
    outputs: list[SpeechOutput | None] = [None] * len(utterances)
    failures: list[list[str]] = [[] for _ in utterances]
    waiting = sorted(range(len(utterances)), key=lambda i: -utterances[i].max_patches)
    while waiting:
        batch, waiting = waiting[:batch_size], waiting[batch_size:]
        used = [seeds[i][len(failures[i])] for i in batch]
        noise = [torch.Generator().manual_seed(seed) for seed in used] if generator is None else [generator]
        rows = [utterances[i].row(row_noise) for i, row_noise in zip(batch, noise)]
        try:
            made = _generate(model, rows, progress, guidance_steps)
        except (RuntimeError, MemoryError) as error:
            if len(batch) == 1 or not _is_out_of_memory(error):
                raise
            batch_size, waiting = len(batch) // 2, batch + waiting
            continue
        for i, seed, row in zip(batch, used, made):
            audio, stopped = _decode(vae, utterances[i], row), row.stop > utterances[i].stop_threshold
            seconds = samples_to_seconds(len(audio))
            wrong = problem(seconds, is_silent(audio), stopped, utterances[i].lengths.expected)
            attempt, warnings = len(failures[i]) + 1, list(utterances[i].warnings)
            if wrong is not None and attempt < len(seeds[i]):
                failures[i].append(wrong)
                waiting.append(i)
                continue
            if wrong is not None:
                warnings.insert(0, f"{wrong}, after {attempt} attempts; try another seed or reference")
            outputs[i] = SpeechOutput(
                audio=audio,
                sample_rate=SAMPLE_RATE_HZ,
                stopped=stopped,
                patches=len(row.patches),
                attempts=attempt,
                seed=seed if generator is None else None,
                warnings=warnings,
                failures=failures[i],
            )
    return outputs


def _generate(
    model: DiTAR, rows: list[Row], progress: Progress, guidance_steps: tuple[float, float]
) -> list[Generated]:
    with progress(total=max(row.max_patches for row in rows)) as bar:
        return collect(_counted(generate(model, rows, guidance_steps=guidance_steps), bar))


def _counted(steps, bar):
    for step in steps:
        bar.update()
        yield step


def _decode(vae: SpeechVAE, utterance: Utterance, made: Generated) -> np.ndarray:
    """Waveform (S,); the reference stands before it while it is decoded, so that there is no click at the seam."""
    decoder = StreamingDecoder(vae, utterance.prompt.flatten(0, 1))
    decoder.add(made.patches.flatten(0, 1))
    return decoder.take(final=True).numpy()


def _is_out_of_memory(error: Exception) -> bool:
    """Of a GPU, of Python, or of torch on a CPU, which has no class for it."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)
