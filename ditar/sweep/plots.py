"""Plots of a sweep: heat maps for every two varying axes, curves along every numeric axis, and a map of the voices."""

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ditar.evaluate.diversity import voice_components
from ditar.evaluate.inputs import import_for_evaluation
from ditar.sweep.grid import LABELS, plain
from ditar.sweep.tables import FIGURES, figures_of

MOST_LINES = 8  # of a plot; more cannot be told apart
MOST_PANELS = 6
PLOTTED = ("wer", "distillmos", "similarity", "no_stop", "failed", "diversity")


def plots(result: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """PNG files by name, from the result of `aggregate` and the scores' rows. Empty if no axis varies."""
    made = {}
    entries, axes = result["points"], result["varying"]
    names = [name for name in figures_of(entries) if name in PLOTTED]
    for first, second in itertools.combinations(axes, 2):
        made[f"heatmap_{first}_{second}.png"] = heat_map(entries, first, second, names)
    for axis in axes:
        if all(isinstance(entry["settings"][axis], (int, float)) for entry in entries):
            made[f"curve_{axis}.png"] = curves(entries, axis, [a for a in axes if a != axis], names)
    if "temperature" in axes and any(len(entry["seeds"]) > 1 for entry in entries):
        picture = voices(entries, rows)
        made |= {} if picture is None else {"voices.png": picture}
    return made


def heat_map(entries: Sequence[Mapping[str, Any]], first: str, second: str, names: Sequence[str]) -> bytes:
    """A panel for each figure: `first` down, `second` across; means over the other axes, if they vary."""
    down, across = _values(entries, first), _values(entries, second)
    figure, panels = _panels(len(names), 0.9 * len(across) + 1.8, 0.55 * len(down) + 1.5)
    for panel, name in zip(panels, names):
        label, factor, decimals, less_is_better = FIGURES[name]
        table = np.array([[_mean(entries, {first: d, second: a}, name) for a in across] for d in down]) * factor
        panel.imshow(table, cmap="viridis" if less_is_better is False else "viridis_r", aspect="auto")
        low, high = np.nanmin(table), np.nanmax(table)
        for (i, j), value in np.ndenumerate(table):
            dark = (value - low) / ((high - low) or 1) > 0.5
            dark = not dark if less_is_better is False else dark
            said = "" if np.isnan(value) else f"{value:.{decimals}f}"
            panel.text(j, i, said, ha="center", va="center", color="white" if dark else "black")
        panel.set_xticks(range(len(across)), [plain(v) for v in across])
        panel.set_yticks(range(len(down)), [plain(v) for v in down])
        panel.set_xlabel(LABELS[second])
        panel.set_title(label)
    panels[0].set_ylabel(LABELS[first])
    return _png(figure)


def curves(entries: Sequence[Mapping[str, Any]], axis: str, others: Sequence[str], names: Sequence[str]) -> bytes:
    """A panel for each figure along `axis`, with the spread over seeds as bars; a line for each combination of the
    other axes, or only their mean if there are too many to tell apart."""
    combinations = list(itertools.product(*(_values(entries, other) for other in others)))
    if len(combinations) > MOST_LINES:
        combinations = [None]
    figure, panels = _panels(len(names), 4.2, 3.2)
    for panel, name in zip(panels, names):
        label, factor, _, _ = FIGURES[name]
        for combination in combinations:
            fixed = {} if combination is None else dict(zip(others, combination))
            line = [e for e in entries if all(e["settings"][k] == v for k, v in fixed.items()) and e["figures"][name]]
            x = sorted({e["settings"][axis] for e in line})
            y = [factor * _mean(line, {axis: value}, name) for value in x]
            bars = None
            if combination is not None:  # one point each: its spread
                own = {e["settings"][axis]: e["figures"][name]["spread"] or 0.0 for e in line}
                bars = [factor * own[value] for value in x]
            text = ", ".join(f"{LABELS[k]} {plain(v)}" for k, v in fixed.items())
            panel.errorbar(x, y, yerr=bars, marker="o", markersize=4, capsize=3, linewidth=1.5, label=text or None)
        panel.set_xticks(_values(entries, axis))
        panel.set_xlabel(LABELS[axis])
        panel.set_title(label if combinations != [None] else f"{label}, mean over {', '.join(others)}")
        panel.grid(alpha=0.3)
    if others and combinations != [None]:
        lines, texts = panels[0].get_legend_handles_labels()
        figure.legend(lines, texts, fontsize=8, loc="outside lower center", ncols=min(4, len(lines)))
    return _png(figure)


def voices(entries: Sequence[Mapping[str, Any]], rows: Mapping[str, Mapping[str, Any]]) -> bytes | None:
    """The speaker embeddings of all outputs that have a voice on their two principal components, a panel for each
    temperature with its first point; colours are sentences (the paper's appendix shows the spread of repeated runs like
    this). None if fewer than two have one."""
    chosen: dict[float, Mapping[str, Any]] = {}
    for entry in entries:
        chosen.setdefault(entry["settings"]["temperature"], entry)
    groups = {}
    for temperature, entry in list(sorted(chosen.items()))[:MOST_PANELS]:
        own = [(name, row["voice"]) for name, row in rows.items() if name.startswith(f"{entry['name']}/")]
        groups[temperature] = [(name, voice) for name, voice in own if any(voice)]  # silence is nobody's voice
    every = [voice for group in groups.values() for _, voice in group]
    if len(every) < 2:
        return None
    components = voice_components(np.array(every))  # of (outputs, 256)
    figure, panels = _panels(len(groups), 3.2, 3.2)
    sentences = sorted({name.rpartition("/")[2] for group in groups.values() for name, _ in group})
    for panel, (temperature, group) in zip(panels, groups.items()):
        panel.set_title(f"temperature {plain(temperature)}")
        if not group:
            continue
        places = components.transform(np.array([voice for _, voice in group]))  # (outputs, 2)
        colours = [sentences.index(name.rpartition("/")[2]) for name, _ in group]
        panel.scatter(*places.T, c=colours, cmap="tab20", s=14, vmin=0, vmax=max(1, len(sentences) - 1))
    for panel in panels[1:]:
        panel.sharex(panels[0])
        panel.sharey(panels[0])
    panels[0].autoscale()
    panels[0].set_ylabel("2nd principal component")
    panels[0].set_xlabel("1st principal component of speaker embeddings")
    return _png(figure)


def _values(entries: Sequence[Mapping[str, Any]], axis: str) -> list:
    values = dict.fromkeys(entry["settings"][axis] for entry in entries)
    return sorted(values) if all(isinstance(v, (int, float)) for v in values) else list(values)


def _mean(entries: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], name: str) -> float:
    """Of a figure over the points with these settings; NaN if none has it."""
    found = [
        e["figures"][name]["mean"]
        for e in entries
        if e["figures"].get(name) and all(e["settings"][axis] == value for axis, value in settings.items())
    ]
    return float(np.mean(found)) if found else float("nan")


def _panels(count: int, width: float, height: float):
    """A figure of `count` panels side by side, in inches each, and the panels. No window system is needed."""
    import_for_evaluation("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _png(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
