"""Results as files: score.json, utterances.jsonl, and score.md with a table for people."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ditar.evaluate.inputs import EvaluationError


def write_report(out: str | Path, result: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the three files into the folder `out` (made if need be), each beside its name and renamed."""
    out = prepare_folder(out)
    _write(out / "score.json", json.dumps(finite(result), indent=2, ensure_ascii=False) + "\n")
    lines = (json.dumps(finite(row), ensure_ascii=False) for row in rows)
    _write(out / "utterances.jsonl", "".join(line + "\n" for line in lines))
    _write(out / "score.md", markdown(result))


def prepare_folder(out: str | Path) -> Path:
    """Make the folder for results; EvaluationError where that cannot be."""
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise EvaluationError(f"no folder for results at {str(out)!r}: {reason}; choose another place") from None
    return Path(out)


def markdown(result: Mapping[str, Any]) -> str:
    """A Markdown table of what `score` returned; the original's column only where there are originals."""
    original = result["original"] or {}
    rows = [("word error", _interval(result["wer"]), _interval(original.get("wer")))]
    rows.append(("character error", _interval(result["cer"]), _interval(original.get("cer"))))
    if original:
        rows.append(("word error / original's", _ratio(original["wer_ratio"]), "1"))
    if result["closed_set"]:
        title = f"closed set of {result['closed_set']['sentences']} sentences"
        rows.append((title, _interval(result["closed_set"]), _interval(original.get("closed_set"))))
    if result["similarity"]:
        similar = result["similarity"]
        upper = similar["original_mean"]
        bound = "" if upper is None else f"{upper:.3f} ({similar['original_utterances']} of the same speaker)"
        rows.append(("speaker similarity", f"{similar['mean']:.3f}", bound))
        rows.append((f"identified among {similar['speakers']} speakers", _percent(similar["identified"]), ""))
    outputs = result["outputs"]
    endless = outputs["no_stop_rate"]
    rows.append(("outputs without a stop", "not known" if endless is None else _percent(endless), ""))
    rows += [(f"{name.replace('_', ' ')} outputs", _percent(outputs[f"{name}_rate"]), "")
             for name in ("silent", "truncated", "too_long", "too_short")]
    rows.append(("mean duration", f"{outputs['mean_duration_s']:.2f} s", ""))
    columns = 3 if original else 2
    table = [("", "result", "original")] + [("---",) * 3] + rows
    settings = result["settings"]
    names = [settings["recogniser"], settings["embedder"], settings["normaliser"]]
    body = "\n".join("| " + " | ".join(row[:columns]) + " |" for row in table)
    return f"{result['utterances']} utterances; {', '.join(n for n in names if n)}; 95 % intervals.\n\n{body}\n"


def _interval(rate: Mapping[str, float] | None) -> str:
    return "" if not rate else f"{_percent(rate['rate'])} ({_percent(rate['low'])} to {_percent(rate['high'])})"


def _ratio(ratio: Mapping[str, float | None]) -> str:
    value, low, high = ("infinite" if ratio[key] is None else f"{ratio[key]:.2f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def finite(value: Any) -> Any:
    """The same with None for infinity, which JSON has not: the ratio to a faultless original."""
    if isinstance(value, Mapping):
        return {key: finite(v) for key, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
