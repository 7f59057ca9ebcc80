"""A whole sweep on a tiny random model whose recogniser and embedder are the tests' own: figures, files, the page."""

import csv
import io
import json
import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ditar.evaluate import judge
from ditar.evaluate.words import WordErrors
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, points
from ditar.sweep.page import spectrogram
from ditar.sweep.pairs import Pair
from ditar.sweep.score import aggregate, diversity, mean_and_spread, seed_figures
from ditar.sweep.speak import weights_digest
from ditar.sweep.study import study
from ditar.sweep.tables import shown_figure, sweep_markdown
from ditar.synthesis.utterance_list import model_settings
from tests.serve.browser import browser
from tests.tiny import clip, tiny_pipeline

GRID = Grid(temperature=(0.0, 1.0), guidance_scale=(1.0, 2.0), steps=(2,), seed=(0, 1))
PNG = b"\x89PNG\r\n"


def row(errors, words=4, stopped=True, failed=(), similarity=0.5, voice=(1.0, 0.0)):
    return {
        "word_errors": errors, "words": words, "character_errors": errors, "characters": 10, "similarity": similarity,
        "no_stop": not stopped, "failed": bool(failed), "duration_s": 2.0, "voice": list(voice),
    }  # fmt: skip


def test_outputs_of_other_weights_or_of_another_decoding_are_told():
    def changed(**vocos):
        pipeline = tiny_pipeline()
        pipeline.vae.config = replace(pipeline.vae.config, vocos=replace(pipeline.vae.config.vocos, **vocos))
        return pipeline

    found = [weights_digest(changed()), weights_digest(changed()), weights_digest(changed(formant_contrast=0.2))]
    louder = changed()
    louder.vae.latent_std.mul_(2.0)
    assert found[0] == found[1] and len({*found, weights_digest(louder)}) == 3
    settings = [model_settings(changed(formant_contrast=value), None, "cpu", "float32") for value in (0.0, 0.2)]
    assert settings[0] != settings[1]


def test_figures_of_a_seed_pool_the_errors():
    figures = seed_figures([row(1, 4, similarity=0.4), row(2, 8, stopped=False, failed=["silent"], similarity=0.8)])
    assert figures["wer"] == 3 / 12 and figures["cer"] == 3 / 20 and figures["similarity"] == pytest.approx(0.6)
    assert figures["no_stop"] == 0.5 and figures["failed"] == 0.5 and figures["seconds"] == 2.0


def test_quality_is_a_mean_over_the_outputs_that_have_a_sound():
    assert seed_figures([row(0) | {"distillmos": 3.0}, row(0), row(0) | {"distillmos": 4.0}])["distillmos"] == 3.5
    assert seed_figures([row(0)])["distillmos"] is None
    (point,) = points(Grid(seed=(0, 1)))
    rows = {f"{point.name}/{seed}/a": row(0) for seed in (0, 1)}
    assert aggregate([point], [Pair("a", "x")], rows)[0]["figures"]["distillmos"] is None


def test_spread_is_the_standard_deviation_over_seeds():
    assert mean_and_spread([1.0, 3.0]) == {"mean": 2.0, "spread": pytest.approx(2**0.5), "values": [1.0, 3.0]}
    assert mean_and_spread([1.0])["spread"] is None and mean_and_spread([1.0], deterministic=True)["spread"] == 0.0
    assert shown_figure(mean_and_spread([0.1, 0.3]), "wer") == "20.0 ± 14.1"
    assert shown_figure(mean_and_spread([0.1]), "wer") == "10.0"
    assert shown_figure(None, "diversity") == ""


def test_diversity_is_the_distance_of_voices_of_one_sentence():
    (point,) = points(Grid(seed=(0, 1, 2)))
    pair = Pair("a", "x")
    angles = (0.0, 0.0, np.pi / 2)
    rows = {f"{point.name}/{seed}/a": row(0, voice=(np.cos(angle), np.sin(angle))) for seed, angle in enumerate(angles)}
    assert diversity(point, [pair], rows)["mean"] == pytest.approx(2 / 3)  # of three pairs of seeds, two are square
    (single,) = points(Grid(seed=(0,)))
    assert diversity(single, [pair], rows) is None


