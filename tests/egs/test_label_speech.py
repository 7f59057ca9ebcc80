"""Labels of speech without transcripts: where it is cut, whether phones are where they are spoken, what a copy changes."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from tests.python_server import quick_python

LOCAL = Path(__file__).parents[2] / "egs/generated/local"


@pytest.fixture(scope="module")
def labels():
    sys.path.insert(0, str(LOCAL))
    try:
        import label_speech

        yield label_speech
    finally:
        sys.path.remove(str(LOCAL))


def heard(labels, text):
    """"word:seconds" and "-:seconds" of silence."""
    rows, at = [], 0.0
    for one in text.split():
        word, seconds = one.split(":")
        rows.append(labels.Heard(None if word == "-" else word, at, at + float(seconds), 1.0))
        at += float(seconds)
    return rows


def test_cuts_at_pauses_after_enough_speech(labels):
    def words(text):
        return [[one.word for one in piece] for piece in labels.cut(heard(labels, text))]

    assert words("-:.3 a:1 b:1 -:.2 c:1 d:.8 -:.3") == [["a", "b"], ["c", "d"]]
    assert words("a:1 -:.2 b:1 -:.05 c:1") == [["a", "b", "c"]]  # the first is too short to stop at, the second no pause
    assert words("a:1 -:.3 -:.3 b:2") == [["b"]]  # two silences are one long pause; what is short before it is left out
    assert words("a:9 -:.5") == [] and words("-:3") == []


def test_a_word_that_does_not_fit_shares_its_time(labels):
    piece = [labels.Heard("cat", 1.0, 1.3, 1.0)]
    silence = np.zeros(int(0.5 * labels.HEARING_RATE_HZ), dtype=np.float32)
    assert labels.align(silence[:160], piece, 0.9) == [("k", 0.1, 0.2), ("ae", 0.2, 0.3), ("t", 0.3, 0.4)]


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_labelled_speech_is_a_corpus_and_joins_another(labels, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for name, voice in (("a1", "slt"), ("b1", "rms")):
        wav = clips / f"{name}.wav"
        said = "The government of the people was made for the people."
        subprocess.run(["flite", "-voice", voice, "-t", said, "-o", wav], check=True)
    (clips / "c1.wav").write_bytes((clips / "a1.wav").read_bytes()[:20])  # a damaged one is left out and named
    (clips / "wav.scp").write_text("".join(f"{name} {clips}/{name}.wav\n" for name in ("a1", "b1", "c1")))
    (clips / "utt2spk").write_text("a1 a\nb1 b\nc1 c\n")
    program = [quick_python(), str(LOCAL / "label_speech.py"), "--clips", str(clips), "--derivatives", "1", "--nj", "1"]
    first = subprocess.run(
        [*program, "--out", str(tmp_path / "one")], check=True, timeout=120, capture_output=True, text=True
    )
    assert "1 of 3 clips cannot be read" in first.stdout and "c1.wav" in first.stdout
    write_data_dir(tmp_path / "corpus", [Utterance("z-1", "z", clips / "a1.wav", "Another.", 2.8)])
    other = [*program, "--out", str(tmp_path / "two"), "--add-to", str(tmp_path / "corpus"), "--seed", "1"]
    subprocess.run(other, check=True, timeout=120)
    rows = read_data_dir(tmp_path / "one")
    assert {row.speaker for row in rows} == {"libav0", "libav1", "libbv0", "libbv1"} and len(rows) == 4
    for row in rows:
        assert "people" in row.text and row.phones[-1][2] <= row.duration_s + 0.02
        assert [p for p in row.phones if p[0] != "pau"][0][0] == "dh"
    plain, altered = (soundfile.read(tmp_path / f"one/wav/libav{v}/libav{v}-a1-000.wav")[0] for v in (0, 1))
    assert len(plain) != len(altered)
    assert np.sqrt(np.mean(plain**2)) == pytest.approx(np.sqrt(np.mean(altered**2)), rel=0.1)
    two = read_data_dir(tmp_path / "two")
    assert two[0].duration_s == rows[0].duration_s and two[1].duration_s != rows[1].duration_s  # another seed
    assert read_data_dir(tmp_path / "corpus") == [*two, *read_data_dir(tmp_path / "corpus")[-1:]]


def test_a_folder_without_clips_is_named(labels, tmp_path):
    done = subprocess.run(
        [quick_python(), str(LOCAL / "label_speech.py"), "--clips", str(tmp_path / "none"), "--out", str(tmp_path / "o")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "none" in done.stderr and not (tmp_path / "o").exists()
    assert "Traceback" not in done.stderr


def test_clips_are_looked_at_before_any_is_heard(labels, tmp_path):
    (tmp_path / "wav.scp").write_text(f"a1 {tmp_path}/a1.wav\n")
    (tmp_path / "utt2spk").write_text("b1 b\n")
    with pytest.raises(DataError, match="utt2spk: no speaker for 'a1'"):
        labels.read_clips(tmp_path)
    (tmp_path / "utt2spk").write_text("a1 a\n")
    with pytest.raises(DataError, match="wav.scp: a1: .*a1.wav does not exist"):
        labels.read_clips(tmp_path)
