"""`ditar sweep`: who judges is handed on, and a judge that is not there is named before anything is spoken."""

from types import SimpleNamespace

import pytest

from ditar.cli import main
from ditar.config import SamplingOptions
from ditar.evaluate.inputs import EvaluationError
from ditar.recognise import RecogniserError
from ditar.sweep import speak, study
from ditar.sweep.grid import Grid, TokenGrid
from ditar.sweep.pairs import Pair
from tests.tiny import tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline


@pytest.mark.parametrize(("given", "judge"), [
    ((), "faster-whisper"), (("--recogniser", "faster-whisper:small.en"), "faster-whisper:small.en"),
])  # fmt: skip
def test_the_recogniser_is_handed_on(given, judge, monkeypatch, tmp_path, capsys):
    asked = {}

    def fake(*arguments, **options):
        asked.update(options, grid=arguments[1])
        raise KeyboardInterrupt

    pipeline = SimpleNamespace(sampling=SamplingOptions(num_inference_steps=4), components={"ditar": None}, ditar=tiny_pipeline().ditar)
    monkeypatch.setattr(speak, "load_sweep_pipeline", lambda *options: pipeline)
    monkeypatch.setattr(study, "study", fake)
    assert main(["sweep", "--text", "Hi.", "--output", str(tmp_path / "out"), *given]) == 130
    assert asked["recogniser"] == judge and asked["grid"] == Grid(steps=(4,))  # as the model was saved


def test_without_a_grid_a_model_is_swept_as_it_speaks(monkeypatch, tmp_path):
    def fake(pipeline, grid, *_, **__):
        swept.append(grid)
        raise KeyboardInterrupt

    swept = []
    monkeypatch.setattr(study, "study", fake)
    for make, kind in ((tiny_token_pipeline, TokenGrid), (tiny_pipeline, Grid)):
        make().save_pretrained(tmp_path / kind.__name__)
        arguments = ["--model", str(tmp_path / kind.__name__), "--output", str(tmp_path / "out"), "--device", "cpu"]
        assert main(["sweep", "--text", "Hi.", *arguments]) == 130 and isinstance(swept[-1], kind)


def test_a_judge_that_is_not_there_is_named_before_anything_is_spoken(monkeypatch, tmp_path):
    def start(*arguments, **options):
        return study.study(None, Grid(), [Pair("a", "Hi.")], tmp_path, model="none", **options)

    monkeypatch.setattr(study, "weights_digest", lambda pipeline: pytest.fail("began"))
    with pytest.raises(RecogniserError, match="no recogniser is called 'ears'"):
        start(recogniser="ears")

    def missing(device):
        raise EvaluationError("distillmos is not installed")

    monkeypatch.setattr("ditar.evaluate.quality.DistillMOS", missing)
    monkeypatch.setattr("ditar.evaluate.judge.Judge._load_embedder", lambda *_: None)  # another package, named before
    with pytest.raises(EvaluationError, match="distillmos is not installed"):
        start(recogniser="pocketsphinx")
