import json

import numpy as np
import pytest
import soundfile

from ditar.cli import main
from ditar.cli.interrupt import starting
from ditar.evaluate import report, score


@pytest.fixture
def asked(monkeypatch):
    """What `score` is called with."""
    found = {}

    def fake(audio, text, **options):
        found.update(audio=audio, text=text, **options)
        return {"utterances": 2}

    monkeypatch.setattr(score, "score", fake)
    monkeypatch.setattr(report, "evaluation_markdown", lambda result: f"{result['utterances']} utterances\n")
    return found


def test_options_are_handed_on(asked, capsys):
    options = ["--references=r", "--originals=o", "--closed-set=a", "--closed-set=b", "--output=out", "--against=x",
               "--runs=r1", "--runs=r2", "--metrics=words,outputs", "--recogniser=w", "--normaliser=whisper",
               "--embedder=e", "--utmos=u", "--device=cuda", "--worst=3", "--threads=1",
               "--language=fr"]  # fmt: skip
    assert main(["evaluate", "wavs", "text", *options]) == 0
    assert capsys.readouterr().out == "2 utterances\n"
    provenance = asked.pop("provenance")
    assert asked.pop("loading") is starting  # Ctrl-C while the judges are imported
    assert set(provenance) == {"date", "commit", "command", "environment"}
    assert asked == {
        "audio": "wavs", "text": "text", "reference_dir": "r", "original_dir": "o", "closed_set": ["a", "b"],
        "out": "out", "against": "x", "runs": ["r1", "r2"], "metrics": ["words", "outputs"], "recogniser": "w",
        "normaliser": "whisper", "embedder": "e", "utmos": "u", "device": "cuda", "language": "fr-fr", "worst": 3,
        "workers": 1,
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


@pytest.mark.parametrize(("recogniser", "said"), [
    ("ears", "no recogniser is called 'ears'; give faster-whisper"),
    ("faster-whisper:ears", "knows no model 'ears', and there is no such folder"),
    ("faster-whisper:{folder}", "is not a CTranslate2 model of Whisper: it has no model.bin"),
])  # fmt: skip
def test_a_recogniser_that_is_not_there_is_one_line(recogniser, said, tmp_path, capsys):
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")
    pytest.importorskip("faster_whisper", reason="faster_whisper is not installed (pip install '.[eval]')")
    soundfile.write(tmp_path / "a.wav", np.zeros(1600), 16_000)
    (tmp_path / "text").write_text("a one two\n")
    options = ["--metrics=words", f"--recogniser={recogniser.format(folder=tmp_path)}", f"--output={tmp_path / 'out'}"]
    assert main(["evaluate", str(tmp_path), *options]) == 1
    line = capsys.readouterr().err
    assert line.startswith("ditar: error: ") and said in line and line.count("\n") == 1
    assert not (tmp_path / "out").exists()
