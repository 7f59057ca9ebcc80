"""recipes/prepare_audio.py: audio and times together, what is left out, and a run that was stopped."""

import errno
import importlib
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ditar.data.kaldi import Utterance, read_audio_dir, read_data_dir, write_audio_dir, write_data_dir
from recipes import prepare_audio

LEAD, SOUND, TAIL = 0.4, 1.0, 0.7
PHONES = [("pau", 0.0, LEAD), ("ae", LEAD, 1.0), ("t", 1.0, LEAD + SOUND), ("pau", LEAD + SOUND, LEAD + SOUND + TAIL)]
SPOKEN = (["æ", "t", "."], [[LEAD, 1.0], [1.0, LEAD + SOUND], [LEAD + SOUND, LEAD + SOUND + TAIL]])


@pytest.fixture
def data(tmp_path):
    """Three utterances: with phones, from 16 kHz; with symbol_times; with neither."""
    rows = []
    for number, (rate, amplitude, times) in enumerate(
        [(16_000, 0.01, {"phones": PHONES}), (24_000, 0.1, {"symbol_times": SPOKEN}), (48_000, 0.3, {})]
    ):
        wave = amplitude * np.random.default_rng(number).standard_normal(round(SOUND * rate))
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.pad(wave, (round(LEAD * rate), round(TAIL * rate))), rate)
        rows.append(Utterance(f"s1-{number}", "s1", path, "at", **times))
    write_data_dir(tmp_path / "raw", rows)
    return tmp_path


def run(monkeypatch, data, *options, raw="raw", out="out"):
    given = ["--data", data / raw, "--out", data / out, "--nj", "1", *options]
    monkeypatch.setattr(sys, "argv", ["prepare_audio", *map(str, given)])
    return prepare_audio.main()


def test_audio_is_prepared_and_times_move_with_it(data, monkeypatch, capsys):
    assert run(monkeypatch, data) == 0 and "3 utterances" in capsys.readouterr().out
    rows = {row.utt: row for row in read_data_dir(data / "out")}
    levels = []
    for row in rows.values():
        wave, rate = soundfile.read(row.path)
        assert rate == 24_000 and row.duration_s == len(wave) / rate == pytest.approx(0.05 + SOUND + 0.15, abs=0.021)
        levels.append(20 * np.log10(np.sqrt(np.mean(wave[2400:-6000] ** 2))))
    assert np.allclose(levels, -23.0, atol=0.3)
    duration = rows["s1-0"].duration_s
    start = 0.05
    assert np.allclose([t for _, *t in rows["s1-0"].phones],
                       [[0, start], [start, 0.65], [0.65, start + SOUND], [start + SOUND, duration]], atol=0.011)  # fmt: skip
    assert np.allclose(rows["s1-1"].symbol_times[1], [[start, 0.65], [0.65, start + SOUND], [start + SOUND, 1.2]])
    assert {row.utt: row.bandwidth_hz for row in rows.values()} == {"s1-0": 8000, "s1-1": None, "s1-2": None}


def test_as_is_leaves_ends_level_and_times(data, monkeypatch):
    assert run(monkeypatch, data, "--as-is") == 0
    for before, after in zip(read_data_dir(data / "raw"), read_data_dir(data / "out"), strict=True):
        assert (after.phones, after.symbol_times) == (before.phones, before.symbol_times)
        wave, _ = soundfile.read(after.path)
        assert after.duration_s == pytest.approx(LEAD + SOUND + TAIL, abs=0.001)
    assert np.std(wave[10_000:30_000]) > 0.15  # the last is as loud as it was


def test_a_second_run_keeps_what_is_made_the_same_way(data, monkeypatch):
    def stamps():
        return {path.name: path.stat().st_mtime_ns for path in sorted((data / "out/wav").iterdir())}

    assert run(monkeypatch, data) == 0
    first, rows = stamps(), read_data_dir(data / "out")
    journal = data / "out/prepared_audio"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text(lines[0] + lines[1] + lines[2][:20])  # as a run that was stopped leaves it
    assert run(monkeypatch, data) == 0
    second = stamps()
    assert [first[name] == second[name] for name in first] == [True, True, False]
    assert read_data_dir(data / "out") == rows and len(journal.read_text().splitlines()) == 3
    raw = read_data_dir(data / "raw")
    moved = [("pau", 0.0, 0.2), ("ae", 0.2, 0.6), ("t", 0.6, 1.0)]
    write_data_dir(data / "raw", [replace(raw[0], phones=moved), *raw[1:]])  # other times are another cut
    assert run(monkeypatch, data) == 0
    third = stamps()
    assert [second[name] == third[name] for name in second] == [False, True, True]
    assert run(monkeypatch, data, "--as-is") == 0
    assert not any(third[name] == stamp for name, stamp in stamps().items())
    assert run(monkeypatch, data) == 0 and read_data_dir(data / "out")[1:] == rows[1:]