def test_entries_follow_the_grid():
    every = points(GRID)
    rows = {f"{p.name}/{s}/a": row(int(p["temperature"]) + s) for p in every for s in p.seeds}
    entries = aggregate(every, [Pair("a", "x")], rows)
    assert [e["settings"]["guidance_scale"] for e in entries] == [1, 2, 1, 2]
    assert entries[0]["figures"]["wer"] == {"mean": 0.0, "spread": 0.0, "values": [0.0]}
    assert entries[2]["figures"]["wer"]["values"] == [0.25, 0.5] and entries[2]["seeds"] == [0, 1]


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline(stop_bias=20.0)


@pytest.fixture
def pairs(tmp_path):
    soundfile.write(tmp_path / "clip.wav", clip(), 24_000)
    said = "</script><b>Hello."
    return [
        Pair(name, text, tmp_path / "clip.wav", said) for name, text in (("a", "Hi."), ("b", "Good </script> day."))
    ]


@pytest.fixture
def judged(monkeypatch):
    """Recognition and embedding of the tests' own; the files that were heard, in order."""
    heard = []

    class Hears:
        name, normaliser, spelling = "the fixture 1", "plain", None

        def __init__(self, name, device, language):
            assert name == "faster-whisper"

        def recognise(self, audio, workers=None, progress=True):
            heard.extend(audio)
            return {utt: "<i>heard" for utt in audio}

    class Rates:
        name = "the rater 3"

        def __init__(self, device):
            pass

        def rate(self, audio, workers=None, progress=True):
            return {utt: {"distillmos": 3.0} if "/1/" in utt or "t0" in utt else {} for utt in audio}

    class Embeds:
        name = "the other 2"

    def word_errors(texts, said, normalise):
        return [WordErrors(utt, 4, 1 + ("t1" in utt), 10, 3) for utt in sorted(texts)]

    def embed_files(audio, progress=True, title="", embedder=None):
        return {utt: np.eye(8)[sum(map(ord, utt)) % 8] for utt in audio}

    monkeypatch.setattr("ditar.evaluate.quality.DistillMOS", Rates)
    for name, fake in (("make_recogniser", Hears), ("word_errors", word_errors), ("embed_files", embed_files),
                       ("Embedder", Embeds)):  # fmt: skip
        monkeypatch.setattr(judge, name, fake)
    return heard


@pytest.fixture
def run(pipeline, pairs, judged, tmp_path):
    pytest.importorskip("matplotlib")

    def run(grid=GRID, **options):
        return study(pipeline, grid, pairs, tmp_path / "out", model="tiny", progress=False, **options)

    return run


def page_data(folder):
    (data,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', (folder / "sweep.html").read_text()
    )
    return json.loads(data)


def test_everything_is_written_and_agrees(run, tmp_path):
    result = run()
    out = tmp_path / "out"
    assert json.loads((out / "sweep.json").read_text()) == result
    assert (
        result["kind"] == "sweep" and result["version"] == 1 and result["varying"] == ["temperature", "guidance_scale"]
    )
    assert result["timing"]["outputs"] == 2 * 2 + 2 * 2 * 2  # one seed at temperature 0
    assert [p["figures"]["wer"]["mean"] for p in result["points"]] == [0.25, 0.25, 0.5, 0.5]
    table = (out / "sweep.md").read_text()
    assert table == sweep_markdown(result) and "| temperature | guidance scale | word error %" in table
    assert "| 1 | 2 | 50.0 ± 0.0 |" in table and "the fixture 1; ditar.evaluate.words" in table and "; the rater 3; the other 2; at most" in table
    assert [p["figures"]["distillmos"]["values"] for p in result["points"]] == [[3.0], [3.0], [3.0], [3.0]]
    rows = list(csv.DictReader(io.StringIO((out / "sweep.csv").read_text())))
    assert [r["wer_mean"] for r in rows] == ["0.25", "0.25", "0.5", "0.5"] and rows[0]["solver"] == "ddim"
    assert set(result["plots"]) == {
        "heatmap_temperature_guidance_scale.png", "curve_temperature.png", "curve_guidance_scale.png", "voices.png",
    }  # fmt: skip
    assert all((out / name).read_bytes().startswith(PNG) for name in result["plots"])
    assert not list(out.rglob("*.partial"))


