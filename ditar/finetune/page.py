"""The page to listen to: one HTML file with each held-out sentence before and after, and the figures."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ditar.audio.data_uri import sound_uri
from ditar.audio.read import read_audio
from ditar.finetune.compare import FIGURES, Comparison
from ditar.finetune.pieces import TrainingPiece
from ditar.finetune.system import SAID
from ditar.synthesis.model_folder import ASSETS

PAGE, TEMPLATE = "before_after.html", "finetune.html"
SYSTEMS = {"original": "recording", "before": "before", "after": "after"}
HEARD = {  # figures of training's log, with their headings
    "validation": "validation (lower is better)", "diffusion": "diffusion loss", f"{SAID}wer": "word error",
    f"{SAID}similarity": "similarity", f"{SAID}distillmos": "DistillMOS",
}  # fmt: skip


def page(
    title: str,
    facts: Sequence[str],
    sentences: Sequence[TrainingPiece],
    chosen: Mapping[str, TrainingPiece],
    audio: Mapping[str, Mapping[str, Path]],
    found: Comparison,
    log: Sequence[Mapping[str, Any]],
) -> str:
    """HTML. chosen: the reference clip of each speaker; audio: of "before" and "after", by sentence; log: the figures
    of each validation by the names of HEARD, and its `step`."""
    template = (ASSETS / TEMPLATE).read_text(encoding="utf-8")
    fields = {
        "TITLE": html.escape(title),
        "FACTS": "".join(f"<p>{html.escape(fact)}</p>" for fact in facts),
        "FIGURES": _figures(found),
        "TRAINING": _training(log),
        "REFERENCES": "".join(
            f"<figure><figcaption>{html.escape(f'{speaker}: {piece.text}')}</figcaption>{_player(piece.path)}</figure>"
            for speaker, piece in sorted(chosen.items()) if any(p.speaker == speaker for p in sentences)
        ),
        "SENTENCES": "".join(_sentence(piece, audio, found) for piece in sentences),
    }  # fmt: skip
    for name, value in fields.items():  # SENTENCES last: inserted text is not searched for a later name
        template = template.replace(f"@{name}@", value)
    return template


def _figures(found: Comparison) -> str:
    shown = [metric for metric in FIGURES if any(metric.name in of for of in found.figures.values())]
    rows = [
        [label, *(metric.show(found.figures[system].get(metric.name)) for metric in shown)]
        for system, label in SYSTEMS.items() if system in found.figures
    ]  # fmt: skip
    return _table(["", *(metric.title for metric in shown)], rows)


def _training(log: Sequence[Mapping[str, Any]]) -> str:
    shown = [name for name in HEARD if any(name in line for line in log)]
    rows = [[str(line["step"]), *(f"{line[name]:.3f}" if name in line else "" for name in shown)] for line in log]
    return _table(["step", *(HEARD[name] for name in shown)], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _sentence(piece: TrainingPiece, audio: Mapping[str, Mapping[str, Path]], found: Comparison) -> str:
    paths = {"original": Path(piece.path)} | {name: of[piece.utt] for name, of in audio.items() if piece.utt in of}
    cells = []
    for system, label in SYSTEMS.items():
        row = found.rows.get(system, {}).get(piece.utt, {})
        said = [f"{m.title} {m.show(m.value(row))}" for m in FIGURES if (counted := m.counted(row)) and counted[1]]
        heard = f"heard: {row['heard'] or '(nothing)'}" if "heard" in row else ""
        sound = _player(paths[system]) if system in paths else "could not be spoken"
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in (", ".join(said), heard) if note)
        cells.append(f"<div><h3>{label}</h3>{sound}{notes}</div>")
    return f'<section><h2>{html.escape(piece.text)}</h2><div class="systems">{"".join(cells)}</div></section>'


def _player(path: str | Path) -> str:
    return f'<audio controls preload="none" src="{sound_uri(read_audio(path))}"></audio>'
