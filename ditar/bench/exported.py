"""The same weights as ONNX graphs (`ditar export`), spoken by `ditar.onnx`: the same rows, noise and parts."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from ditar.bench.measure import DECODED_FRAMES, metered_calls, peak_mib, reset_peak
from ditar.bench.setup import Subject, Variant
from ditar.model.generate import GenerationInput
from ditar.onnx.ddim import Sampling
from ditar.onnx.folder import Model
from ditar.onnx.generate import Generator, Row
from ditar.onnx.vocoder import StreamingDecoder, Vocoder
from ditar.units import samples_to_seconds

PART_OF_GRAPH = {"lm": "lm", "reading": "lm", "patches": "encoder", "locdit": "locdit", "vocoder": "vocoder"}


@dataclass(frozen=True)
class Exported:
    """One form of a subject's model, loaded."""

    model: Model
    generator: Generator
    vocoder: Vocoder


def load_exported(subject: Subject, variant: Variant, export: Callable[..., Any]) -> Exported:
    """The subject's model in the variant's form, exported by `ditar.export.write.export_onnx` and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        export(subject.pipeline(variant), Path(folder), quantise=variant.onnx == "int8")
        model = Model(folder, variant.threads)
        exported = Exported(model, Generator(model), Vocoder(model))
        measure_exported(subject, variant, exported, 1, 0.5)  # graphs are loaded when they are first run
    return exported


def measure_exported(
    subject: Subject, variant: Variant, exported: Exported, rows: int, seconds: float
) -> dict[str, Any]:
    """See `measure.measure`; the memory is that of the process, torch included."""
    made, device = [_row(row, variant) for row in subject.rows(variant, rows, seconds)], subject.vae.device
    reset_peak(device)
    places = [(exported.model, "run", PART_OF_GRAPH), (exported.vocoder, "decode", "vocoder")]
    with metered_calls(places, perf_counter) as parts:
        started = perf_counter()
        audio_s = _speak(exported, made)
        took = perf_counter() - started
    parts["rest"] = took - sum(parts.values())
    return {"audio_s": audio_s, "took_s": took, "parts_s": parts, "peak_mib": peak_mib(device)}


def _row(row: GenerationInput, variant: Variant) -> Row:
    def noise(shape: tuple[int, ...]):
        return torch.randn(shape, generator=row.generator).numpy()

    sampling = Sampling(
        guidance_scale=variant.guidance_scale, guidance_steps=variant.guidance_steps,
        num_inference_steps=variant.steps, time_grid=variant.time_grid,
    )  # fmt: skip
    ids, prompt = row.symbol_ids.numpy(), row.prompt.numpy()
    return Row(ids, prompt, noise, sampling, row.max_patches, row.min_patches, stop_threshold=1.0, first=row.first)


def _speak(exported: Exported, rows: Sequence[Row]) -> float:
    decoders = [StreamingDecoder(exported.vocoder, row.prompt.reshape(-1, row.prompt.shape[-1])) for row in rows]
    samples = 0
    for step in exported.generator(rows):
        for row, patch, ended in zip(step.rows, step.patches, step.ended):
            decoders[row].add(patch)
            if ended or decoders[row].ready >= DECODED_FRAMES:
                samples += len(decoders[row].take(final=ended))
    return samples_to_seconds(samples)
