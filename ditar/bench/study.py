"""A whole measurement: lengths, batch sizes, variants and first audio, in turn."""

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from ditar.bench import BenchError
from ditar.bench.measure import flops_by_part, measure, threads, waits
from ditar.bench.setup import SENTENCE, TRANSCRIPT, Subject, Variant, check_variant, reference_noise
from ditar.bench.tables import VERSION, bench_markdown, plot
from ditar.extras import load_extra
from ditar.storage.atomic_write import atomic_write, write_lines
from ditar.storage.provenance import provenance
from ditar.synthesis.request import SpeechRequest
from ditar.text.frontend import TextFrontend
from ditar.units import SAMPLE_RATE_HZ

FIRST_PARTS = ("text", "prefill", "patches", "vocoder")
Case = tuple[Variant, int, float]  # variant, rows, seconds of each


def bench(
    subject: Subject,
    variants: Sequence[Variant],
    *,
    lengths: Sequence[float] = (10.0, 30.0, 120.0),
    batch_sizes: Sequence[int] = (1, 2, 4, 8),
    repeats: int = 3,
    streams: int = 20,
    progress: bool = True,
    export: Callable[..., Any] | None = None,
    text: str = SENTENCE,
) -> dict[str, Any]:
    """Measure; returns the content of bench.json. BenchError for what cannot be measured.

    Every case is measured once in each of `repeats` rounds, so that a ratio compares measurements close in time: ratios
    are medians over the rounds.

    Args:
        variants: the first is the base, which alone is measured at every batch size and, with its ONNX forms, at every
            length; the others make one row of the first length, and their first audio is timed as well.
        lengths: of speech, above 0 and below 3600 s.
        batch_sizes: rows, each at least 1.
        repeats: rounds, at least 1.
        streams: requests of each variant whose first audio is timed.
        export: `ditar.export.write.export_onnx`, which this room may not import, for variants of that form.
        text: what the streams say. TextError: nothing of it can be spoken.
    """
    from tqdm import tqdm

    if not variants or not lengths or not batch_sizes:
        raise BenchError("give at least one variant, one length and one batch size")
    for name, value, least in (("repeats", repeats, 1), ("streams", streams, 1), ("batch size", min(batch_sizes), 1)):
        if value < least:
            raise BenchError(f"{name} must be at least {least}, got {value}")
    if not min(lengths) > 0 or not max(lengths) < 3600:
        raise BenchError(f"lengths must be above 0 and below 3600 s, got {list(lengths)}")
    for variant in variants:
        check_variant(variant)
    if variants[0].onnx:
        raise BenchError(f"the first variant is the base, which torch speaks, got one of onnx {variants[0].onnx!r}")
    base, short = variants[0], lengths[0]
    TextFrontend.of(subject.config, subject.language).read(text)
    first: Case = (base, 1, short)
    forms = [one for one in variants if replace(one, onnx="") == base]
    lasting: list[Case] = [(form, 1, s) for form in forms for s in lengths]
    cases = list(lasting)
    cases += [(base, rows, short) for rows in batch_sizes]
    cases += [(variant, 1, short) for variant in variants]
    cases = list(dict.fromkeys(cases))
    speakers = {variant: functools.partial(measure, subject, variant) for variant in variants}
    streamers = {variant: functools.partial(time_streams, subject, variant, text=text) for variant in variants}
    if any(variant.onnx for variant in variants):
        load_extra("onnxruntime", "onnx", BenchError)
        from ditar.bench.exported import load_exported, measure_exported, time_exported_streams

        for variant in variants:
            if variant.onnx:
                loaded = load_exported(subject, variant, export)
                speakers[variant] = functools.partial(measure_exported, subject, variant, loaded)
                streamers[variant] = functools.partial(time_exported_streams, variant, loaded, text=text)
    for speak in speakers.values():  # what is made or chosen at the first call is not measured
        speak(1, 0.5)
    found: dict[Case, list[dict[str, Any]]] = {case: [] for case in cases}
    first_audio = {}
    with tqdm(total=repeats * len(cases) + len(variants), desc="bench", disable=not progress) as bar:
        for _ in range(repeats):
            for case in cases:
                variant, rows, seconds = case
                found[case].append(speakers[variant](rows, seconds))
                bar.update()
        for variant in variants:
            first_audio[variant] = streamers[variant](streams)
            bar.update()
    return {
        "kind": "bench",
        "version": VERSION,
        "provenance": provenance(),
        "model": subject.name,
        "parameters": subject.parameters,
        "device": str(subject.model(base).device),
        "base": vars(base),
        "repeats": repeats,
        "text": text,
        "lengths": [
            {"seconds": s, "name": form.changes(base), **_figures(found[form, 1, s], found[form, 1, short])}
            for form, _, s in lasting
        ],
        "batches": [{"rows": rows, **_figures(found[base, rows, short], found[first])} for rows in batch_sizes],
        "variants": [
            {
                "name": variant.changes(base),
                "settings": vars(variant),
                **_figures(found[variant, 1, short], found[first]),
                # The same arithmetic in every form; torch counts it.
                "gflop_per_audio_s": flops_by_part(subject, variant, min(short, 10.0)),
                "first_audio": first_audio[variant],
            }
            for variant in variants
        ],
        "first_audio": first_audio[base],
    }


