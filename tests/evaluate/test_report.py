import json

import pytest

from ditar.evaluate import report as report_module
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.report import VERSION, finite, read_results, write_report


def test_results_that_cannot_be_read(tmp_path):
    with pytest.raises(EvaluationError, match=r"scores.json' does not exist; make it with: ditar evaluate --output"):
        read_results(tmp_path)
    for text in ("{", "[]", "\xff"):
        (tmp_path / "scores.json").write_text(text, encoding="latin-1")
        with pytest.raises(EvaluationError, match="is not a result file"):
            read_results(tmp_path)
    (tmp_path / "scores.json").write_text(json.dumps({"version": VERSION + 1}))
    with pytest.raises(EvaluationError, match=f"is of version {VERSION + 1}, this program reads version {VERSION}"):
        read_results(tmp_path)
    (tmp_path / "scores.json").write_text(json.dumps({"version": VERSION}))
    with pytest.raises(EvaluationError, match="0 rows in utterances.jsonl and None utterances"):
        read_results(tmp_path)
    (tmp_path / "scores.json").write_text(json.dumps({"version": VERSION, "utterances": 1}))
    with pytest.raises(EvaluationError, match="0 rows"):
        read_results(tmp_path)
    (tmp_path / "utterances.jsonl").write_text("not JSON\n")
    with pytest.raises(EvaluationError, match="utterances.jsonl:1: not a JSON object"):
        read_results(tmp_path)
    (tmp_path / "utterances.jsonl").write_text('{"utt": "a"}\n')
    assert read_results(tmp_path) == ({"version": VERSION, "utterances": 1}, [{"utt": "a"}])


def test_infinity_is_not_json():
    assert finite({"a": {"b": float("inf"), "c": 1.5}, "d": float("nan"), "e": "x"}) == {
        "a": {"b": None, "c": 1.5}, "d": None, "e": "x"
    }  # fmt: skip


def test_figures_are_never_beside_the_rows_of_another_run(tmp_path, monkeypatch):
    result = {"utterances": 0, "metrics": {}, "original": None, "against": None, "worst": {}, "tools": {}}
    write_report(tmp_path, result, [])
    assert (tmp_path / "scores.json").is_file()
    monkeypatch.setattr(report_module, "evaluation_markdown", lambda *_: pytest.fail("stopped"))
    with pytest.raises(pytest.fail.Exception, match="stopped"):
        write_report(tmp_path, result, [{"utt": "a"}])
    assert (tmp_path / "utterances.jsonl").read_text() and not (tmp_path / "scores.json").exists()
