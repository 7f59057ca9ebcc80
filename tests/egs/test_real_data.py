"""egs/natural: real corpora as training reads them. Who is kept out of what, and what the audio becomes."""

import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ditar.data.crops import AudioCrops
from ditar.data.kaldi import read_data_dir
from ditar.data.tables import read_wav_scp
from tests.egs.corpora import ROOT, chord, run, table

PROGRAM = "egs/natural/local/real_data.py"


def corpus(folder, rows, rate):
    """rows of (utt, speaker, text); without text, none is known."""
    lines = "utt\tspeaker\tgender\tseconds\trate\ttext_from\ttext\tsource\tlicence\n"
    for utt, speaker, text in rows:
        chord(folder / "audio" / speaker / f"{utt}.flac", rate, 0.8)
        lines += f"{utt}\t{speaker}\tf\t0.8\t{rate}\t{'corpus' if text else 'none'}\t{text}\there\tCC0\n"
    (folder / "utterances.tsv").write_text(lines)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    valid = [(f"103-7-000{n}", "103", "Yes.") for n in range(6)]
    corpus(folder / "in/librispeech", [*valid, ("26-1-0000", "26", "No."), ("26-1-0001", "26", ""),
                                       ("163-1-0000", "163", "Kept."), ("61-1-0000", "61", "Tested.")], 16_000)  # fmt: skip
    corpus(folder / "in/libritts", [("103_8_000001", "103", "Again."), ("26_8_000001", "26", "Me too."),
                                    ("163_8_000001", "163", "")], 24_000)  # fmt: skip
    corpus(folder / "in/test_clean", [("61-2-0000", "61", "Heard.")], 16_000)
    corpus(folder / "in/common_voice", [("cv_1", "cv_unk_x", "One."), ("cv_2", "cv_unk_x", "Two.")], 48_000)
    said = run(PROGRAM, "--real", folder / "in", "--out", folder / "out", "--nj", "1")
    return folder / "out", said


def test_people_are_one_speaker_over_corpora_and_in_one_split(made):
    out, said = made
    speakers = {name: table(out / name / "utt2spk") for name in ("train", "valid", "kept", "test_clean", "audio_only")}
    assert speakers["train"] == {
        "unknown_cv_1-cv_1": "unknown_cv_1", "unknown_cv_2-cv_2": "unknown_cv_2",
        "ls26-26-1-0000": "ls26", "ls26-26_8_000001": "ls26",
    }  # fmt: skip
    assert set(speakers["valid"].values()) == {"ls103"} and len(speakers["valid"]) == 7
    assert speakers["kept"] == {"ls163-163-1-0000": "ls163"}
    assert speakers["test_clean"] == {"ls61-61-2-0000": "ls61"}  # and librispeech's 61 is nowhere
    assert speakers["audio_only"] == {"ls26-26-1-0001": "ls26"}
    assert "train: 4 utterances, 3 speakers" in said
    assert "test_clean\ttest_clean\t1\t1\t0.00\tCC0" in (out / "corpora.tsv").read_text().splitlines()


def test_directories_are_valid_and_say_where_a_recording_ends(made):
    out, _ = made
    rows = {row.utt: row for name in ("train", "valid", "kept", "test_clean") for row in read_data_dir(out / name)}
    assert {utt: row.bandwidth_hz for utt, row in rows.items() if utt.startswith("ls26")} == {
        "ls26-26-1-0000": 8000, "ls26-26_8_000001": 12_000,
    }  # fmt: skip
    assert rows["unknown_cv_1-cv_1"].bandwidth_hz == 12_000
    assert table(out / "audio_only/utt2bandwidth") == {"ls26-26-1-0001": "8000"}
    crops = AudioCrops([out / "audio_only"], (0.0, 0.0), seed=0)
    assert crops.batch(0, 0, 1, 0.5).waveform.shape == (1, 12_000)


def test_nothing_is_added_to_the_audio(made):
    out, _ = made
    path = dict(read_wav_scp(out / "train"))["ls26-26-1-0000"]
    assert soundfile.info(path).subtype == "PCM_16"
    waveform, rate = soundfile.read(path)
    assert rate == 24_000 and len(waveform) == pytest.approx(0.8 * 24_000, abs=1)
    power = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
    above = np.fft.rfftfreq(len(waveform), 1 / rate) > 8500
    assert 10 * np.log10(power[above].sum() / power.sum()) < -75  # rounding to 16 bit, and no dither


def test_what_is_there_is_kept(made):
    out, _ = made
    files = {path: path.stat().st_mtime_ns for path in (out / "wav").rglob("*.wav")}
    run(PROGRAM, "--real", out.parent / "in", "--out", out, "--nj", "1")
    assert files == {path: path.stat().st_mtime_ns for path in (out / "wav").rglob("*.wav")}


def test_a_full_disk_is_no_fault_of_the_audio(tmp_path):
    corpus(tmp_path / "in", [("103-7-0000", "103", "Yes.")], 16_000)
    command = f"ulimit -f 8; exec {shlex.quote(sys.executable)} {ROOT / PROGRAM} --nj 1 --real in --out out"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "cannot be written: File too large" in done.stderr, done.stderr
    assert not (tmp_path / "out/skipped").exists()


def test_faults_are_named(made, tmp_path):
    source = made[0].parent / "in"
    twice = f"{source} {source / 'libritts'}"
    assert "come twice" in run(PROGRAM, "--real", twice, "--out", tmp_path / "o", "--nj", "1", code=1)
    said = run(PROGRAM, "--real", source / "test_clean", "--out", tmp_path / "o", "--nj", "1", code=1)
    assert "nothing to train on" in said
    assert "holds no corpus" in run(PROGRAM, "--real", tmp_path / "no", "--out", tmp_path / "o", code=1)


def test_the_lists_name_eight_to_validate_on_and_share_nobody():
    read = {
        name: [line for line in (ROOT / f"egs/natural/conf/{name}.txt").read_text().split("\n") if line[:1] not in "#"]
        for name in ("valid_speakers", "kept_speakers")
    }
    assert len(set(read["valid_speakers"])) == 8 and not set(read["valid_speakers"]) & set(read["kept_speakers"])
