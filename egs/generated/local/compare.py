"""Continuous or discrete: DIR/comparison.md, comparison.json and comparison.png of two systems of one experiment.

    python egs/generated/local/compare.py --exp exp/full --train-config configs/ditar/small.yaml \\
        --baseline-config configs/baseline/matched.yaml --out exp/full/comparison

Reads the results of recipes/ditar.sh in EXP and of recipes/baseline.sh in EXP/baseline: scores.json of `ditar
evaluate`, which judged both from WAV files, manifest.jsonl of decoding (real-time factor) and the log of training (word
error of the validation pairs against steps, with the FLOPs of a step). --score, --decode, --ditar and --lm name other
folders. `ditar report RESULTS.md DIR/comparison.json` writes table and plot into a document.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ditar.baseline import info as baseline_info
from ditar.config import BaselineConfig, ConfigError, DiTARConfig, load_config
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.errors import DataError
from ditar.extras import missing
from ditar.model import info
from ditar.report.results import TABLE_VERSION, table
from ditar.storage.atomic_write import atomic_write, write_lines
from ditar.storage.json_lines import each_json_line
from ditar.storage.provenance import provenance
from recipes.training_flops import describe

# Names in scores.json: title, scale, unit. A word error says little without the rates of outputs that went wrong.
METRICS = {
    "wer": ("word error", 100, "%"),
    "closed_set": ("closed set", 100, "%"),
    "distillmos": ("DistillMOS", 1, ""),
    "similarity": ("speaker similarity", 1, ""),
    "no_stop": ("no-stop", 100, "%"),
    "silent": ("silent", 100, "%"),
    "truncated": ("truncated", 100, "%"),
}


@dataclass(frozen=True)
class Figures:
    """Of one system. metrics: {name: {value, low, high}}; curve: (step, free-running word error) during training;
    real_time_factor: seconds of work for a second of speech, on this machine; speech_gflops: of a second of speech;
    judge: who recognised the words."""

    name: str
    parameters: int
    steps: int
    planned_steps: int
    step_gflops: float
    training_pflops: float
    speech_gflops: float
    real_time_factor: float
    decoded: int
    metrics: dict[str, dict[str, float]]
    curve: list[tuple[int, float]]
    judge: str


def read(name: str, config: str, kind: type, folder: Path, lm: str, latents: Path, args) -> Figures:
    """Figures of the system that was trained with `config` in FOLDER/LM. DataError if a file is missing."""
    log = _lines(folder / lm / "log.jsonl")
    steps = max(line["step"] for line in log)
    rows = _lines(folder / args.decode / "manifest.jsonl")
    took, seconds = (sum(row[key] for row in rows) for key in ("took_s", "seconds"))
    path = folder / args.score / "scores.json"
    if not path.is_file():
        raise DataError(f"{path} does not exist; score the output of {name} with ditar evaluate (stage 8)")
    scores = json.loads(path.read_text(encoding="utf-8"))
    metrics = scores["metrics"]
    trained = describe(config, latents, args.sample)
    if kind is BaselineConfig:
        speech = baseline_info.describe_baseline(load_config(config, kind))["tflops"] / baseline_info.OUTPUT_S
    else:
        speech = info.describe_ditar(load_config(config, kind))["tflops"] / info.OUTPUT_S
    key = "sample/free_running_wer"
    return Figures(
        name,
        trained["parameters"],
        steps,
        trained["steps"],
        trained["step_flops"] / 1e9,
        trained["step_flops"] * steps / 1e15,
        speech * 1e3,
        took / max(seconds, 1e-9),
        len(rows),
        {metric: metrics[metric] for metric in METRICS if metrics.get(metric)},
        [(line["step"], line[key]) for line in log if key in line],
        scores["tools"].get("words", ""),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    rows = list(each_json_line(path, DataError)) if path.is_file() else []
    if not rows:
        raise DataError(f"{path} does not exist or is empty; run the stages before the comparison")
    return rows


def rows(systems: list[Figures]) -> list[list[str]]:
    """The table below a line of names."""
    def row(title: str, show) -> list[str]:
        return [title, *(show(s) for s in systems)]

    def metric(name: str, scale: float, unit: str):
        def show(system: Figures) -> str:
            found = system.metrics.get(name)
            if found is None:
                return ""
            low, value, high = (found.get(key) for key in ("low", "value", "high"))
            digits = 1 if scale == 100 else 3
            interval = f" ({low * scale:.{digits}f} to {high * scale:.{digits}f})" if low is not None else ""
            return f"{value * scale:.{digits}f} {unit}".rstrip() + interval

        return show

    return [
        row("parameters", lambda s: f"{s.parameters / 1e6:.2f} M"),
        row("training steps (planned)", lambda s: f"{s.steps} ({s.planned_steps})"),
        row("training FLOPs a step", lambda s: f"{s.step_gflops:.1f} G"),
        row("training FLOPs", lambda s: f"{s.training_pflops:.3f} P"),
        *(row(title, metric(name, scale, unit)) for name, (title, scale, unit) in METRICS.items()),
        row("real-time factor of decoding", lambda s: f"{s.real_time_factor:.3f}"),
        row("FLOPs for a second of speech", lambda s: f"{s.speech_gflops:.1f} G"),
        row("utterances decoded", lambda s: str(s.decoded)),
        row("words heard by", lambda s: s.judge),
    ]


def curve(systems: list[Figures]) -> list[str]:
    """Word errors against steps, as Markdown."""
    lines = ["| steps | training FLOPs | system | free-running word error, validation pairs |", "| --- " * 4 + "|"]
    for system in systems:
        for step, wer in system.curve:
            flops = step * system.step_gflops / 1e6
            lines.append(f"| {step} | {flops:.3f} P | {system.name} | {100 * wer:.1f} % |")
    return lines


def plot(systems: list[Figures], path: Path) -> None:
    """Word error against training steps and against training FLOPs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), sharey=True)
    for system in systems:
        steps, errors = [step for step, _ in system.curve], [100 * wer for _, wer in system.curve]
        axes[0].plot(steps, errors, marker="o", label=system.name)
        axes[1].plot([step * system.step_gflops / 1e6 for step in steps], errors, marker="o", label=system.name)
    for axis, title in zip(axes, ("training steps", "training FLOPs, 10^15")):
        axis.set_xlabel(title)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("free-running word error, %")
    axes[0].legend()
    figure.tight_layout()
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=150, format="png")


