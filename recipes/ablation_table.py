"""Table and plot of the ablations next to the paper's: OUT/ablation.csv, ablation.md, ablation.png, and ablation.json
for `ditar report`.

    python recipes/ablation_table.py --points exp/ablation/points --out exp/ablation

Reads what recipes/ablate.py wrote; points may be missing. Intervals are 95 %, over seeds and utterances. The better of
two settings is named only if their intervals do not overlap.
"""

import argparse
import csv
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ditar
from ditar.config.program import exit_code
from ditar.data.errors import DataError
from ditar.evaluate.seeds import ordering, rate_over_seeds
from ditar.extras import missing
from ditar.report.results import TABLE_VERSION
from ditar.storage.atomic_write import atomic_write, write_lines
from ditar.storage.provenance import provenance

Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Study:
    """`key` of a point varies, at `scales` of guidance. `paper`: its word errors in % by setting, if it prints them;
    `better`: pairs (better, worse) of settings as the paper orders them; a setting is (value, guidance scale)."""

    title: str
    key: str
    scales: tuple[float, ...]
    source: str
    better: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    paper: dict[tuple[float, float], float]


def _at(better: float, worse: float) -> tuple[tuple[float, float], tuple[float, float]]:
    return (better, 2.0), (worse, 2.0)


STUDIES = {
    "patch": Study(
        "Frames in a patch", "patch_frames", (2.0,), "Fig. 3: best at 2 to 4",
        (_at(2, 1), _at(4, 1), _at(2, 8), _at(4, 8)), {},
    ),
    "history": Study(
        "Patches of history", "history_patches", (2.0,), "Table 5, P = 4, LibriSpeech test-clean",
        (_at(1, 0), _at(2, 0)), {(0, 2.0): 22.9, (1, 2.0): 1.74, (2, 2.0): 1.81},
    ),
    "h_dropout": Study(
        "Share of h that training drops, and guidance", "h_dropout", (1.0, 2.0),
        "Fig. 4, NFE 10: with dropout, w = 1 (scale 2) and w = 0 (scale 1); without dropout the paper has no figure",
        (((0.1, 2.0), (0.1, 1.0)),), {(0.1, 1.0): 2.85, (0.1, 2.0): 1.73},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A setting of a study over its seeds. Rates are (rate, low, high)."""

    study: str
    setting: tuple[float, float]
    records: list[dict[str, Any]]
    wer: Interval
    cer: Interval
    closed_set: Interval | None
    no_stop: float
    seconds: float


def read_point(path: Path) -> dict[str, Any]:
    """One result. DataError if the file is damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["settings"]["data"], record["guidance"].values(), record["point"]["name"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is no result of recipes/ablate.py ({type(error).__name__}: {error}); remove it and run the point "
            "again"
        ) from None
    return record


def read_points(folder: Path) -> list[dict[str, Any]]:
    """Every result. DataError if there is none, one has another version, or a base differs."""
    records = []
    for path in sorted(folder.glob("*/result.json")):
        record = read_point(path)
        if record.get("version") != ditar.__version__:
            raise DataError(
                f"{path} was written by version {record.get('version')}, this is {ditar.__version__}; run the point "
                "again"
            )
        if not all("judge" in spoken for spoken in record["guidance"].values()):
            raise DataError(f"{path} does not say who judged; run the point again")
        records.append(record)
    if not records:
        raise DataError(f"{folder} holds no */result.json; run recipes/ablate.py first")
    if len({record["settings"]["data"] for record in records}) > 1:
        raise DataError(f"the points of {folder} were scored on different data; give each data set its own --out")
    if len(found := judges(records)) > 1:
        raise DataError(
            f"the points of {folder} were scored by different judges ({' | '.join(found)}); run those of one again, in "
            "a folder of their own"
        )
    return records


def judges(records: list[dict[str, Any]]) -> list[str]:
    """Who heard the points' words."""
    return sorted({spoken["judge"] for record in records for spoken in record["guidance"].values()})


def collect(records: list[dict[str, Any]]) -> list[Row]:
    """A row for each setting of each study that has results. The base point is the one most records agree with."""
    keys = [study.key for study in STUDIES.values()]
    values = {key: [record["point"][key] for record in records] for key in keys}
    base = {key: max(sorted(set(found)), key=found.count) for key, found in values.items()}
    rows = []
    for name, study in STUDIES.items():
        same = [r for r in records if all(r["point"][k] == base[k] for k in keys if k != study.key)]
        groups: dict[tuple[float, float], list] = defaultdict(list)
        for record in same:
            for scale in study.scales:
                if f"{scale:g}" in record["guidance"]:
                    groups[record["point"][study.key], scale].append(record)
        if len({value for value, _ in groups}) > 1:  # one value is not a study
            rows += [_row(name, setting, groups[setting]) for setting in sorted(groups)]
    return rows


def _row(name: str, setting: tuple[float, float], records: list[dict[str, Any]]) -> Row:
    heard = [record["guidance"][f"{setting[1]:g}"]["utterances"] for record in records]
    wer, cer = (
        rate_over_seeds([[u[errors] for u in one] for one in heard], [[u[counts] for u in one] for one in heard])
        for errors, counts in (("word_errors", "words"), ("character_errors", "characters"))
    )
    flat = [u for one in heard for u in one]
    closed = None
    if all("hit" in u for u in flat):
        closed = rate_over_seeds([[float(u["hit"]) for u in one] for one in heard], [[1.0] * len(one) for one in heard])
    no_stop = sum(not u["stopped"] for u in flat) / len(flat)
    return Row(name, setting, records, wer, cer, closed, no_stop, sum(u["seconds"] for u in flat) / len(flat))


def verdicts(rows: list[Row]) -> list[str]:
    """A sentence for each pair that the paper orders and that was run."""
    said = []
    for name, study in STUDIES.items():
        of = {row.setting: row for row in rows if row.study == name}
        for better, worse in study.better:
            if better not in of or worse not in of:
                continue
            order = ordering(of[better].wer, of[worse].wer)
            verdict = {
                -1: "so here too",
                1: "here it is the other way round",
                0: "here the intervals overlap: no ordering",
            }
            said.append(f"{study.title}: the paper has {_name(study, better)} better than {_name(study, worse)}; "
                        f"{verdict[order]}.")  # fmt: skip
    return said


def _name(study: Study, setting: tuple[float, float]) -> str:
    scale = f" at guidance scale {setting[1]:g}" if len(study.scales) > 1 else ""
    return f"{setting[0]:g}{scale}"


def _percent(rate: Interval | None) -> str:
    return "" if rate is None else f"{100 * rate[0]:.1f} ({100 * rate[1]:.1f} to {100 * rate[2]:.1f})"


COLUMNS = ("setting", "seeds", "word error %", "paper %", "character error %", "closed set %", "no stop %", "mean s",
           "steps", "parameters", "training TFLOPs", "training s")  # fmt: skip


def cells(row: Row) -> list[str]:
    """The content of COLUMNS."""
    study, first = STUDIES[row.study], row.records[0]
    paper = study.paper.get(row.setting)
    trained = sum(record["train_seconds"] for record in row.records) / len(row.records)
    return list(map(str, (
        _name(study, row.setting), len(row.records), _percent(row.wer), "" if paper is None else paper,
        _percent(row.cer), _percent(row.closed_set), f"{100 * row.no_stop:.1f}", f"{row.seconds:.2f}", first["steps"],
        first["parameters"], f"{first['training_flops'] / 1e12:.1f}", f"{trained:.0f}",
    )))  # fmt: skip


def origin(rows: list[Row]) -> str:
    """The code that made the points."""
    records = {id(record): record for row in rows for record in row.records}.values()
    commits = ", ".join(sorted({str(record["commit"]) for record in records}))
    return (
        f"Version {ditar.__version__}, commit {commits}. Words are heard by {', '.join(judges(list(records)))}. "
        "Intervals are 95 %, over seeds and utterances."
    )


def result(rows: list[Row]) -> dict[str, Any]:
    """A result for `ditar report`: one table of all studies."""
    sources = [f"{STUDIES[name].title}: {STUDIES[name].source}." for name in dict.fromkeys(row.study for row in rows)]
    return {
        "kind": "table",
        "version": TABLE_VERSION,
        "provenance": provenance(),
        "columns": ["study", *COLUMNS],
        "rows": [[STUDIES[row.study].title, *cells(row)] for row in rows],
        "note": "\n".join([origin(rows), "", *(f"- {line}" for line in (*sources, *verdicts(rows)))]),
        "plots": ["ablation.png"],
    }


def markdown(rows: list[Row]) -> str:
    """The tables of the studies, with sentences about their orders."""
    lines = [origin(rows), ""]
    for name, study in STUDIES.items():
        of = [row for row in rows if row.study == name]
        if not of:
            continue
        lines += [f"### {study.title}", "", f"The paper: {study.source}.", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
        lines += ["| " + " | ".join(cells(row)) + " |" for row in of]
        lines.append("")
    return "\n".join([*lines, *(f"- {sentence}" for sentence in verdicts(rows)), ""])


def write_csv(rows: list[Row], path: Path) -> None:
    """One line a setting, rates as fractions."""
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        rates = [f"{name}{end}" for name in ("wer", "cer", "closed_set") for end in ("", "_low", "_high")]
        writer.writerow(["study", "value", "guidance_scale", "seeds", *rates, "no_stop", "paper_wer"])
        for row in rows:
            three = [x for rate in (row.wer, row.cer, row.closed_set or ("",) * 3) for x in rate]
            paper = STUDIES[row.study].paper.get(row.setting)
            writer.writerow([row.study, *row.setting, len(row.records), *three, row.no_stop,
                             "" if paper is None else paper / 100])  # fmt: skip


def plot(rows: list[Row], path: Path) -> None:
    """A panel for each study: our word errors with intervals, the paper's below if it prints them."""
    from matplotlib.figure import Figure

    names = [name for name in STUDIES if any(row.study == name for row in rows)]
    figure = Figure(figsize=(4.5 * len(names), 5.5), layout="constrained")
    panels = figure.subplots(2, len(names), squeeze=False, height_ratios=(3, 1.4))
    for column, name in enumerate(names):
        study, of = STUDIES[name], [row for row in rows if row.study == name]
        labels = [_name(study, row.setting).replace(" at guidance scale ", "\nscale ") for row in of]
        rates = [[100 * value for value in row.wer] for row in of]
        spans = [[rate - low for rate, low, _ in rates], [high - rate for rate, _, high in rates]]
        top, bottom = panels[0][column], panels[1][column]
        top.errorbar(range(len(of)), [rate for rate, *_ in rates], spans, fmt="o", capsize=4)
        top.set(title=study.title, ylabel="word error %, ours, 95 %", ylim=(0, None))
        printed = [(i, study.paper[row.setting]) for i, row in enumerate(of) if row.setting in study.paper]
        if printed:
            bottom.bar([i for i, _ in printed], [value for _, value in printed], 0.5, color="0.6")
            bottom.set(ylabel="paper %", yscale="log")
        else:
            better = {one for one, _ in study.better}
            words = ["better" if row.setting in better else "worse" for row in of]
            for place, word in enumerate(words):
                bottom.text(place, 0.5, word, ha="center", va="center")
            bottom.set(ylabel="paper's order", yticks=[])
        bottom.set_xlabel(study.source, fontsize=7, wrap=True)
        for panel in (top, bottom):
            panel.set(xticks=range(len(of)), xticklabels=labels, xlim=(-0.5, len(of) - 0.5))
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", required=True, type=Path, help="folder of recipes/ablate.py's points")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        rows = collect(read_points(args.points))
        if not rows:
            raise DataError(f"{args.points} has one setting only; a study needs two: run more of recipes/ablate.py")
        args.out.mkdir(parents=True, exist_ok=True)
        write_csv(rows, args.out / "ablation.csv")
        write_lines(args.out / "ablation.md", [markdown(rows)])
        plot(rows, args.out / "ablation.png")
        write_lines(args.out / "ablation.json", [json.dumps(result(rows), indent=2)])  # last: it names the plot
    except ModuleNotFoundError as error:
        print(f"ablation_table: error: {missing(error.name, 'eval')}", file=sys.stderr)
        return 1
    except (ValueError, KeyError, OSError) as error:
        print(f"ablation_table: error: {error}", file=sys.stderr)
        return 1
    print(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
