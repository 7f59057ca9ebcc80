"""A sweep from its grid to its page: synthesis, scores, tables, plots, page, one result file."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ditar.config.sampling import BATCH_SIZE
from ditar.recognise.choose import DEFAULT
from ditar.storage.atomic_write import atomic_write, write_lines
from ditar.storage.provenance import provenance
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid, axes, points, varying
from ditar.sweep.items import items
from ditar.sweep.page import PAGE, page
from ditar.sweep.pairs import Pair
from ditar.sweep.plots import plots
from ditar.sweep.run import open_sweep, synthesise
from ditar.sweep.score import aggregate, judge_names, make_judge, score_items
from ditar.sweep.speak import weights_digest
from ditar.sweep.tables import VERSION, comma_separated, sweep_markdown

RESULT = "sweep.json"


def study(
    pipeline: Any,
    grid: Grid | TokenGrid,
    pairs: Sequence[Pair],
    out: Path,
    *,
    model: str,
    batch_size: int = BATCH_SIZE,
    max_retries: int = 0,
    language: str = "en-us",
    page_mb: float = 20.0,
    workers: int | None = None,
    recogniser: str = DEFAULT,
    normaliser: str | None = None,
    progress: bool = True,
    loading: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, Any]:
    """Speak and score a whole grid (`check_grid` first) into the folder `out`; returns the content of sweep.json.

    Files: wav/<point>/<seed>/<id>.wav, manifest.jsonl and scores.jsonl (a line an output), sweep.json, sweep.csv,
    sweep.md, PNG plots, sweep.html. Run again, it keeps what is finished. SweepError, RecogniserError, EvaluationError,
    TextError and AudioError before the first synthesis.

    Args:
        model: the name of the model, for the results.
        batch_size: utterances spoken at the same time, at least 1.
        max_retries: 0 to 100 new attempts at failed speech.
        language: espeak-ng's name of the texts' and transcripts'.
        page_mb: above 0, the largest size of sweep.html in MB, sound included.
        workers: processes of recognisers, by default one per core.
        recogniser: see `recognise.choose`.
        normaliser: of words, by default the recogniser's own.
        loading: entered while the judges are imported and loaded.
    """
    with loading():
        judge = make_judge(recogniser, workers, progress, normaliser)
    fixed = {"model": model, "weights": weights_digest(pipeline), "max_retries": max_retries, "language": language}
    if hasattr(pipeline, "sampling"):  # of a model with diffusion: what no axis of a grid says
        fixed["guidance_rise"] = pipeline.sampling.guidance_rise
    if not page_mb > 0:
        raise SweepError(f"the page's bound must be above 0 MB, got {page_mb}")
    open_sweep(out, fixed, pairs)
    log = synthesise(
        pipeline, grid, pairs, out, fixed,
        batch_size=batch_size, max_retries=max_retries, language=language, progress=progress,
    )  # fmt: skip
    wanted, every = items(grid, pairs), points(grid)
    rows = score_items(wanted, log, out, judge)
    result = {
        "kind": "sweep",
        "version": VERSION,
        "provenance": provenance(),
        **fixed,
        **judge_names(judge),
        "grid": {axis: list(values) for axis, values in axes(grid).items()},
        "varying": varying(grid),
        "seeds": list(grid.seed),
        "pairs": len(pairs),
        "batch_size": batch_size,
        "timing": {
            "outputs": len(log),
            "audio_s": sum(row["seconds"] for row in log.values()),
            "synthesis_s": sum(row["took_s"] for row in log.values()),
        },
        "points": aggregate(every, pairs, rows),
    }
    pictures = plots(result, rows)
    text, counts = page(result, every, pairs, rows, pictures, out, int(page_mb * 1e6))
    result = {**result, "plots": list(pictures), "page": {"file": PAGE, "bytes": len(text.encode()), **counts}}
    for name, content in pictures.items():
        with atomic_write(out / name) as partial:
            partial.write_bytes(content)
    for name, content in (
        (PAGE, text),
        ("sweep.csv", comma_separated(result)),
        ("sweep.md", sweep_markdown(result)),
        (RESULT, json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)),
    ):
        write_lines(out / name, [content.rstrip("\n")])
    return result