def write_bench(result: dict[str, Any], out: str | Path) -> None:
    """Write bench.json, bench.md and bench.png into an existing folder; the result then names its plot."""
    out = Path(out)
    with atomic_write(out / "bench.png") as partial:
        partial.write_bytes(plot(result))
    result["plots"] = ["bench.png"]
    write_lines(out / "bench.md", [bench_markdown(result).rstrip("\n")])
    write_lines(out / "bench.json", [json.dumps(result, indent=2)])


def time_streams(subject: Subject, variant: Variant, count: int, text: str = SENTENCE) -> dict[str, Any]:
    """Milliseconds from a request to its first audio, with model and voice loaded: `p50_ms`, `p95_ms`, `runs`, and the
    median of each part."""
    pipeline = subject.pipeline(variant)
    voice = pipeline.create_voice(reference_noise(), TRANSCRIPT, language=subject.language)
    totals, parts = [], {name: [] for name in FIRST_PARTS}
    with threads(variant.threads):
        for seed in range(count + 1):
            # A threshold of 1 is never exceeded: random weights would stop at once.
            request = SpeechRequest(text, voice, language=subject.language, seed=seed, stop_threshold=1.0)
            with pipeline.stream(request, max_retries=0, sampling=variant.sampling) as stream:
                chunk = next(stream)
                waited = stream.first_audio
            if seed == 0:  # warms up
                continue
            totals.append(1000 * waited.total_s)
            for name in FIRST_PARTS:
                parts[name].append(1000 * getattr(waited, f"{name}_s"))
    return {
        **waits(totals),
        "chunk_s": len(chunk) / SAMPLE_RATE_HZ,
        "parts_ms": {name: median(values) for name, values in parts.items()},
    }


def _figures(rounds: Sequence[dict[str, Any]], first: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One case over its rounds: real-time factor (median, least, most), ratio of its cost to that of `first` (median
    over the rounds), speech per second, shares of the parts, peak memory."""
    factors = [r["took_s"] / r["audio_s"] for r in rounds]
    base = [r["took_s"] / r["audio_s"] for r in first]
    took = sum(r["took_s"] for r in rounds)
    return {
        "rtf": {"median": median(factors), "low": min(factors), "high": max(factors)},
        "cost_ratio": median(mine / theirs for mine, theirs in zip(factors, base)),
        "audio_s_per_s": 1 / median(factors),
        "shares": {name: sum(r["parts_s"][name] for r in rounds) / took for name in rounds[0]["parts_s"]},
        "peak_mib": max((r["peak_mib"] for r in rounds if r["peak_mib"] is not None), default=None),
    }
