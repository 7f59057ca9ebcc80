"""Kaldi data directories of the teacher's corpus, from what is made so far."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from teacher_plan import PARTS

from ditar.data.kaldi import Utterance, write_data_dir

MOST_WORD_ERROR, LEAST_QUALITY = 0.2, 3.0  # of a training utterance, by the judge


def doubtful(score: dict) -> bool:
    """Whether an utterance is doubtful by the judge's scores."""
    return score["word_error"] > MOST_WORD_ERROR or score["distillmos"] < LEAST_QUALITY


def write_directories(out: Path, made: Iterable[dict], scores: dict[str, dict], hours: float | None = None) -> dict:
    """OUT/data, val, test and test_ref, as far as there are utterances for them; each with `symbol_times`, JSON lines
    of utt, symbols and times. Returns the counts: utterances of each folder, hours of training, what is left out.

    `scores`: by utterance, as judge_teacher.py writes them; what it doubts is left out of training and validation.
    `hours`: training ends with the utterance that fills them, ready ones first and then in the order of the plan.
    """
    rows = sorted((r for r in made if not r.get("failed")), key=lambda r: (r["part"] != "ready", r["part"], r["index"]))
    kept: dict[str, list[dict]] = {folder: [] for folder in PARTS.values()}
    seconds, left_out = 0.0, 0
    for row in rows:
        training = row["part"] in ("ready", "train")
        full = hours is not None and seconds >= hours * 3600
        if training and full:
            continue
        # What the judge left out counts as made: later utterances do not take its place.
        seconds += row["duration_s"] if training else 0.0
        if (training or row["part"] == "val") and row["utt"] in scores and doubtful(scores[row["utt"]]):
            left_out += 1
            continue
        kept["data" if training else PARTS[row["part"]]].append(row)
    for folder, part in kept.items():
        if part:
            write_directory(out, out / folder, part)
    training_s = sum(row["duration_s"] for row in kept["data"])
    counts = {folder: len(part) for folder, part in kept.items()}
    speakers = len({row["speaker"] for row in kept["data"]})
    return counts | {"hours": round(training_s / 3600, 3), "voices": speakers, "left_out": left_out}


def write_directory(out: Path, folder: Path, rows: list[dict]) -> None:
    """One data directory from records of what is made, whose audio is OUT/wav/SPEAKER/UTT.wav."""
    wav = out.resolve() / "wav"
    utterances = [
        Utterance(
            r["utt"],
            r["speaker"],
            wav / r["speaker"] / f"{r['utt']}.wav",
            r["text"],
            r["duration_s"],
            symbol_times=(r["symbols"], r["times"]),
        )
        for r in rows
    ]
    write_data_dir(folder, utterances)
