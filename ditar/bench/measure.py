"""One case: a number of rows of a number of seconds in one variant, and where its cost goes."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from ditar.bench.setup import Subject, Variant
from ditar.model.ditar import DiTAR
from ditar.model.generate import generate_patches
from ditar.nn.cpu_kernels import plain_methods
from ditar.units import samples_to_seconds, seconds_to_frames
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder

PARTS = ("lm", "encoder", "locdit", "vocoder")
DECODED_FRAMES = seconds_to_frames(10.0)  # at once: memory stays bounded whatever the length
MIB = 2**20


def measure(subject: Subject, variant: Variant, rows: int, seconds: float) -> dict[str, Any]:
    """Make that much speech once: `audio_s` of all rows, `took_s`, `parts_s` (`PARTS` and `rest`), `peak_mib` of the
    process or of the GPU.

    On a GPU the parts are metered in a second pass, and told as shares of the first: metering waits for every part.
    """
    model, vae = subject.model(variant), subject.vae
    made = subject.rows(variant, rows, seconds)
    reset_peak(model.device)
    now = functools.partial(_now, model.device)
    with threads(variant.threads):
        took = None
        if model.device.type == "cuda":
            started = now()
            speak(model, vae, made, variant.guidance_steps)
            took, made = now() - started, subject.rows(variant, rows, seconds)
        with metered(model, vae, now) as parts:
            started = now()
            audio_s = speak(model, vae, made, variant.guidance_steps)
            took_metered = now() - started
    parts["rest"] = took_metered - sum(parts.values())
    took = took_metered if took is None else took
    parts = {name: seconds * took / took_metered for name, seconds in parts.items()}
    return {"audio_s": audio_s, "took_s": took, "parts_s": parts, "peak_mib": peak_mib(model.device)}


def flops_by_part(subject: Subject, variant: Variant, seconds: float) -> dict[str, float]:
    """GFLOP per second of audio, by part and in total (a multiplication and an addition count as two; matrix products,
    convolutions and attention as torch counts them, without the vocoder's FFT)."""
    model, vae = subject.model(variant), subject.vae
    made = subject.rows(variant, 1, seconds)
    lacking = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _cpu_attention_flops}  # in torch's table
    with plain_methods(), FlopCounterMode(display=False, custom_mapping=lacking) as counter:
        with metered(model, vae, counter.get_total_flops) as parts:
            audio_s = speak(model, vae, made, variant.guidance_steps)
        total = counter.get_total_flops()
    return {**{name: count / audio_s / 1e9 for name, count in parts.items()}, "total": total / audio_s / 1e9}


@torch.inference_mode()
def speak(model: DiTAR, vae: SpeechVAE, rows: list, guidance_steps: tuple[float, float]) -> float:
    """Generate and decode; returns the seconds of audio of all rows together."""
    decoders = [StreamingDecoder(vae, row.prompt.flatten(0, 1)) for row in rows]
    samples = 0
    for step in generate_patches(model, rows, guidance_steps=guidance_steps):
        for row, patch, ended in zip(step.rows, step.patches, step.ended):
            decoders[row].add(patch)
            if ended or decoders[row].ready >= DECODED_FRAMES:
                samples += len(decoders[row].take(final=ended))
    return samples_to_seconds(samples)


@contextmanager
def metered(model: DiTAR, vae: SpeechVAE, meter: Callable[[], float]) -> Iterator[dict[str, float]]:
    """What a meter (a clock, a counter) advances by inside each of `PARTS`."""
    places = [
        (model, "prefill", "lm"), (model, "step", "lm"), (model, "embed_patches", "encoder"),
        (model.locdit, "context", "locdit"), (model.locdit, "denoise", "locdit"),
        (vae.decoder, "further_features", "vocoder"), (vae.decoder, "decode_features", "vocoder"),
    ]  # fmt: skip
    with metered_calls(places, meter) as spent:
        yield spent


@contextmanager
def metered_calls(
    places: Sequence[tuple[object, str, str | Mapping[str, str]]], meter: Callable[[], float]
) -> Iterator[dict[str, float]]:
    """What a meter advances by inside each of `PARTS`, nested parts counted once. places: owner and name of what is
    called, and its part, or the part by its first argument."""
    spent = dict.fromkeys(PARTS, 0.0)
    inner = [0.0]  # of the open calls, outermost first

    def wrap(of: str | Mapping[str, str], call: Callable) -> Callable:
        def metered_call(*arguments, **options):
            part = of if isinstance(of, str) else of[arguments[0]]
            started = meter()
            inner.append(0.0)
            try:
                return call(*arguments, **options)
            finally:
                took = meter() - started
                spent[part] += took - inner.pop()
                inner[-1] += took

        return metered_call

    with ExitStack() as stack:
        for owner, name, part in places:
            stack.enter_context(mock.patch.object(owner, name, wrap(part, getattr(owner, name))))
        yield spent


def waits(milliseconds: Sequence[float]) -> dict[str, Any]:
    """Of the times from requests to their first audio: `p50_ms`, `p95_ms`, `runs`."""
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return {"p50_ms": float(p50), "p95_ms": float(p95), "runs": len(milliseconds)}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Set torch's threads within a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reset_peak(device: torch.device) -> None:
    """Reset the highest use of memory, if the system allows it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # then the peak is that of the whole run
        pass


def peak_mib(device: torch.device) -> float | None:
    """Highest use since: of the GPU, or resident memory of this process (None: the system does not tell)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MIB
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()


def _cpu_attention_flops(query, key, value, *_, out_shape=None, **__) -> int:
    return sdpa_flop_count(query, key, value)
