"""Results as files: scores.json, utterances.jsonl, and scores.md with tables for people; and reading the first two."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ditar.data.errors import DataError
from ditar.data.tables import read_json_lines
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.metrics import METRICS
from ditar.storage.atomic_write import write_lines
from ditar.storage.json_lines import write_json_lines

VERSION = 1  # of both files; raised whenever a name in them, or what a name means, changes
KIND = "evaluation"  # of result, for `ditar report`
SCORES, ROWS, TABLES, DIVERSITY = "scores.json", "utterances.jsonl", "scores.md", "diversity.png"


def write_report(out: str | Path, result: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the three files into the folder `out` (made if need be), each atomically.

    scores.json is removed first and written last, so that its figures are never next to the rows of another run.
    """
    out = prepare_folder(out)
    (out / SCORES).unlink(missing_ok=True)
    write_json_lines((finite(row) for row in rows), out / ROWS)
    write_lines(out / TABLES, evaluation_markdown(result, out).splitlines())
    write_lines(out / SCORES, [json.dumps(finite(result), indent=2, ensure_ascii=False)])


def read_results(folder: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """scores.json and the rows of utterances.jsonl of a folder that `write_report` wrote.

    EvaluationError if they are missing or damaged, or if they have another version, quoting both.
    """
    path = Path(folder) / SCORES
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
        version = scores.get("version")
    except FileNotFoundError:
        raise EvaluationError(f"{str(path)!r} does not exist; make it with: ditar evaluate --output") from None
    except (ValueError, AttributeError) as error:
        raise EvaluationError(f"{str(path)!r} is not a result file ({error}); score again") from None
    if version != VERSION:
        raise EvaluationError(f"{str(path)!r} is of version {version!r}, this program reads version {VERSION}; score "
                              "again with this program, or read it with the one that wrote it")  # fmt: skip
    try:
        rows = read_json_lines(Path(folder) / ROWS)
    except DataError as error:
        raise EvaluationError(str(error)) from None
    counted = scores.get("utterances")
    if len(rows) != counted:
        raise EvaluationError(f"{str(folder)!r} has {len(rows)} rows in {ROWS} and {counted} utterances in {SCORES}; "
                              "score again")  # fmt: skip
    return scores, rows


def prepare_folder(out: str | Path) -> Path:
    """Make the folder for results; EvaluationError if that is impossible."""
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise EvaluationError(f"no folder for results at {str(out)!r}: {reason}; choose another place") from None
    return Path(out)


def evaluation_markdown(result: Mapping[str, Any], folder: str | Path | None = None) -> str:
    """Markdown tables of what `score` returned; paths to audio are relative to `folder`, where the file will be."""
    systems = {"original": result["original"], "against": result["against"]}
    systems = {name: found for name, found in systems.items() if found}
    header = ["", "result"]
    for name, found in systems.items():
        header += [found.get("name", name), "difference"]
    lines = [_row(header), _row(["---"] * len(header))]
    for name in METRICS:
        if name not in result["metrics"]:
            continue
        cells = [_title(name, result), METRICS[name].show_interval(result["metrics"][name], result["utterances"])]
        for found in systems.values():
            figures = (found["metrics"].get(name), found["differences"].get(name))
            cells += [METRICS[name].show_interval(figure, result["utterances"]) for figure in figures]
        lines.append(_row(cells))
        if name == "wer" and systems:
            cells = ["word error, ratio", ""]
            for found in systems.values():
                cells += ["", show_ratio(found["wer_ratio"])]
            lines.append(_row(cells))
    tools = "; ".join(f"{group}: {name}" for group, name in result["tools"].items())
    text = f"{result['utterances']} utterances; 95 % intervals, differences are paired. {tools}.\n\n"
    return text + "\n".join(lines) + "\n" + _worst_lists(result["worst"], folder)


def finite(value: Any) -> Any:
    """The same with None for infinity, which JSON lacks: the ratio to a faultless original."""
    if isinstance(value, Mapping):
        return {key: finite(v) for key, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _worst_lists(worst: Mapping[str, list[Mapping[str, Any]]], folder: str | Path | None) -> str:
    text = ""
    for name, cases in worst.items():
        text += f"\nWorst by {METRICS[name].title}:\n\n"
        for case in cases:
            path = case["audio"] if folder is None else os.path.relpath(case["audio"], folder)
            said = f': "{case["text"]}"' if case["text"] else ""
            heard = "" if case["heard"] is None else f', heard "{case["heard"]}"'
            text += f"- {METRICS[name].show(case['value'])} [{case['utt']}](<{path}>){said}{heard}\n"
    return text


def _title(name: str, result: Mapping[str, Any]) -> str:
    extra = {"identified": f" among {result['speakers']}", "spread": f" ({result['runs']})"}.get(name, "")
    return METRICS[name].title + extra


def show_ratio(ratio: Mapping[str, float | None] | None) -> str:
    """A ratio with its interval; None in it stands for infinity, see `finite`."""
    if not ratio:
        return ""
    value, low, high = ("infinite" if ratio[key] is None else f"{ratio[key]:.2f}" for key in ("value", "low", "high"))
    if ratio["low"] is None and ratio["value"] is not None:  # of one utterance
        return value
    return f"{value} ({low} to {high})"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
