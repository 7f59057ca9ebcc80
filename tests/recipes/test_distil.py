"""recipes/distil.py from a model's folder to another that speaks in fewer evaluations, and who takes that one."""

import json
import shutil
import sys
from types import SimpleNamespace

import pytest
import yaml

from ditar import load_pipeline
from ditar.bench.measure import flops_by_part
from ditar.bench.setup import Subject, Variant, variants_of
from ditar.cli import main
from ditar.config import ConfigError
from ditar.serve.bodies import SpeechBody, asked
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid
from ditar.sweep.speak import check_pipeline
from ditar.synthesis.request import SpeechRequest
from recipes import distil, export
from tests.data.test_batches import write_store
from tests.finetune.voice import write_base, write_voice
from tests.tiny import tiny_vae


def program(module, *arguments):
    """Its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        return module.main()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders: `model`, the teacher; `latents`; `run`; `fast`, the distilled model."""
    root = tmp_path_factory.mktemp("distil")
    write_base(root / "model")
    write_store(root / "latents", utterances=12)
    (root / "latents/statistics.safetensors").unlink()  # extracted for a VAE that has its own
    values = yaml.safe_load(distil.CONFIG.read_text())
    values["loss"]["teacher_steps"] = 2
    values["data"] |= {"batch_patches": 32, "max_seconds": 2.0}
    values["optimiser"] |= {"steps": 2, "precision": "no"}
    (root / "distil.yaml").write_text(yaml.safe_dump(values))
    both = ["--train", root / "latents", "--valid", root / "latents", "--config", root / "distil.yaml", "--cpu"]
    assert program(distil, "--teacher", root / "model", "--out", root / "run", *both) == 0
    parts = ["--vae", root / "model/vae", "--ditar", root / "run/final", "--dtype", "float32"]
    assert program(export, *parts, "--guidance-scale", 3, "--temperature", 0.1, "--out", root / "fast") == 0
    return SimpleNamespace(
        root=root, model=root / "model", fast=root / "fast", run=root / "run", both=both, parts=parts
    )


@pytest.fixture(scope="module")
def pipeline(made):
    loaded = load_pipeline(made.fast, threads=1)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_it_speaks_in_one_evaluation_a_step(made, pipeline):
    assert pipeline.sampling.num_inference_steps == 2 and pipeline.sampling.guidance_scale == 3.0
    log = [json.loads(line) for line in (made.run / "log.jsonl").read_text().splitlines()]
    assert any(line.get("valid/student_1", 0) > 0 and line.get("valid/teacher_1", 0) > 0 for line in log)
    rows, patches = [], []
    watched = (pipeline.ditar.locdit.transformer, rows), (pipeline.ditar.stop_head, patches)
    hooks = [m.register_forward_hook(lambda _, inputs, __, to=to: to.append(len(inputs[0]))) for m, to in watched]
    requests = [SpeechRequest(text, pipeline.create_voice(), seed=1) for text in ("It rains.", "Come in.")]
    ways = ({}, {"num_inference_steps": 1, "temperature": 0.0}, {"num_inference_steps": 4}, {"temperature": 1.0})
    for options in ways:
        rows.clear()
        patches.clear()
        pipeline.batch(requests, max_retries=0, **options)
        assert len(rows) == options.get("num_inference_steps", 2) * len(patches) and max(rows) == 2
    for hook in hooks:
        hook.remove()
    scales = [pipeline("It rains.", seed=1, max_retries=0, guidance_scale=s).audio for s in (1.0, 1.0, 4.0)]
    assert (scales[0] == scales[1]).all() and len(scales[2]) > 0


def test_what_it_was_not_taught_is_refused_everywhere(pipeline):
    message = "taught guidance scales from 1 to 4, got 5"
    with pytest.raises(ConfigError, match=message):
        pipeline("It rains.", guidance_scale=5.0)
    with pytest.raises(ConfigError, match="use 'ddim'"):
        pipeline("It rains.", solver="unipc")
    with pytest.raises(SweepError, match=message):
        check_pipeline(pipeline, Grid(guidance_scale=(2.0, 5.0)))


def test_the_server_says_so(pipeline):
    body = SpeechBody(model="ditar", input="It rains.", voice="heart", guidance_scale=5.0)
    with pytest.raises(Exception, match="taught guidance scales from 1 to 4, got 5") as caught:
        asked(body, pipeline, "en-us")
    assert caught.value.status == 422


def test_fast_is_the_one_that_ships(made, monkeypatch, tmp_path, capsys):
    say = ["synthesize", "--text=It rains.", f"--output={tmp_path / 'a.wav'}", "--device=cpu", "--threads=1"]
    for command in (say, ["bench"], ["serve"]):
        monkeypatch.setattr("ditar.synthesis.model_folder.FAST_MODEL", made.root / "none")
        assert main([*command, "--fast"]) == 1
        said = capsys.readouterr().err
        assert "no distilled model is installed" in said and said.count("\n") == 1 and "recipes/distil.py" in said
    monkeypatch.setattr("ditar.synthesis.model_folder.FAST_MODEL", made.fast)
    assert main([*say, "--fast", "--max-retries", "0"]) == 0 and (tmp_path / "a.wav").is_file()
    one = ["--steps", "1", "--max-retries", "0", "--model", str(made.fast)]
    assert main([*say, *one]) == 1 and "temperature 0.1 needs at least 2 inference steps" in capsys.readouterr().err
    assert main([*say, *one, "--temperature", "0"]) == 0
    with pytest.raises(SystemExit):
        main([*say, "--fast", "--model", str(made.model)])
    assert "not allowed with argument" in capsys.readouterr().err


