import json

import pytest

from ditar.cli import main
from ditar.evaluate import report, score


@pytest.fixture
def asked(monkeypatch):
    """What `score` is called with."""
    found = {}

    def fake(audio, text, **options):
        found.update(audio=audio, text=text, **options)
        return {"utterances": 2}

    monkeypatch.setattr(score, "score", fake)
    monkeypatch.setattr(report, "markdown", lambda result: f"{result['utterances']} utterances\n")
    return found


def test_options_are_handed_on(asked, capsys):
    options = ["--references=r", "--originals=o", "--closed-set=a", "--closed-set=b", "--output=out", "--against=x",
               "--runs=r1", "--runs=r2", "--metrics=words,outputs", "--recogniser=w", "--normaliser=whisper",
               "--embedder=e", "--utmos=u", "--device=cuda", "--worst=3"]  # fmt: skip
    assert main(["evaluate", "wavs", "text", *options]) == 0
    assert capsys.readouterr().out == "2 utterances\n"
    provenance = asked.pop("provenance")
    assert set(provenance) == {"date", "commit", "command", "environment"}
    assert asked == {
        "audio": "wavs", "text": "text", "reference_dir": "r", "original_dir": "o", "closed_set": ["a", "b"],
        "out": "out", "against": "x", "runs": ["r1", "r2"], "metrics": ["words", "outputs"], "recogniser": "w",
        "normaliser": "whisper", "embedder": "e", "utmos": "u", "device": "cuda", "worst": 3,
    }  # fmt: skip


def test_defaults_and_json(asked, capsys):
    assert main(["evaluate", "wavs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"utterances": 2}
    assert asked["text"] is None and asked["metrics"] is None and asked["recogniser"] == "faster-whisper"


@pytest.mark.parametrize("options", [["--worst=-1"], ["--worst=many"], ["--normaliser=none"]])
def test_bad_use(asked, options, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "wavs", *options])
    assert stopped.value.code == 2 and not asked


def test_bad_input_is_one_line(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / "missing")]) == 1
    line = capsys.readouterr().err
    assert line.startswith("ditar: error: ") and "missing' is not a folder" in line and line.count("\n") == 1
    assert main(["evaluate", str(tmp_path)]) == 1
    assert "no .wav or .flac file" in capsys.readouterr().err
