"""Result files -> Markdown. A result is JSON with `kind`, `version` and `provenance` (see `storage.provenance`)."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ditar.evaluate.report as evaluation
from ditar.report import ReportError

TABLE_VERSION = 1


def table(result: Mapping[str, Any]) -> str:
    """The Markdown of a result of kind "table", for results without a format of their own: `columns`, `rows` of as many
    cells (text or numbers), and optionally `note`."""
    lines = [result["columns"], ["---"] * len(result["columns"]), *result["rows"]]
    for row in lines:
        if len(row) != len(result["columns"]):
            raise ValueError(f"a row has {len(row)} cells, but there are {len(result['columns'])} columns: {row}")
    body = "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in lines)
    return (f"{result['note']}\n\n" if result.get("note") else "") + body + "\n"


# kind: (version of its result files, their Markdown)
Kinds = Mapping[str, tuple[int, Callable[[Mapping[str, Any]], str]]]
KINDS: Kinds = {evaluation.KIND: (evaluation.VERSION, evaluation.evaluation_markdown), "table": (TABLE_VERSION, table)}


def read_result(path: str | Path, kinds: Kinds = KINDS) -> dict[str, Any]:
    """A result file of one of the `kinds`. ReportError: it is not one, lacks its provenance, or has a version that this
    code does not know."""
    path = Path(path)
    if not path.exists():
        raise ReportError(f"the result {str(path)!r} does not exist; give a JSON file of a ditar command")
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(
            f"the result {str(path)!r} cannot be read ({error}); give a JSON file of a ditar command"
        ) from None
    kind = None
    if isinstance(result, dict):  # the evaluation's file is recognised by its name
        kind = result.setdefault("kind", "evaluation" if path.name == evaluation.SCORES else None)
    if kind not in kinds:
        raise ReportError(f"{path} is of the kind {kind!r}; give a result of one of the kinds {', '.join(kinds)}")
    version, _ = kinds[kind]
    if result.get("version") != version:
        raise ReportError(
            f"{path} is a result of version {result.get('version')!r}, and this is the code of version {version}; make "
            "the result again with this code"
        )
    made = result.get("provenance") or {}
    missing = [name for name in ("date", "command") if not made.get(name)]
    if missing:
        raise ReportError(f"{path} does not say its {' and '.join(missing)}; make the result again, by its command")
    return result


def _with_links(result: Mapping[str, Any], path: Path, document: Path) -> dict[str, Any]:
    """A result whose audio is named from the folder of the document, where its links must open. In the file the names
    begin where the command ran, which earlier results do not tell: then where this one runs."""
    begun = (result.get("settings") or {}).get("paths_from")
    place = Path() if begun is None else path.parent / begun
    return {**result, "worst": {
        name: [{**case, "audio": os.path.relpath(place / case["audio"], document.parent)} for case in cases]
        for name, cases in result["worst"].items()
    }}  # fmt: skip


def render(
    result: Mapping[str, Any], path: Path, title: str, kinds: Kinds = KINDS, document: Path = Path("RESULTS.md")
) -> str:
    """A section of a document for a result: title, provenance, table. ReportError if the file lacks what its kind
    has."""
    try:
        result = _with_links(result, path, document) if result["kind"] == evaluation.KIND else result
        body = kinds[result["kind"]][1](result)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ReportError(
            f"{path} is an incomplete result of the kind {result['kind']!r} ({type(error).__name__}: {error}); "
            "make it again"
        ) from None
    made = result["provenance"]
    commit = f"commit {made['commit']}" if made.get("commit") else "commit not known"
    facts = [_fact(name, value) for name, value in (made.get("environment") or {}).items() if value is not None]
    origin = "; ".join([f"{made['date']}, {commit}", *([", ".join(facts)] if facts else [])])
    return f"## {title}\n\n{origin}.\n\n```\n{made['command']}\n```\n\n{body}"


def _fact(name: str, value: Any) -> str:
    """As people write it: `2 cores`, `torch 2.13`."""
    plain = {
        "processor": f"{value}",
        "system": f"{value}",
        "gpu": f"{value}",
        "cores": f"{value} cores",
        "threads": f"{value} threads",
        "memory_gib": f"{value} GiB",
        "load": f"load {value} at the end",
    }
    return plain.get(name, f"{name} {value}")
