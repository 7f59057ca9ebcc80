"""Speech that teaches words: a student with one voice, resampled to several; times, resuming, other plans.

A fake student stands in for the model; the last test needs the real one (hibari-tts).
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ditar.data.kaldi import read_data_dir
from ditar.data.validate import validate_data_dir

LOCAL = Path(__file__).parents[2] / "egs/natural/local"
RATE_HZ = 24_000


@pytest.fixture(scope="module")
def local():
    sys.path[:0] = [str(LOCAL)]
    try:
        import make_words
        import student

        yield SimpleNamespace(make=make_words, student=student)
    finally:
        sys.path.remove(str(LOCAL))


class FakeStudent:
    """0.2 s of silence, 0.05 s of tone a symbol, 0.3 s of silence."""

    made = 0

    def speak(self, symbols, speed, seed):
        type(self).made += 1
        tone = 0.3 * np.sin(np.arange(len(symbols) * RATE_HZ // 20) * 0.1)
        wave = np.concatenate([np.zeros(RATE_HZ // 5), tone, np.zeros(3 * RATE_HZ // 10)]).astype(np.float32)
        return SimpleNamespace(
            waveform=wave, times=[(0.2 + 0.05 * i, 0.25 + 0.05 * i) for i in range(len(symbols))]
        )


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts"
    path.write_text("The first line is said.\nAnother one follows it.\nAnd a third.\n")
    return path


def run(local, monkeypatch, out, texts, hours=0.01, seed=0):
    monkeypatch.setattr(local.make, "Student", FakeStudent)
    FakeStudent.made = 0
    options = ["--out", str(out), "--hours", str(hours), "--texts", str(texts), "--seed", str(seed)]
    return local.make.main(options)


def test_voices_take_turns_and_times_go_with_the_sound(local, monkeypatch, tmp_path, texts):
    assert run(local, monkeypatch, tmp_path / "words", texts) == 0
    data = tmp_path / "words" / "data"
    validate_data_dir(data)
    rows = read_data_dir(data)
    assert {row.speaker for row in rows} == {f"student-{factor:g}" for factor in local.make.FACTORS}
    for row in rows:
        factor = float(row.speaker.split("-")[1])
        symbols, times = row.symbol_times
        assert times[0][0] == pytest.approx(0.1, abs=0.02)  # the silence that is left before the speech
        assert times[-1][1] - times[0][0] == pytest.approx(0.05 * len(symbols) / factor, abs=0.01)
        assert row.duration_s == pytest.approx(times[-1][1] + 0.2, abs=0.03)


def test_a_second_run_goes_on_where_the_first_ended(local, monkeypatch, tmp_path, texts):
    assert run(local, monkeypatch, tmp_path / "whole", texts, 0.02) == 0
    assert run(local, monkeypatch, tmp_path / "parts", texts, 0.01) == 0
    first = FakeStudent.made
    assert run(local, monkeypatch, tmp_path / "parts", texts, 0.02) == 0
    assert 0 < FakeStudent.made and first > 0
    whole, parts = ((tmp_path / name / "data" / "text").read_text() for name in ("whole", "parts"))
    assert whole == parts
    assert run(local, monkeypatch, tmp_path / "parts", texts, 0.02) == 0 and FakeStudent.made == 0


def test_another_plan_is_refused(local, monkeypatch, tmp_path, texts, capsys):
    assert run(local, monkeypatch, tmp_path / "words", texts) == 0
    (tmp_path / "other").write_text("Something else.\n")
    assert run(local, monkeypatch, tmp_path / "words", tmp_path / "other") == 1
    assert "was begun with another plan" in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf"])
def test_hours_that_are_none_are_refused(local, tmp_path, hours, capsys):
    with pytest.raises(SystemExit):
        local.make.main(["--out", str(tmp_path), "--hours", hours])
    assert f"got {float(hours)}" in capsys.readouterr().err


def test_the_student_speaks_as_long_as_its_times_say(local, monkeypatch, tmp_path):
    pytest.importorskip("hibari", reason="hibari-tts is not installed")
    pytest.importorskip("onnx")
    monkeypatch.setattr(local.make, "Student", local.student.Student)
    (tmp_path / "texts").write_text("The old clock stopped at noon, and nobody noticed.\n")
    assert local.make.main(["--out", str(tmp_path), "--hours", "0.002", "--texts", str(tmp_path / "texts")]) == 0
    for text in (tmp_path / "made.jsonl").read_text().splitlines():
        record = json.loads(text)
        letters = [time for time, symbol in zip(record["times"], record["symbols"]) if time and symbol not in ".,"]
        assert 0.1 < record["duration_s"] - letters[-1][0] < 0.8  # its end is where silence ends
        assert min(time[0] for time in record["times"] if time) < 0.2
