"""Held-out sentences, by the base and by what it has become, in the voice of a clip of its training: spoken and judged.

They are those by which training was ended, so the gain is a little flattered; `egs/finetune` measures it on others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ditar.evaluate.judge import Judge
from ditar.evaluate.metrics import GROUPS, Metric
from ditar.finetune.pieces import TrainingPiece
from ditar.model.adapter import base_fingerprint
from ditar.recognise.choose import AUTO, DEFAULT, NONE
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.utterance_list import SpeechTask, speak_many
from ditar.synthesis.voice import Voice, voice_key

REFERENCE_SECONDS = 6.0  # of the clip that stands for a speaker, if there is one of that length
# Figures of the page, each by the package that makes it.
PACKAGES = {"words": "jiwer", "similarity": "resemblyzer", "distillmos": "distillmos"}
FIGURES: tuple[Metric, ...] = tuple(GROUPS[group][0] for group in PACKAGES)


@dataclass(frozen=True)
class Comparison:
    """rows: by system ("original", "before", "after") and sentence, the judges' row; figures: by system and name of the
    metric, its value, for the figures that could be made; judges: who made them."""

    rows: dict[str, dict[str, dict[str, Any]]]
    figures: dict[str, dict[str, float]]
    judges: dict[str, str]


def references(pieces: Sequence[TrainingPiece]) -> dict[str, TrainingPiece]:
    """The piece that stands for each speaker: that with the length nearest to REFERENCE_SECONDS."""
    chosen: dict[str, TrainingPiece] = {}
    for piece in sorted(pieces, key=lambda piece: (abs(piece.seconds - REFERENCE_SECONDS), piece.utt)):
        chosen.setdefault(piece.speaker, piece)
    return chosen


def speak(
    pipeline: ContinuousPipeline,
    sentences: Sequence[TrainingPiece],
    voices: Mapping[str, Voice],
    language: str,
    folder: Path,
) -> dict[str, Path]:
    """Each held-out sentence in its speaker's voice, as files in a folder; those that are there are kept, and what
    cannot be spoken is missing."""
    tasks = [
        SpeechTask(
            p.utt, p.text, voices[p.speaker], voice_key(voices[p.speaker]), request_options={"language": language}
        )
        for p in sentences
    ]
    pipeline.set_progress_bar_config(disable=True)
    made = speak_many(pipeline, tasks, folder, settings={"weights": base_fingerprint(pipeline.ditar)}, batch_size=4)
    return {name: folder / row["file"] for name, row in made.rows.items()}


def compare(
    sentences: Sequence[TrainingPiece],
    chosen: Mapping[str, TrainingPiece],
    before: Mapping[str, Path],
    after: Mapping[str, Path],
    recogniser: str,
    processes: int,
) -> Comparison:
    """Judge the recordings and both systems, by what is installed. chosen: the reference clip of each speaker; before,
    after: the audio of each sentence; recogniser: of `recognise.choose`; "none": nobody judges."""
    both = [p for p in sentences if p.utt in before and p.utt in after]
    audio = {
        "original": {p.utt: Path(p.path) for p in both},
        "before": {p.utt: before[p.utt] for p in both},
        "after": {p.utt: after[p.utt] for p in both},
    }
    if recogniser == NONE or not both:
        return Comparison({}, {}, {})
    groups = [group for group, package in PACKAGES.items() if find_spec(package) is not None]
    judge = Judge(groups, recogniser=DEFAULT if recogniser == AUTO else recogniser, workers=processes, progress=False)
    texts = {p.utt: p.text for p in both}
    clips = {p.utt: Path(chosen[p.speaker].path) for p in both}
    speakers = {p.utt: p.speaker for p in both}
    rows = {name: judge.judge(files, texts, clips=clips, speakers=speakers) for name, files in audio.items()}
    figures = {
        system: {m.name: value for m in FIGURES if (value := m.pool(of.values())) is not None}
        for system, of in rows.items()
    }
    return Comparison(rows, figures, judge.names)
