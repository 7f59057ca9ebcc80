"""Scores of a sweep: each WAV by the judge and the metrics of `ditar evaluate`, then mean and spread over seeds for
each grid point."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ditar.evaluate.diversity import voice_spread
from ditar.evaluate.inputs import Ending
from ditar.evaluate.judge import Judge
from ditar.evaluate.metrics import FLAWS
from ditar.evaluate.report import finite
from ditar.recognise.choose import DEFAULT
from ditar.storage.json_lines import append_json_lines, read_log
from ditar.sweep.grid import Point
from ditar.sweep.items import Item, wav_path
from ditar.sweep.pairs import Pair
from ditar.sweep.tables import METRICS
from ditar.synthesis.reference import SHIPPED_VOICE

SCORES = "scores.jsonl"
CHUNK = 200  # outputs between two writes, so that an interruption costs little
GROUPS = ("words", "similarity", "distillmos", "outputs")


def make_judge(
    recogniser: str = DEFAULT, workers: int | None = None, progress: bool = True, normaliser: str | None = None
) -> Judge:
    """RecogniserError or EvaluationError if there is no such recogniser or normaliser, or a package is missing."""
    return Judge(GROUPS, recogniser=recogniser, normaliser=normaliser, workers=workers, progress=progress)


def judge_names(judge: Judge) -> dict[str, str]:
    """The judges of a sweep, as sweep.json names them."""
    keys = {"recogniser": "words", "normaliser": "normaliser", "quality": "distillmos", "embedder": "similarity"}
    return {key: judge.names[name] for key, name in keys.items()}


def score_items(
    wanted: Sequence[Item], log: dict[str, dict[str, Any]], out: Path, judge: Judge
) -> dict[str, dict[str, Any]]:
    """Score every unscored output; returns rows by the items' names: what `Judge.judge` finds (with its end, from the
    manifest's lines `log`), `failed`: whether it has any of FLAWS, and `voice`, the speaker's embedding.

    Rows are kept in `scores.jsonl` with the file's time: an output that was made again is scored again, and everything
    is scored again with other judges.
    """
    made = {item.name: wav_path(out, item).stat().st_mtime_ns for item in wanted}
    rows = {row["utt"]: row for row in read_log(out / SCORES) if row.get("judges") == judge.names}
    rows = {name: row for name, row in rows.items() if name in made and row["made_ns"] == made[name]}
    todo = [item for item in wanted if item.name not in rows]
    for first in range(0, len(todo), CHUNK):
        chunk = todo[first : first + CHUNK]
        audio = {item.name: wav_path(out, item) for item in chunk}
        clips = {item.name: Path(item.pair.reference or SHIPPED_VOICE) for item in chunk}
        fresh = judge.judge(
            audio,
            {item.name: item.pair.text for item in chunk},
            clips=clips,
            speakers={name: str(clip) for name, clip in clips.items()},
            stopped={name: Ending(log[name]["stopped"], log[name]["attempts"]) for name in audio},
        )
        voices = judge.embed(audio, "embedding outputs")  # already computed
        for name, row in fresh.items():
            row["failed"] = any(row[flaw] for flaw in FLAWS)
            row["voice"] = [round(float(v), 5) for v in voices[name]]
            row |= {"made_ns": made[name], "judges": judge.names}
        fresh = {name: finite(row) for name, row in fresh.items()}
        append_json_lines(fresh.values(), out / SCORES)
        rows |= fresh
    return {name: rows[name] for name in made}


def seed_figures(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Figures of one grid point and seed, pooled over the pairs; None if no output has one."""
    return {name: metric.pool(rows) for name, metric in METRICS.items() if name != "diversity"}


def aggregate(every: Sequence[Point], pairs: Sequence[Pair], rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a grid point: `name`, `settings`, `seeds` and `figures`: by name `mean`, `spread` (standard deviation
    over seeds; None for one seed, unless it is deterministic) and the `values` of the seeds. `diversity`: see there."""
    entries = []
    for point in every:
        by_seed = []
        for seed in point.seeds:
            by_seed.append(seed_figures([rows[Item(point, seed, pair).name] for pair in pairs]))
        figures = {}
        for name in by_seed[0]:
            values = [f[name] for f in by_seed if f[name] is not None]
            figures[name] = mean_and_spread(values, point["temperature"] == 0) if values else None
        figures["diversity"] = diversity(point, pairs, rows)
        entries.append(
            {"name": point.name, "settings": dict(point.settings), "seeds": list(point.seeds), "figures": figures}
        )
    return entries


def mean_and_spread(values: Sequence[float], deterministic: bool = False) -> dict[str, Any]:
    """Mean and standard deviation (n - 1)."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 if deterministic else None
    return {"mean": float(np.mean(values)), "spread": deviation, "values": [float(v) for v in values]}


def diversity(point: Point, pairs: Sequence[Pair], rows: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """How much the voice varies when one pair is spoken again: 1 - cosine of the speaker embeddings of two seeds, mean
    over the pairs of seeds; mean and spread over the sentences. 0 if sampling is deterministic, None for one seed."""
    if point["temperature"] == 0:
        return mean_and_spread([0.0], deterministic=True)
    if len(point.seeds) < 2:
        return None
    values = []
    for pair in pairs:
        voices = np.array([rows[Item(point, seed, pair).name]["voice"] for seed in point.seeds])  # (seeds, 256)
        values.append(voice_spread(voices))
    values = [value for value in values if value is not None]
    return mean_and_spread(values) if values else None
