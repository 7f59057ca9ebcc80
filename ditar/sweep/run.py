"""Synthesis of a whole grid: the model loaded once, batches filled across grid points, finished outputs kept."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ditar.config.sampling import BATCH_SIZE
from ditar.storage.atomic_write import write_lines
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid, check_grid
from ditar.sweep.items import WAVS, batches, items
from ditar.sweep.pairs import Pair
from ditar.sweep.speak import check_pipeline, check_texts, make_voices, task
from ditar.synthesis.utterance_list import speak_many

SETTINGS = "settings.json"


def open_sweep(out: Path, fixed: dict[str, Any], pairs: Sequence[Pair]) -> None:
    """Make the folder of a sweep, or continue one.

    `fixed` is what all outputs share (model, retries, ...). SweepError if the folder holds outputs of something else: a
    grid may grow, and pairs may be added, but a name always means the same.
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
                f"{out} holds a sweep with {key} {before.get(key)!r}, but this one has {value!r}; choose another folder"
            )
    for name, value in asked.items():
        if known.get(name, value) != value:
            raise SweepError(
                f"{out} holds a sweep whose pair {name!r} was {known[name]!r}, but now it is {value!r}; give it "
                "another id, or choose another folder"
            )
    (out / WAVS).mkdir(parents=True, exist_ok=True)
    write_lines(noted, [json.dumps({**fixed, "pairs": {**known, **asked}}, indent=2, ensure_ascii=False)])


def synthesise(
    pipeline: Any,
    grid: Grid | TokenGrid,
    pairs: Sequence[Pair],
    out: Path,
    fixed: dict[str, Any],
    *,
    batch_size: int = BATCH_SIZE,
    max_retries: int = 0,
    language: str = "en-us",
    progress: bool = True,
) -> dict[str, dict[str, Any]]:
    """Speak what the folder lacks; returns the manifest's line of everything in the grid, by name (see
    `synthesis.utterance_list`).

    After every batch its WAVs and lines are on disk, so that an interruption costs one batch. SweepError if the grid is
    of another kind than the pipeline; TextError and AudioError of any pair before the first synthesis.

    Args:
        out, fixed: as for `open_sweep`.
        batch_size: utterances spoken at the same time, 1 to 1000.
        max_retries: 0 to 100 new attempts at failed speech.
        language: espeak-ng's name of the texts' and transcripts'.
    """
    check_grid(grid)
    check_pipeline(pipeline, grid)
    voices = make_voices(pipeline, pairs, language)
    check_texts(pipeline, pairs, voices, language)
    ordered = [item for batch in batches(items(grid, pairs), grid.PER_BATCH, batch_size) for item in batch]
    tasks = [task(grid, item, voices[item.pair.name], max_retries, language) for item in ordered]
    with tqdm(total=len(tasks), unit="utt", desc=str(out), disable=not progress) as bar:
        made = speak_many(
            pipeline, tasks, out, settings=fixed, audio=WAVS, split=False, batch_size=batch_size, batches_at_once=1,
            on_progress=lambda tasks, _: bar.update(len(tasks)),
        )  # fmt: skip
    if made.failed:
        raise SweepError("; ".join(f"{name}: {reason}" for name, reason in made.failed[:3]))
    return made.rows