def test_the_page_holds_every_output_and_nothing_from_elsewhere(run, tmp_path):
    result = run()
    page = (tmp_path / "out" / "sweep.html").read_text()
    assert result["page"]["embedded"] == result["page"]["outputs"] == 12
    assert result["page"]["bytes"] == len(page.encode()) < 20e6
    sources = re.findall(r'(?:src|href|url)[=(]"(.{5})', page)
    assert sources and set(sources) == {"data:"} and not re.search(r"https?://", page)  # self-contained
    assert str(tmp_path) not in page.split("<table>")[1]  # paths of this machine stay out
    data = page_data(tmp_path / "out")
    assert [(c["pair"], c["seed"]) for c in data["columns"]] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert data["columns"][1]["text"] == "Good </script> day."  # in the data, not in the page's markup
    assert len(data["references"]) == 1 and all(c["reference"] == 0 for c in data["columns"])
    medium = data["points"][2]["media"]["0"]
    kind, sound = medium["audio"].split(";base64,")
    samples, rate = soundfile.read(io.BytesIO(b64decode(sound)))
    assert kind in ("data:audio/mpeg", "data:audio/flac") and rate == 24_000
    assert len(samples) / rate == pytest.approx(medium["seconds"], abs=0.06)
    assert b64decode(medium["image"].split(",")[1]).startswith(PNG)
    assert medium["note"].startswith("2 of 4 words wrong; heard: <i>heard")
    # At temperature 0 the second seed is the first's output, told by its column.
    assert data["points"][0]["media"]["2"] == 0 and isinstance(data["points"][2]["media"]["2"], dict)


def test_the_page_is_sorted_by_keys_alone(run, tmp_path):
    run()
    with browser((tmp_path / "out" / "sweep.html").as_uri(), tmp_path) as page:
        page.run("document.querySelector('#heads th:nth-child(2) button').focus()")
        order = "[...document.querySelectorAll('#rows tr')].map(row => row.cells[1].textContent)"
        for direction, expected in (("ascending", ["1", "1", "2", "2"]), ("descending", ["2", "2", "1", "1"])):
            page.press(" ", 32)
            assert page.run("document.querySelector('[aria-sort]').ariaSort") == direction
            assert page.run(order) == expected
        assert not page.problems


def test_the_page_is_bounded_and_says_what_it_leaves_out(run, tmp_path):
    full = run()["page"]
    plots = sum((tmp_path / "out" / n).stat().st_size for n in run()["plots"]) * 4 / 3
    bound_mb = (plots + (full["bytes"] - plots) * 0.7) / 1e6
    page = run(page_mb=bound_mb)["page"]
    assert page["bytes"] <= bound_mb * 1e6 and 0 < page["embedded"] < 12
    assert f"holds {page['embedded']} of 12 outputs" in (tmp_path / "out" / "sweep.html").read_text()
    with pytest.raises(SweepError, match="above 0 MB, got 0"):
        run(page_mb=0)


def test_what_was_scored_is_not_scored_again_unless_it_changed(run, judged, tmp_path, monkeypatch):
    monkeypatch.setattr("ditar.sweep.study.plots", lambda result, rows: {})  # six times a second
    run()
    assert len(judged) == 12
    run()
    assert len(judged) == 12
    run(Grid(temperature=(0.0, 1.0), guidance_scale=(1.0, 2.0, 3.0), steps=(2,), seed=(0, 1)))
    assert len(judged) == 18
    victim = next((tmp_path / "out" / "wav").rglob("a.wav"))
    victim.unlink()
    run()
    assert len(judged) == 19
    scores = tmp_path / "out" / "scores.jsonl"
    scores.write_text(scores.read_text().replace("the fixture 1", "pocketsphinx 5"))
    run()
    assert len(judged) == 31  # by another judge


def test_spectrograms_have_a_column_for_each_hop():
    from PIL import Image

    picture = Image.open(io.BytesIO(spectrogram(clip(1.0))))
    assert picture.size == (80, 64)
    tone = np.sin(2 * np.pi * 200 * np.arange(24_000) / 24_000).astype(np.float32)
    shades = np.asarray(Image.open(io.BytesIO(spectrogram(tone))))
    assert shades.mean(axis=1).argmax() > 48  # low notes are below
    assert Image.open(io.BytesIO(spectrogram(np.zeros(0, np.float32)))).size[1] == 64
