"""Speed perturbation: pitch and times move together, names are new, bad factors are refused."""

import os
import sys

import numpy as np
import pytest
import soundfile

from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from recipes import perturb_speed

RATE = 24_000


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "ann-1.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE), RATE)
    spoken = (["a", "."], [[0.5, 1.0], None])
    row = Utterance("ann-1", "ann", path, "Ah.", 2.0, [("aa", 0.5, 1.0)], 8000.0, spoken)
    write_data_dir(tmp_path / "data", [row])
    return tmp_path / "data"


def other_recording(folder):
    """Shorter, and older than what was made before."""
    (folder / "other").mkdir()
    path = folder / "other/ann-1.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE)), RATE)
    os.utime(path, (1e9, 1e9))
    (folder / "data/utt2dur").unlink()
    (folder / "data/phones").unlink()
    (folder / "data/symbol_times").unlink()
    return path


def run(monkeypatch, data, *more):
    arguments = ["perturb_speed", "--data", data, "--out", data.parent / "out", "--nj", 1, *more]
    monkeypatch.setattr(sys, "argv", [str(a) for a in arguments])
    return perturb_speed.main()


def test_sound_and_tables_go_together(data, monkeypatch, capsys):
    assert run(monkeypatch, data, "--factors", "0.8", "1.25") == 0
    assert "2 utterances of 2 voices" in capsys.readouterr().out
    slow, fast = read_data_dir(data.parent / "out")
    assert (slow.utt, slow.speaker, fast.utt) == ("sp0.8-ann-1", "sp0.8-ann", "sp1.25-ann-1")
    for row, factor in ((slow, 0.8), (fast, 1.25)):
        waveform, _ = soundfile.read(row.path)
        loudest = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))).argmax() * RATE / len(waveform)
        assert loudest == pytest.approx(500 * factor, rel=0.01)
        assert row.duration_s == pytest.approx(2 / factor, rel=1e-3)
        assert row.phones == [("aa", 0.5 / factor, 1 / factor)]
        assert row.symbol_times == (["a", "."], [[0.5 / factor, 1 / factor], None])
        assert row.bandwidth_hz == 8000 * factor


def test_slow_speech_of_the_whole_band_lacks_its_top(data, monkeypatch):
    (data / "utt2bandwidth").unlink()
    assert run(monkeypatch, data, "--factors", "0.9", "1.1") == 0
    slow, fast = read_data_dir(data.parent / "out")
    assert slow.bandwidth_hz == pytest.approx(0.9 * RATE / 2) and fast.bandwidth_hz is None
    assert slow.path.is_absolute()


def test_what_is_there_is_kept_and_bad_input_is_named(data, monkeypatch, capsys):
    assert run(monkeypatch, data, "--factors", "0.9") == 0
    path = data.parent / "out/wav/sp0.9-ann-1.wav"
    before = path.stat().st_mtime_ns
    assert run(monkeypatch, data, "--factors", "0.9") == 0 and path.stat().st_mtime_ns == before
    with pytest.raises(SystemExit):
        run(monkeypatch, data, "--factors", "3")
    assert "must be from 0.7 to 1.4 and not 1, got '3'" in capsys.readouterr().err
    (data / "wav.scp").write_text(f"ann-1 {other_recording(data.parent)}\n")
    assert run(monkeypatch, data, "--factors", "0.9") == 0  # an older one, in another place
    (row,) = read_data_dir(data.parent / "out")
    assert row.duration_s == pytest.approx(1 / 0.9, rel=1e-3)
    (data / "text").unlink()
    assert run(monkeypatch, data) == 1
