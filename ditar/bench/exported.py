"""The same weights as ONNX graphs (`ditar export`), spoken by `ditar.onnx`: the same rows, noise and parts."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from ditar.bench.measure import DECODED_FRAMES, metered_calls, peak_mib, reset_peak, waits
from ditar.bench.setup import SENTENCE, TRANSCRIPT, Subject, Variant, reference_noise
from ditar.model.generate import GenerationInput
from ditar.onnx.ddim import Sampling
from ditar.onnx.folder import Model
from ditar.onnx.generate import Generator, Row
from ditar.onnx.speaker import Speaker
from ditar.onnx.vocoder import StreamingDecoder, Vocoder
from ditar.onnx.voices import Voice
from ditar.units import samples_to_seconds

PART_OF_GRAPH = {
    "lm": "lm", "reading": "lm", "spoken": "lm", "patches": "encoder", "locdit": "locdit", "vocoder": "vocoder"
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """One form of a subject's model, loaded, and a voice for its streams."""

    speaker: Speaker
    voice: Voice
    language: str
    generator: Generator
    vocoder: Vocoder

    @property
    def model(self) -> Model:
        """Its graphs."""
        return self.speaker.model


def load_exported(subject: Subject, variant: Variant, export: Callable[..., Any]) -> Exported:
    """The subject's model in the variant's form, exported by `ditar.export.write.export_onnx` and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        export(subject.pipeline(variant), Path(folder), quantise=variant.onnx == "int8")
        speaker = Speaker(folder, variant.threads)
        voice = speaker.create_voice(reference_noise(), TRANSCRIPT, language=subject.language)
        exported = Exported(speaker, voice, subject.language, Generator(speaker.model), Vocoder(speaker.model))
        measure_exported(subject, variant, exported, 1, 0.5)  # graphs are loaded when they are first run
    return exported


def measure_exported(
    subject: Subject, variant: Variant, exported: Exported, rows: int, seconds: float
) -> dict[str, Any]:
    """See `measure.measure`; the memory is that of the process, torch included."""
    made, device = [_row(row, variant) for row in subject.rows(variant, rows, seconds)], subject.vae.device
    reset_peak(device)
    places = [(exported.model, "run", PART_OF_GRAPH)]
    places += [(exported.vocoder, name, "vocoder") for name in ("further_frames", "sound")]
    with metered_calls(places, perf_counter) as parts:
        started = perf_counter()
        audio_s = _speak(exported, made)
        took = perf_counter() - started
    parts["rest"] = took - sum(parts.values())
    return {"audio_s": audio_s, "took_s": took, "parts_s": parts, "peak_mib": peak_mib(device)}


def time_exported_streams(variant: Variant, exported: Exported, count: int, text: str = SENTENCE) -> dict[str, Any]:
    """See `measure.waits`: from a request to its first audio, as `study.time_streams` has it in torch."""
    options = {"language": exported.language, "stop_threshold": 1.0, "max_retries": 0, **_sampling(variant)}
    totals = []
    for seed in range(count + 1):
        started = perf_counter()
        next(exported.speaker.stream(text, exported.voice, seed=seed, **options))
        totals.append(1000 * (perf_counter() - started))
    return waits(totals[1:])  # the first one warms up


def _sampling(variant: Variant) -> dict[str, Any]:
    """The fields of `Sampling` that a variant sets."""
    return {
        "guidance_scale": variant.guidance_scale, "guidance_steps": variant.guidance_steps,
        "num_inference_steps": variant.steps, "time_grid": variant.time_grid,
    }  # fmt: skip


def _row(row: GenerationInput, variant: Variant) -> Row:
    def noise(shape: tuple[int, ...]):
        return torch.randn(shape, generator=row.generator).numpy()

    sampling = Sampling(**_sampling(variant))
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
