"""egs/natural/controls.py: its figures, of speech whose lengths and times are known."""

import json
import sys

import numpy as np
import pytest

from ditar.audio.write import write_audio
from ditar.recognise.aligner import AlignmentError
from ditar.units import SAMPLE_RATE_HZ
from tests.egs.corpora import ROOT

sys.path.insert(0, str(ROOT / "egs/natural"))
import controls  # noqa: E402

SPEAK = controls.speak
SENTENCES = ["One two.", "Three four five.", "Six."]
LATE_S = {1.0: 0.02, 2.0: 0.05}  # how much later than it should each word is said to begin and end


@pytest.fixture(autouse=True)
def known(monkeypatch, tmp_path):
    """What is spoken, aligned and judged."""

    def speak(model, sentences, speed, seed, folder, plain):
        assert plain == (None if speed == 1.0 else folder.parent / "speed-1")
        (folder / "wav").mkdir(parents=True)
        for number, text in enumerate(sentences, 1):
            file, late = folder / "wav" / f"line-{number:03d}.wav", LATE_S[speed]
            seconds = 1.2 * number / speed * (1.1 if speed == 2.0 else 1.0)  # a tenth longer than asked
            write_audio(file, np.full(round(seconds * SAMPLE_RATE_HZ), 0.1, np.float32), SAMPLE_RATE_HZ)
            words = [{"word": w, "start": n + late, "end": n + 0.5 + late} for n, w in enumerate(text.split())]
            file.with_suffix(".json").write_text(json.dumps({"words": words}))

    def word_times(waveform, text, aligner):
        if text == "Six.":
            raise AlignmentError("no path")
        return [(word, float(n), n + 0.5) for n, word in enumerate(text.split())]

    ratio = {"wer_ratio": {"value": 1.25, "low": 0.5, "high": None}}  # none of some resamples is wrong at speed 1

    def read_results(score):
        against = None if score.parent.name == "speed-1" else ratio
        return {"metrics": {"wer": {"value": 0.125}}, "against": against}, []

    for name, made in {"speak": speak, "word_times": word_times, "Aligner": object}.items():
        monkeypatch.setattr(controls, name, made)
    monkeypatch.setattr(controls, "read_results", read_results)
    (tmp_path / "sentences.txt").write_text("\n".join(SENTENCES) + "\n")
    monkeypatch.setattr(controls, "SENTENCES", [tmp_path / "sentences.txt"])


def test_figures(monkeypatch, tmp_path, capsys):
    arguments = ["controls.py", "model", str(tmp_path / "out"), "--speeds", "2"]
    monkeypatch.setattr("sys.argv", arguments)
    assert controls.main() == 0
    plain, fast = json.loads((tmp_path / "out/controls.json").read_text())["speeds"]
    assert plain["speed"] == 1.0 and plain["duration_to_asked"] == pytest.approx(1.0)
    assert fast["duration_to_asked"] == pytest.approx(1.1, abs=0.01)
    assert fast["time_error_median_s"] == pytest.approx(0.05) and plain["time_error_median_s"] == pytest.approx(0.02)
    assert (plain["words"], plain["left_out"], plain["word_error"]) == (5, 1, 0.125)
    table = (tmp_path / "out/controls.md").read_text()
    assert "| 2 | 4 | 1.100 | 1.10 to 1.10 | 12.5 % | 1.25 (0.50 to infinite) | 50 ms | 50 ms | 5 |" in table
    assert table in capsys.readouterr().out


def test_words_are_compared_with_those_at_speed_1(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(controls.subprocess, "run", lambda command, **_: ran.append(command))
    for speed, plain in ((1.0, None), (2.0, tmp_path / "1")):
        SPEAK(tmp_path / "model", SENTENCES, speed, 0, tmp_path / f"{speed:g}", plain)
    (_, judged), (spoken, compared) = ran[:2], ran[2:]
    assert "--against" not in judged and spoken[spoken.index("--speed") + 1] == "2.0"
    assert compared[compared.index("--against") + 1] == str(tmp_path / "1/score")


def test_no_outputs_are_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["controls.py", "model", str(tmp_path), "--outputs", "0"])
    with pytest.raises(SystemExit) as error:
        controls.main()
    assert error.value.code == 2 and "--outputs must be 1 or more, got 0" in capsys.readouterr().err
