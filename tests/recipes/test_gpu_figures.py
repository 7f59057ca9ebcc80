"""recipes/gpu_figures.py: its dry run measures everything that the run on a GPU does."""

import json
import sys
from pathlib import Path

import pytest

from recipes import gpu_figures
from tests.recipes.test_end_to_end import NARROW, shrink

ROOT = Path(__file__).parents[2]
QUICK = ROOT / "configs" / "ditar" / "quick.yaml"


def main(monkeypatch, out, *options):
    monkeypatch.setattr(sys, "argv", ["gpu_figures.py", "--out", str(out), *map(str, options)])
    return gpu_figures.main()


def test_the_dry_run_measures_everything(monkeypatch, tmp_path, capsys):
    quick = shrink("ditar/quick.yaml", tmp_path / "quick.yaml", {"model": NARROW})
    assert main(monkeypatch, tmp_path, "--dry-run", "--configs", quick) == 0
    result = json.loads((tmp_path / "gpu.json").read_text())
    sections, device = result["sections"], result["device"]
    assert list(sections) == ["training quick", "synthesis quick", "training quick compiled"] and result["dry_run"]
    for title, compiled in (("training quick", False), ("training quick compiled", True)):
        row = sections[title]
        assert row["compiled"] == compiled and row["step_s"] > 0 and row["peak_gib"] > 0
        assert row["mfu"] == pytest.approx(row["tflops"] / device["peak_tflops"]) and row["mfu"] > 0
        assert sum(row["shares"].values()) == pytest.approx(1) and set(row["parts"]) == {"aggregation encoder", "LM", "LocDiT"}
    spoken = sections["synthesis quick"]
    assert [batch["rows"] for batch in spoken["batches"]] == [1, 2] and spoken["first_audio"]["p50_ms"] > 0
    rtf = spoken["variants"][0]["rtf"]["median"]
    assert spoken["ratios"]["rtf_to_floor"] == pytest.approx(rtf / spoken["floor_rtf"]) and rtf > spoken["floor_rtf"] > 0
    assert spoken["ratios"]["rtf_to_table_7"] == pytest.approx(rtf / 0.66)
    said = capsys.readouterr().out
    assert said.startswith("**A dry run") and said.strip() == (tmp_path / "gpu.md").read_text().strip()
    for words in ("| quick compiled |", "MFU", "real-time factor, 1 row", "first audio", "2 rows"):
        assert words in said, words


def test_the_floor_is_reading_the_weights(monkeypatch):
    subject = gpu_figures.Subject.random(QUICK, "cpu")
    model = subject.model(gpu_figures.Variant())
    counts = [sum(p.numel() for p in part.parameters()) for part in (model.encoder, model.lm.transformer, model.locdit)]
    floor = gpu_figures.floor_rtf(subject, gpu_figures.Variant(steps=10), gb_s=1.0)
    assert floor == pytest.approx(4 * (counts[0] + counts[1] + 10 * counts[2]) / 1e9 / 0.1)


def test_what_fails_or_has_no_time_is_told_and_the_rest_is_measured(monkeypatch, tmp_path, capsys):
    def full(*_):
        raise RuntimeError("CUDA out of memory.\nTried to allocate 80 GiB")

    monkeypatch.setattr(gpu_figures, "synthesis", full)
    monkeypatch.setattr(gpu_figures, "training", lambda *_: {"step_s": 1.0})
    assert main(monkeypatch, tmp_path, "--dry-run", "--configs", QUICK) == 1
    sections = json.loads((tmp_path / "gpu.json").read_text())["sections"]
    assert sections["training quick compiled"] == {"step_s": 1.0}
    assert "synthesis quick: RuntimeError: CUDA out of memory." in capsys.readouterr().out
    assert main(monkeypatch, tmp_path, "--dry-run", "--configs", QUICK, "--limit-s", 0) == 0
    sections = json.loads((tmp_path / "gpu.json").read_text())["sections"]
    assert len(sections) == 3 and all("--limit-s" in row["left_out"] for row in sections.values())
    assert main(monkeypatch, tmp_path, "--dry-run", "--configs", tmp_path / "none.yaml") == 1
    assert "none.yaml' does not exist" in capsys.readouterr().err