def test_it_speaks_from_its_graphs(made, monkeypatch, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from ditar.onnx.__main__ import main as speak

    monkeypatch.setattr("ditar.synthesis.model_folder.FAST_MODEL", made.fast)
    assert main(["export", "fast", str(tmp_path / "onnx"), "--format", "onnx"]) == 0
    say = [f"--model={tmp_path / 'onnx'}", "--text=It rains.", f"--output={tmp_path / 'a.wav'}", "--max-retries=0"]
    assert speak(say) == 0 and (tmp_path / "a.wav").is_file()
    assert speak([*say, "--guidance-scale=5"]) == 1
    assert "taught guidance scales from 1 to 4, got 5; give one of those" in capsys.readouterr().err


def test_it_is_neither_a_teacher_nor_tuned_on(made, tmp_path, capsys):
    assert program(distil, "--teacher", made.fast, "--out", tmp_path / "run", *made.both) == 1
    assert "the teacher is a distilled model" in capsys.readouterr().err
    assert program(export, *made.parts, "--guidance-scale", 6, "--out", tmp_path / "x") == 1
    assert "taught guidance scales from 1 to 4, got 6" in capsys.readouterr().err
    write_voice(tmp_path / "ann")
    given = ["--model", made.fast, "--recogniser", "none", "--output", tmp_path / "tuned"]
    assert main(["finetune", str(tmp_path / "ann"), *map(str, given)]) == 1
    said = capsys.readouterr().err
    assert "is a distilled model, and fine-tuning would undo what it was taught" in said or "extra `finetune`" in said


def test_the_vae_of_other_latents_is_refused(made, tmp_path, capsys):
    write_store(tmp_path / "latents", utterances=4)  # with statistics of its own
    both = ["--train", tmp_path / "latents", "--valid", tmp_path / "latents", "--config", made.root / "distil.yaml"]
    assert program(distil, "--teacher", made.model, "--out", tmp_path / "run", *both, "--cpu") == 1
    assert "was extracted with --statistics" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "latents")
    write_store(tmp_path / "latents", utterances=4, channels=5)  # nor those of another width
    assert program(distil, "--teacher", made.model, "--out", tmp_path / "run", *both, "--cpu") == 1
    assert "was extracted with --statistics" in capsys.readouterr().err


def test_references_that_are_poor_recordings(made, tmp_path, capsys):
    """They are read where the configuration has a share of them; those of another VAE, or in --out, are refused."""
    write_store(tmp_path / "poor", utterances=12, values=lambda latents, symbols: latents + 9)
    values = yaml.safe_load((made.root / "distil.yaml").read_text())
    values["data"] |= {"joined_share": 1.0, "reference_poor": 1.0}
    (tmp_path / "distil.yaml").write_text(yaml.safe_dump(values))
    both = [*made.both[:4], "--config", tmp_path / "distil.yaml", "--cpu"]
    of_teacher = ["--teacher", made.model, *both]
    assert program(distil, *of_teacher, "--out", tmp_path / "run") == 1
    assert "there are no latents of poor recordings" in capsys.readouterr().err
    assert program(distil, *of_teacher, "--out", tmp_path / "run", "--poor", tmp_path / "poor") == 0
    assert program(distil, *of_teacher, "--out", tmp_path / "poor", "--poor", tmp_path / "poor") == 1
    assert f"which --poor ({tmp_path / 'poor'}) reads; give another --out" in capsys.readouterr().err
    (tmp_path / "poor/made_from.json").write_text('{"common": {"encoder": "0123"}}')
    assert program(distil, *of_teacher, "--out", tmp_path / "run2", "--poor", tmp_path / "poor") == 1
    assert "encoder 0123" in capsys.readouterr().err


def test_bench_measures_the_form_with_any_weights(made):
    subject = Subject(load_pipeline(made.model, threads=1).ditar, tiny_vae(), "tiny")
    base, distilled = variants_of({"steps": [2], "guidance_scale": [2.0], "distilled": [False, True]})
    one = Variant(steps=1, guidance_scale=2.0, distilled=True)
    assert distilled.changes(base) == "distilled on"
    cost = [flops_by_part(subject, variant, 0.5)["locdit"] for variant in (base, distilled, one)]
    assert cost[1] == pytest.approx(cost[0] / 2, rel=0.1) and cost[2] == pytest.approx(cost[0] / 4, rel=0.1)
    again = Subject(load_pipeline(made.fast, threads=1).ditar, tiny_vae(), "tiny")
    assert not again.model(base).config.is_distilled
