"""Scores of a sweep: each WAV by `ditar.evaluate`, then mean and spread over seeds for each grid point."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ditar.evaluate.diversity import spread as voice_spread
from ditar.evaluate.inputs import read_waveform
from ditar.evaluate.outputs import inspect_output
from ditar.evaluate.quality import DistillMOS
from ditar.evaluate.similarity import embed_files, embedder_name
from ditar.evaluate.words import choose_normaliser, word_errors
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.choose import DEFAULT, make_recogniser
from ditar.recognise.files import Recogniser
from ditar.storage.json_lines import append_json_lines, read_log
from ditar.sweep.grid import Point
from ditar.sweep.items import Item, wav_path
from ditar.sweep.pairs import Pair
from ditar.synthesis.reference import SHIPPED_VOICE

SCORES = "scores.jsonl"
CHUNK = 200  # outputs between two writes, so that an interruption costs little
FAILURES = ("silent", "truncated", "too_long", "too_short")


@dataclass(frozen=True)
class Judges:
    """What scores a sweep; `names` says with what, by `recogniser`, `normaliser`, `quality` and `embedder`."""

    recogniser: Recogniser
    normalise: Callable[[str], str]
    quality: DistillMOS
    names: Mapping[str, str]


def make_judges(recogniser: str = DEFAULT) -> Judges:
    """Load them. RecogniserError or EvaluationError where there is no such recogniser, or a package is missing."""
    words = make_recogniser(recogniser)
    normalise, normaliser = choose_normaliser(None, words)
    quality = DistillMOS()
    names = {"recogniser": words.name, "normaliser": normaliser, "quality": quality.name, "embedder": embedder_name()}
    return Judges(words, normalise, quality, names)


def score_items(
    wanted: Sequence[Item],
    log: dict[str, dict[str, Any]],
    out: Path,
    judges: Judges,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, dict[str, Any]]:
    """Score every output that is not scored yet; returns rows by the items' names: the words heard and their errors,
    the quality, the speaker's embedding and its cosine with the reference's, what is wrong with the output, how it
    ended.

    Rows are kept in `scores.jsonl` with the file's time: an output that was made again is scored again, and so is all
    of it by other judges.
    """
    made = {item.name: wav_path(out, item).stat().st_mtime_ns for item in wanted}
    rows = {row["name"]: row for row in read_log(out / SCORES)}
    rows = {
        name: row
        for name, row in rows.items()
        if name in made and row["made_ns"] == made[name] and row.get("judges") == judges.names
    }
    todo = [item for item in wanted if item.name not in rows]
    clips = {item.pair.name: str(item.pair.reference or SHIPPED_VOICE) for item in todo}
    references = embed_files(clips, progress, "embedding references") if todo else {}
    for first in range(0, len(todo), CHUNK):
        chunk = todo[first : first + CHUNK]
        fresh = list(_score(chunk, references, out, judges, workers, progress))
        for row in fresh:
            row.update(made_ns=made[row["name"]], judges=dict(judges.names))
        append_json_lines(fresh, out / SCORES)
        rows.update((row["name"], row) for row in fresh)
    return {name: {**rows[name], **_ending(log[name])} for name in made}


def _score(
    chunk: Sequence[Item],
    references: dict[str, np.ndarray],
    out: Path,
    judges: Judges,
    workers: int | None,
    progress: bool,
) -> Iterable[dict[str, Any]]:
    audio = {item.name: wav_path(out, item) for item in chunk}
    texts = {item.name: item.pair.text for item in chunk}
    heard = judges.recogniser.recognise(audio, workers, progress)
    errors = {e.utt: e for e in word_errors(texts, heard, judges.normalise)}
    quality = judges.quality.rate(audio, workers, progress)
    voices = embed_files(audio, progress)
    for item in chunk:
        facts = inspect_output(
            read_waveform(audio[item.name], RECOGNISER_RATE_HZ), RECOGNISER_RATE_HZ, texts[item.name]
        )
        e, voice = errors[item.name], voices[item.name]
        yield {
            "name": item.name,
            "heard": heard[item.name],
            "words": e.words,
            "word_errors": e.word_errors,
            "characters": e.characters,
            "character_errors": e.character_errors,
            **quality[item.name],
            "similarity": float(voice @ references[item.pair.name]),
            "failed": [name for name in FAILURES if getattr(facts, name)],
            "seconds": facts.duration_s,
            "voice": [round(float(v), 5) for v in voice],
        }


def _ending(record: dict[str, Any]) -> dict[str, Any]:
    return {"stopped": record["stopped"], "attempts": record["attempts"]}


def seed_figures(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Figures of one grid point and seed, over the pairs: errors are pooled, the rest are means. Of outputs without a
    sound there is no DistillMOS, and None where no output has one."""

    def pooled(errors: str, counts: str) -> float:
        return sum(row[errors] for row in rows) / sum(row[counts] for row in rows)

    rated = [row["distillmos"] for row in rows if row.get("distillmos") is not None]
    return {
        "wer": pooled("word_errors", "words"),
        "cer": pooled("character_errors", "characters"),
        "distillmos": float(np.mean(rated)) if rated else None,
        "similarity": float(np.mean([row["similarity"] for row in rows])),
        "no_stop": float(np.mean([not row["stopped"] for row in rows])),
        "failed": float(np.mean([bool(row["failed"]) for row in rows])),
        "seconds": float(np.mean([row["seconds"] for row in rows])),
    }


def aggregate(every: Sequence[Point], pairs: Sequence[Pair], rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a grid point: `name`, `settings`, `seeds` and `figures`: by name `mean`, `spread` (standard deviation
    over seeds; None of one seed, unless it is deterministic) and the `values` of the seeds. `diversity`: see there."""
    entries = []
    for point in every:
        by_seed = []
        for seed in point.seeds:
            by_seed.append(seed_figures([rows[Item(point, seed, pair).name] for pair in pairs]))
        figures = {}
        for name in by_seed[0]:
            values = [f[name] for f in by_seed if f[name] is not None]
            figures[name] = spread(values, point["temperature"] == 0) if values else None
        figures["diversity"] = diversity(point, pairs, rows)
        entries.append(
            {"name": point.name, "settings": dict(point.settings), "seeds": list(point.seeds), "figures": figures}
        )
    return entries


def spread(values: Sequence[float], deterministic: bool = False) -> dict[str, Any]:
    """Mean and standard deviation (n - 1)."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 if deterministic else None
    return {"mean": float(np.mean(values)), "spread": deviation, "values": [float(v) for v in values]}


def diversity(point: Point, pairs: Sequence[Pair], rows: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """How much the voice varies when one pair is spoken again: 1 - cosine of the speaker embeddings of two seeds, mean
    over the pairs of seeds; mean and spread over the sentences. 0 where sampling is deterministic, None of one seed."""
    if point["temperature"] == 0:
        return spread([0.0], deterministic=True)
    if len(point.seeds) < 2:
        return None
    values = []
    for pair in pairs:
        voices = np.array([rows[Item(point, seed, pair).name]["voice"] for seed in point.seeds])  # (seeds, 256)
        values.append(voice_spread(voices))
    values = [value for value in values if value is not None]
    return spread(values) if values else None