def main() -> int:
    """Parse arguments, read, write and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", required=True, type=Path, help="EXPDIR/TAG of both recipes")
    parser.add_argument("--train-config", required=True, help="the configuration of the continuous system")
    parser.add_argument("--baseline-config", required=True, help="and of the discrete one")
    parser.add_argument("--latents", type=Path, help="training latents, whose lengths count (EXP/latents/train)")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--score", default="score")
    parser.add_argument("--decode", default="decode")
    parser.add_argument("--ditar", default="ditar", help="folder of the continuous system's training")
    parser.add_argument("--lm", default="lm", help="and of the discrete one's, in EXP/baseline")
    parser.add_argument("--sample", type=positive, default=8, help="training steps whose FLOPs are counted (default 8)")
    args = parser.parse_args()
    latents = args.latents or args.exp / "latents" / "train"
    try:
        systems = [
            read("continuous", args.train_config, DiTARConfig, args.exp, args.ditar, latents, args),
            read("discrete", args.baseline_config, BaselineConfig, args.exp / "baseline", args.lm, latents, args),
        ]
        if len({system.judge for system in systems}) > 1:
            said = " and ".join(f"{system.name}: {system.judge}" for system in systems)
            raise DataError(f"the systems were scored by different judges ({said}); score both with the same")
    except (ConfigError, DataError, OSError) as error:
        print(f"compare: error: {error}", file=sys.stderr)
        return 1
    result = {
        "kind": "table",
        "version": TABLE_VERSION,
        "provenance": provenance(),
        "columns": ["", *(s.name for s in systems)],
        "rows": rows(systems),
        "plots": ["comparison.png"],
        "systems": [asdict(s) for s in systems],
    }
    text = [*table(result).splitlines(), "", *curve(systems)]
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        plot(systems, args.out / "comparison.png")
        write_lines(args.out / "comparison.md", text)
        write_lines(args.out / "comparison.json", [json.dumps(result, indent=2)])  # last: it names the plot
    except ModuleNotFoundError as error:
        print(f"compare: error: {missing(error.name, 'eval')}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"compare: error: {error}", file=sys.stderr)
        return 1
    print("\n".join(text))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
