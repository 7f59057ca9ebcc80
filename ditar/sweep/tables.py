"""A sweep's figures for people and for spreadsheets: Markdown and CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ditar.evaluate.metrics import FAILED, Metric
from ditar.evaluate.metrics import METRICS as EVERY
from ditar.sweep.grid import LABELS, plain

VERSION = 1  # of sweep.json; raised whenever a name in it, or its meaning, changes
# The figures of a sweep, by their names in sweep.json; all are metrics of `ditar evaluate`.
METRICS: dict[str, Metric] = {
    **{name: EVERY[name] for name in ("wer", "cer", "distillmos", "similarity", "no_stop")},
    "failed": FAILED,
    "seconds": EVERY["duration_s"],
    "diversity": EVERY["spread"],
}


def _figure(metric: Metric) -> tuple[str, float, int, bool | None]:
    percent = metric.unit == "%"
    better = {"low": True, "high": False}.get(metric.better)
    return f"{metric.title} {metric.unit}".strip(), 100 if percent else 1, 1 if percent else metric.digits, better


# name: (heading, factor, decimals, whether less is better; None: neither)
FIGURES = {name: _figure(metric) for name, metric in METRICS.items()}


def shown_figure(figure: Mapping[str, Any] | None, name: str) -> str:
    """`mean ± spread` in the figure's unit; only the mean for one seed; empty if it is unknown."""
    if figure is None:
        return ""
    _, factor, decimals, _ = FIGURES[name]
    mean = f"{factor * figure['mean']:.{decimals}f}"
    return mean if figure["spread"] is None else f"{mean} ± {factor * figure['spread']:.{decimals}f}"


def figures_of(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures that any of the points has, in the order of the columns."""
    return [name for name in FIGURES if any(entry["figures"].get(name) for entry in entries)]


def judges(result: Mapping[str, Any]) -> str:
    """Who judged; older sweeps had no `quality` and named no normaliser."""
    return "; ".join(result[key] for key in ("recogniser", "normaliser", "quality", "embedder") if key in result)


def sweep_markdown(result: Mapping[str, Any]) -> str:
    """The table of a sweep's result, with a line on what was spoken, and by whom it was judged."""
    entries, names = result["points"], figures_of(result["points"])
    columns = result["varying"] or list(entries[0]["settings"])
    heading = [*(LABELS[axis] for axis in columns), *(FIGURES[name][0] for name in names)]
    rows = [heading, ["---"] * len(heading)]
    for entry in entries:
        cells = [plain(entry["settings"][axis]) for axis in columns]
        rows.append(cells + [shown_figure(entry["figures"].get(name), name) for name in names])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    fixed = [f"{LABELS[a]} {plain(v)}" for a, v in entries[0]["settings"].items() if a not in columns]
    timing, seeds = result["timing"], result["seeds"]
    spoken = (
        f"{result['model']}; "
        f"{len(entries)} grid points, {len(seeds)} seeds ({', '.join(map(str, seeds))}), {result['pairs']} sentences"
        f"{'; ' + ', '.join(fixed) if fixed else ''}; mean ± standard deviation over seeds; "
        f"{judges(result)}; at most {result['max_retries']} retries."
    )
    speed = (
        f"{timing['outputs']} outputs, {timing['audio_s']:.0f} s of speech in {timing['synthesis_s']:.0f} s "
        f"(batches of up to {result['batch_size']})."
    )
    return f"{spoken}\n{speed}\n\n{table}\n"


def comma_separated(result: Mapping[str, Any]) -> str:
    """CSV: every setting, then mean and spread of every figure, as plain numbers (rates, not percent)."""
    entries, names = result["points"], figures_of(result["points"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    settings = list(entries[0]["settings"])
    writer.writerow([*settings, "seeds", *(f"{name}_{part}" for name in names for part in ("mean", "spread"))])
    for entry in entries:
        numbers = []
        for name in names:
            figure = entry["figures"].get(name) or {"mean": None, "spread": None}
            numbers += [figure["mean"], figure["spread"]]
        writer.writerow([*entry["settings"].values(), len(entry["seeds"]), *numbers])
    return text.getvalue()
