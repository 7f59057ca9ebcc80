"""A measurement for people: Markdown tables and a plot."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

VERSION = 3  # of bench.json; raised whenever a name in it, or its meaning, changes
PART_NAMES = {"lm": "LM", "encoder": "encoder", "locdit": "LocDiT", "vocoder": "vocoder", "rest": "rest"}


def bench_markdown(result: Mapping[str, Any]) -> str:
    """First audio, and tables of lengths, batch sizes and variants."""
    base, waited = result["base"], result["first_audio"]
    settings = (
        f"{base['steps']} steps, guidance {base['guidance_scale']:g}, {base['dtype']}, {base['threads']} threads"
        f"{', prefix cache' if base['prefix_cache'] else ''}"
    )
    parts = ", ".join(f"{name} {value:.0f}" for name, value in waited["parts_ms"].items())
    text = (
        f"{result['model']}: {result['parameters'] / 1e6:.1f} M parameters on {result['device']}; {settings}; "
        f"{result['repeats']} rounds, medians (least to most); ratios are of the same round.\n\n"
        f"First audio ({1000 * waited['chunk_s']:.0f} ms of it), model and voice loaded, {waited['runs']} requests of "
        f"{len(result['text'])} characters: "
        f"p50 {waited['p50_ms']:.0f} ms, p95 {waited['p95_ms']:.0f} ms (medians: {parts}).\n\n"
    )
    text += _table(
        ["length", "form", "real-time factor", "cost per second / first length", *PART_NAMES.values(), "peak MiB"],
        [[f"{row['seconds']:g} s", row["name"], *_common(row), _memory(row)] for row in result["lengths"]],
    )
    text += "\n" + _table(
        ["batch", "speech per second", "throughput / first", "peak MiB"],
        [
            [f"{row['rows']}", f"{row['audio_s_per_s']:.2f}", f"{1 / row['cost_ratio']:.2f}", _memory(row)]
            for row in result["batches"]
        ],
    )
    text += "\n" + _table(
        [
            *("variant", "real-time factor", "cost / base", *PART_NAMES.values()),
            *("GFLOP per audio second", "first audio p50, p95"),
        ],
        [
            [
                *(row["name"], *_common(row), f"{row['gflop_per_audio_s']['total']:.1f}"),
                "{p50_ms:.0f}, {p95_ms:.0f} ms".format(**row["first_audio"]),
            ]
            for row in result["variants"]
        ],
    )
    return text


def plot(result: Mapping[str, Any]) -> bytes:
    """A PNG: parts of the cost per second at each length, throughput at each batch size, cost of each variant."""
    from ditar.evaluate.inputs import import_for_evaluation

    import_for_evaluation("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.6), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    lengths, batches, variants = figure.subplots(1, 3)
    for panel, rows, labels in (
        (lengths, result["lengths"], [_length_label(row) for row in result["lengths"]]),
        (variants, result["variants"], [row["name"] for row in result["variants"]]),
    ):
        bottom = [0.0] * len(rows)
        for part, name in PART_NAMES.items():
            heights = [row["rtf"]["median"] * row["shares"][part] for row in rows]
            panel.bar(labels, heights, bottom=bottom, label=name)
            bottom = [low + height for low, height in zip(bottom, heights)]
        panel.set_ylabel("real-time factor")
    lengths.legend(fontsize=8)
    lengths.set_xlabel("length")
    for panel in (lengths, variants):
        panel.tick_params(axis="x", labelrotation=20, labelsize=8)
    batches.plot([row["rows"] for row in result["batches"]], [row["audio_s_per_s"] for row in result["batches"]], "o-")
    batches.set_xlabel("batch size")
    batches.set_ylabel("seconds of speech per second")
    batches.set_ylim(bottom=0)
    batches.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _common(row: Mapping[str, Any]) -> list[str]:
    rtf = row["rtf"]
    shares = [f"{100 * row['shares'][part]:.0f} %" for part in PART_NAMES]
    return [f"{rtf['median']:.3f} ({rtf['low']:.3f} to {rtf['high']:.3f})", f"{row['cost_ratio']:.2f}", *shares]


def _length_label(row: Mapping[str, Any]) -> str:
    return f"{row['seconds']:g} s" + ("" if row["name"] == "base" else f", {row['name']}")


def _memory(row: Mapping[str, Any]) -> str:
    return "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
