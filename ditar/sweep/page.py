"""One HTML file in which a person hears each grid point next to its figures and spectrogram; it loads nothing else."""

import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.data_uri import data_uri, sound_uri
from ditar.audio.read import read_audio
from ditar.evaluate.inputs import import_for_evaluation
from ditar.evaluate.metrics import FLAWS
from ditar.sweep.grid import LABELS, Point
from ditar.sweep.items import Item, wav_path
from ditar.sweep.pairs import Pair
from ditar.sweep.tables import FIGURES, figures_of, judges
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.reference import SHIPPED_VOICE
from ditar.units import SAMPLE_RATE_HZ

MEL_BINS = 64
COLUMN_SAMPLES = 300  # a column of the picture is 12.5 ms, so that pictures of a page share one scale of time
SHADES = 64
DARKEST, BRIGHTEST = -8.0, 4.0  # natural logarithm of mel magnitudes
PAGE = "sweep.html"


def page(
    result: Mapping[str, Any],
    every: Sequence[Point],
    pairs: Sequence[Pair],
    rows: Mapping[str, Mapping[str, Any]],
    pictures: Mapping[str, bytes],
    out: Path,
    most_bytes: int,
) -> tuple[str, dict[str, int]]:
    """The page, and {"embedded": outputs in it, "outputs": all there are}.

    It always includes the plots, and as many of the outputs as fit into `most_bytes`: sentence by sentence with the
    first seed, the same ones for every point, then with the next seed.
    """
    entries, axes, made = result["points"], result["varying"], result["provenance"]
    data: dict[str, Any] = {
        "axes": [{"name": axis, "label": LABELS[axis]} for axis in axes or entries[0]["settings"]],
        "figures": [
            {"name": name, **dict(zip(("label", "factor", "decimals", "less"), FIGURES[name]))}
            for name in figures_of(entries)
        ],
        "points": [{**_without_values(entry), "media": {}, "files": {}} for entry in entries],
        "columns": [],
        "references": [],
    }
    plots = "".join(f'<img alt="{html.escape(name)}" src="{data_uri("image/png", png)}">' for name, png in pictures.items())
    template = (ASSETS / PAGE).read_text(encoding="utf-8")
    left = most_bytes - len(plots) - _size(data) - len(template) - 4096
    embedded = _embed(data, every, result["seeds"], pairs, rows, out, left)
    outputs = sum(len(point.seeds) for point in every) * len(pairs)
    heard = f"{sum(bool(p['media']) for p in data['points'])} of {len(every)} points"
    fields = {
        "TITLE": html.escape(f"Sweep over {', '.join(LABELS[a] for a in axes) or 'one point'}"),
        "SPOKEN": html.escape(
            f"{len(every)} grid points, {len(pairs)} sentences, seeds {', '.join(map(str, result['seeds']))}. Figures "
            "are means over seeds ± standard deviation; blue is the best of what is shown. A click on a heading sorts, "
            "a click into a spectrogram plays from there."
        ),
        "FACTS": html.escape(
            f"{made['date']}, commit {made['commit']}; {judges(result)}: {made['command']}"
        ),
        "BOUND": html.escape(
            f"Sound is MP3 if the sound library supports it, else FLAC; this page is limited to {most_bytes / 1e6:g} "
            f"MB (--page-mb) and holds {embedded} of {outputs} outputs, of {heard}. All of them, as they were made, "
            "are in the folder wav next to it."
        ),
        "PLOTS": plots,
        "DATA": json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
    }
    for name, value in fields.items():  # DATA last: inserted text is not searched for a later name
        template = template.replace(f"@{name}@", value)
    return template, {"embedded": embedded, "outputs": outputs}


def _embed(
    data: dict[str, Any],
    every: Sequence[Point],
    seeds: Sequence[int],
    pairs: Sequence[Pair],
    rows: Mapping[str, Mapping[str, Any]],
    out: Path,
    left: int,
) -> int:
    """Put sentences and outputs into `data` until `left` bytes are used; returns the number of outputs."""
    clips: dict[str, int] = {}
    columns: dict[tuple[str, int], int] = {}
    embedded = 0
    for seed in seeds:
        for pair in pairs:
            clip = str(pair.reference or SHIPPED_VOICE)
            sound = None if clip in clips else sound_uri(read_audio(clip))
            column = {**_sentence(pair), "seed": seed, "reference": clips.get(clip, len(clips))}
            cost = _size(column) + (_size(sound) if sound else 0)
            if cost > left:
                return embedded
            left -= cost
            if sound:
                clips[clip] = len(clips)
                data["references"].append(sound)
            at = columns[pair.name, seed] = len(data["columns"])
            data["columns"].append(column)
            for point, shown in zip(every, data["points"]):
                if seed not in point.seeds:  # deterministic: the number of the column that has it
                    shown["media"][at] = columns[pair.name, point.seeds[0]]
                    continue
                item = Item(point, seed, pair)
                shown["files"][at] = f"wav/{item.name}.wav"
                media = medium(wav_path(out, item), rows[item.name])
                left -= _size(shown["files"][at])
                if _size(media) <= left:
                    shown["media"][at] = media
                    left -= _size(media)
                    embedded += 1
    return embedded


def _size(value: Any) -> int:
    """Bytes that a value takes in the page, with the punctuation around it."""
    return len(json.dumps(value)) + 16


def medium(path: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    """An output in the page: sound and spectrogram as data URIs, its length, and what was heard."""
    samples = read_audio(path)
    problems = [name for name in (*FLAWS, "no_stop") if row[name]]
    quality = f"DistillMOS {row['distillmos']:.2f}; " if row.get("distillmos") is not None else ""
    note = f"{quality}{row['word_errors']} of {row['words']} words wrong; heard: {row['heard'] or '(nothing)'}"
    if problems:
        note += f"; {', '.join(problems).replace('_', ' ')}"
    return {
        "audio": sound_uri(samples),
        "image": data_uri("image/png", spectrogram(samples)),
        "seconds": round(len(samples) / SAMPLE_RATE_HZ, 3),
        "note": note,
    }


def spectrogram(samples: np.ndarray) -> bytes:
    """A mel spectrogram of (S,) at 24 kHz as a PNG of MEL_BINS rows and a column for each 12.5 ms, low notes at the
    bottom."""
    import torch

    from ditar.audio.spectra import log_mel

    import_for_evaluation("matplotlib")
    from matplotlib import colormaps
    from PIL import Image  # installed with matplotlib

    padded = np.pad(samples, (0, max(0, 4 * COLUMN_SAMPLES - len(samples))))
    mel = log_mel(torch.from_numpy(padded)[None], MEL_BINS, hop=COLUMN_SAMPLES)[0].numpy()  # (MEL_BINS, frames)
    shades = np.clip((mel - DARKEST) / (BRIGHTEST - DARKEST), 0, 1) * (SHADES - 1)
    picture = Image.fromarray(np.flipud(shades).astype(np.uint8), mode="P")
    picture.putpalette((colormaps["magma"](np.linspace(0, 1, SHADES))[:, :3] * 255).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _sentence(pair: Pair) -> dict[str, Any]:
    transcript = pair.transcript or SHIPPED_VOICE.with_suffix(".txt").read_text(encoding="utf-8").strip()
    return {"pair": pair.name, "text": pair.text, "transcript": transcript}


def _without_values(entry: Mapping[str, Any]) -> dict[str, Any]:
    figures = {
        name: figure and {"mean": figure["mean"], "spread": figure["spread"]}
        for name, figure in entry["figures"].items()
    }
    return {"settings": entry["settings"], "figures": figures}