def test_silence_is_refused_by_name_or_left_out_and_counted(data, monkeypatch, capsys):
    soundfile.write(data / "2.wav", np.zeros(30_000), 24_000)
    assert run(monkeypatch, data) == 1
    said = capsys.readouterr().err
    assert "1 of 3 utterances cannot be used" in said and f"s1-2 ({data}/2.wav) holds only silence" in said
    assert run(monkeypatch, data, "--skip-bad") == 0 and "left out: 1" in capsys.readouterr().out
    assert (data / "out/skipped_audio").read_text().startswith("s1-2 ")
    assert [row.utt for row in read_data_dir(data / "out")] == ["s1-0", "s1-1"]


def test_a_full_disk_is_no_fault_of_the_audio(data, monkeypatch, capsys):
    """And nothing is left out for it."""
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run(monkeypatch, data, "--skip-bad") == 1
    assert "s1-0.wav cannot be written: No space left on device" in capsys.readouterr().err
    assert not (data / "out/wav.scp").exists()
    monkeypatch.undo()
    assert run(monkeypatch, data, "--skip-bad") == 0 and len(read_data_dir(data / "out")) == 3


@pytest.mark.parametrize(("program", "option"), [
    *((program, "--nj") for program in ("prepare_audio", "prepare_text", "perturb_speed", "align_phones")),
    ("lhotse_to_kaldi", "--nj"), ("decode", "--batch-size"), ("training_flops", "--sample"),
    *(("profile_baseline", option) for option in ("--rows", "--frames", "--steps")),
])  # fmt: skip
def test_counts_that_are_none(program, option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [program, option, "0"])
    with pytest.raises(SystemExit):
        importlib.import_module(f"recipes.{program}").main()
    assert f"argument {option}: must be a whole number from 1 " in capsys.readouterr().err


def test_limits_hold_for_what_is_left(data, monkeypatch):
    assert run(monkeypatch, data, "--max-seconds", "1.5") == 0  # 2.1 s before
    assert run(monkeypatch, data, "--max-seconds", "1.1", "--skip-bad") == 1  # nothing is left


def test_audio_without_text_stays_so(data, monkeypatch):
    rows = [replace(row, bandwidth_hz=8000.0, text="") for row in read_data_dir(data / "raw")]
    write_audio_dir(data / "audio_only", rows)
    assert run(monkeypatch, data, raw="audio_only") == 0
    made = read_audio_dir(data / "out")
    assert [row.utt for row in made] == ["s1-0", "s1-1", "s1-2"] and {row.bandwidth_hz for row in made} == {8000.0}
    assert all(soundfile.info(row.path).duration < 1.25 for row in made) and not (data / "out/text").exists()
    write_audio_dir(data / "audio_only", [])
    assert run(monkeypatch, data, raw="audio_only", out="none") == 0 and read_audio_dir(data / "none") == []


def test_the_journal_says_what_was_cut(data, monkeypatch):
    assert run(monkeypatch, data) == 0
    lines = [json.loads(line) for line in (data / "out/prepared_audio").read_text().splitlines()]
    assert [line["sound_s"] for line in lines] == [[LEAD, LEAD + SOUND], [LEAD, LEAD + SOUND], None]
    assert all(line["cut_s"] == pytest.approx(LEAD - 0.05, abs=0.011) for line in lines)


def test_an_id_may_name_folders(data, monkeypatch):
    rows = [replace(row, utt=f"s1/{row.utt}", speaker="s1") for row in read_data_dir(data / "raw")]
    write_data_dir(data / "deep", rows)
    assert run(monkeypatch, data, raw="deep") == 0
    assert [row.path for row in read_data_dir(data / "out")] == [data / f"out/wav/{row.utt}.wav" for row in rows]
