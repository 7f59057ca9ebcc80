"""Synthesis of a whole grid: the model loaded once, batches filled across grid points, what is finished kept."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ditar.audio.write import write_audio
from ditar.storage.atomic_write import write_lines
from ditar.storage.json_lines import append_json_lines, read_log
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid, check_grid
from ditar.sweep.items import WAVS, batches, items, wav_path
from ditar.sweep.pairs import Pair
from ditar.sweep.speak import check_pipeline, check_texts, make_voices, speak

LOG, SETTINGS = "log.jsonl", "settings.json"


def start_or_resume(out: Path, fixed: dict[str, Any], pairs: Sequence[Pair]) -> dict[str, dict[str, Any]]:
    """Make the folder of a sweep, or go on with one. Returns the log's line of every output that is finished, by name.

    `fixed` is what all outputs share (model, retries, ...). SweepError where the folder holds outputs of something
    else: a grid may grow, and pairs may be added, but a name always stands for one thing.
    """
    asked = {p.name: [p.text, str(p.reference) if p.reference else None, p.transcript] for p in pairs}
    noted = out / SETTINGS
    try:
        before = json.loads(noted.read_text(encoding="utf-8")) if noted.is_file() else {**fixed, "pairs": {}}
        known = before.pop("pairs")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise SweepError(f"{noted} is no sweep's; choose another folder") from None
    for key, value in fixed.items():
        if before.get(key) != value:
            raise SweepError(
                f"{out} holds a sweep with {key} {before.get(key)!r}, and this one has {value!r}; choose another folder"
            )
    for name, value in asked.items():
        if known.get(name, value) != value:
            raise SweepError(
                f"{out} holds a sweep whose pair {name!r} is {known[name]!r}, and now it is {value!r}; give it another "
                "id, or choose another folder"
            )
    (out / WAVS).mkdir(parents=True, exist_ok=True)
    write_lines(noted, [json.dumps({**fixed, "pairs": {**known, **asked}}, indent=2, ensure_ascii=False)])
    rows = {row["name"]: row for row in read_log(out / LOG)}
    return {name: row for name, row in rows.items() if (out / WAVS / f"{name}.wav").is_file()}


def synthesise(
    pipeline: Any,
    grid: Grid | TokenGrid,
    pairs: Sequence[Pair],
    out: Path,
    done: dict[str, dict[str, Any]],
    *,
    batch_size: int = 8,
    max_retries: int = 0,
    language: str = "en-us",
    progress: bool = True,
) -> dict[str, dict[str, Any]]:
    """Speak what is not `done` yet; returns the log's lines of everything in the grid, by name.

    After every batch its WAVs and log lines are on disk, so that an interruption costs one batch. SweepError where the
    grid is not of the pipeline's kind; TextError and AudioError of any pair before the first synthesis.
    """
    from tqdm import tqdm

    check_grid(grid)
    check_pipeline(pipeline, grid)
    wanted = items(grid, pairs)
    todo = [item for item in wanted if item.name not in done]
    voices = make_voices(pipeline, pairs, language)
    check_texts(pipeline, grid, pairs, voices, language)
    records = {item.name: done[item.name] for item in wanted if item.name in done}
    with tqdm(total=len(wanted), initial=len(records), unit="utt", desc=str(out), disable=not progress) as bar:
        for batch in batches(todo, grid.PER_BATCH, batch_size):
            started = time.perf_counter()
            spoken = speak(pipeline, grid, batch, voices, max_retries, language)
            took = time.perf_counter() - started
            for item, speech in zip(batch, spoken, strict=True):
                path = wav_path(out, item)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_audio(path, speech.audio, speech.sample_rate)
                records[item.name] = {
                    "name": item.name,
                    "noise_seed": speech.seed,
                    "stopped": speech.stopped,
                    "attempts": speech.attempts,
                    "seconds": len(speech.audio) / speech.sample_rate,
                    "took_s": round(took / len(batch), 4),  # its share of the batch's time
                    "warnings": speech.warnings,
                }
            append_json_lines([records[item.name] for item in batch], out / LOG)
            bar.update(len(batch))
    return records
