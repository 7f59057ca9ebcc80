"""What the pictures of a sweep show, and what they leave out."""

import numpy as np
import pytest

from ditar.sweep.grid import Grid, points
from ditar.sweep.pairs import Pair
from ditar.sweep.plots import heat_map, plots, voices
from ditar.sweep.score import aggregate
from tests.sweep.test_study import row

pytest.importorskip("matplotlib"), pytest.importorskip("sklearn")

GRID = Grid(temperature=(0.5, 1.0), guidance_scale=(1.0, 2.0), seed=(0, 1))
PAIRS = [Pair("a", "Hi."), Pair("b", "Ho.")]
SILENT = np.zeros(3)


def spoken(voice_of):
    """The points of GRID and their outputs' rows; voice_of(temperature, seed, pair's name)."""
    rows = {
        f"{point.name}/{seed}/{pair.name}": row(1, voice=voice_of(point["temperature"], seed, pair.name))
        for point in points(GRID) for seed in point.seeds for pair in PAIRS
    }  # fmt: skip
    return aggregate(points(GRID), PAIRS, rows), rows


def voice(temperature, seed, name):
    return np.eye(3)[seed] + temperature * (name == "a")


def test_silence_is_no_voice_in_the_picture():
    entries, rows = spoken(lambda *of: SILENT if of[1:] == (1, "b") else voice(*of))
    heard = {name: one for name, one in rows.items() if any(one["voice"])}
    assert voices(entries, rows) == voices(entries, heard) and len(heard) < len(rows)
    half, rows = spoken(lambda *of: SILENT if of[0] == 1.0 else voice(*of))
    assert voices(half, rows).startswith(b"\x89PNG")  # a panel without a point
    none, rows = spoken(lambda *of: SILENT)
    assert voices(none, rows) is None
    result = {"points": none, "varying": ["temperature", "guidance_scale"]}
    assert "voices.png" not in plots(result, rows) and "curve_temperature.png" in plots(result, rows)


def test_a_figure_that_is_not_known_is_an_empty_cell(monkeypatch):
    from matplotlib.axes import Axes

    written, write = [], Axes.text
    monkeypatch.setattr(Axes, "text", lambda *at, **how: (written.append(at[3]), write(*at, **how)))
    entries, _ = spoken(lambda *of: SILENT if of[0] == 1.0 else voice(*of))
    heat_map(entries, "temperature", "guidance_scale", ["wer", "diversity"])
    known = f"{entries[0]['figures']['diversity']['mean']:.3f}"
    assert written == ["25.0"] * 4 + [known] * 2 + [""] * 2
