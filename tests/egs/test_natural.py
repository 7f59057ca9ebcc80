"""egs/natural/run.sh: what its options make of the stages. Its programs have tests of their own."""

import os
import subprocess

import pytest

from tests.egs.corpora import ROOT


def run(folder, *options):
    command = ["bash", str(ROOT / "egs/natural/run.sh"), "--datadir", folder / "d", "--expdir", folder / "e", *options]
    environment = os.environ | {"PYTHON": "true"}
    return subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=60, env=environment)


def markers(folder):
    return {path.name.split("-", 2)[2]: path.read_text() for path in (folder / ".done").iterdir()}


def test_the_teacher_alone(tmp_path):
    done = run(tmp_path, "--size", "small", "--teacher", "t")
    assert done.returncode == 0, done.stderr
    marker, data = markers(tmp_path / "e/small"), tmp_path / "d/small"
    assert f"--model '{tmp_path}/t'" in marker["data"] and "--finish-only" in marker["data"] and "real_data" not in marker["data"]
    assert "judge_teacher" in marker["data"]
    ready = data / "prepared"
    assert f"--data {ready}/teacher/test --references {ready}/teacher/test_ref" in marker["decode"]
    for name in ("train", "val", "teacher/test", "teacher/test_ref"):  # as references are, before anything reads them
        assert f"--data {data}/{name} --out {ready}/{name}" in marker[f"audio-{name.replace('/', '_')}"]
    assert f"--train {ready}/train --valid {ready}/val" in marker["vae"] and f"--data {ready}/train" in marker["text-train"]
    assert "decode_test_clean" not in marker and "phones-train" not in marker
    assert {"vae", "vae-decoder", "ditar", "ditar-last"} <= marker.keys()


def test_real_speech_joins(tmp_path):
    options = ["--size", "small", "--real", "libritts=here /there", "--ready", "r", "--hours", "2.5", "--seed", "3"]
    done = run(tmp_path, *options)
    assert done.returncode == 0, done.stderr
    marker, data = markers(tmp_path / "e/small"), tmp_path / "d/small"
    said = marker["data"].replace("'", "")
    assert f"--real libritts={tmp_path}/here /there --out {data}/real" in said
    assert f"--hours 2.5 --seed 3 --nj 2 --ready {tmp_path}/r" in said
    assert f"combine_data.py --data {data}/teacher/data {data}/real/train --out {data}/train" in said
    assert f"--out {data}/test_clean --most 60" in said
    ready = data / "prepared"
    assert f"{ready}/train {ready}/real/audio_only" in marker["vae"] and f"--data {data}/train " in marker["phones-train"]
    assert f"--data {data}/real/audio_only --out {ready}/real/audio_only" in marker["audio-real_audio_only"]
    assert f"--data {ready}/test_clean --references {ready}/test_clean" in marker["decode_test_clean"]
    done = run(tmp_path, *options, "--test-clean", "false")
    assert "test_clean" not in markers(tmp_path / "e/small")["data"]


@pytest.mark.parametrize(
    "option, value, said",
    [("--size", "huge", "full or small"), ("--test-clean", "maybe", "true or false"), ("--last-config", "no", "'no'")],
)
def test_what_cannot_be_used(tmp_path, option, value, said):
    done = run(tmp_path, option, value)
    assert done.returncode == 1 and said in done.stderr and not (tmp_path / "e").exists()
