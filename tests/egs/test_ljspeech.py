"""egs/ljspeech on a corpus of LJ Speech's own layout that is made here: every stage after the download."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

ROOT = Path(__file__).parents[2]
RATE = 22_050
SENTENCES = ["A bad dog.", "Good morning.", "It was late.", "Nobody came.", "Two of them left.", "She read a book."]


def make_corpus(folder: Path) -> Path:
    """Chords in place of a voice; the second field of metadata.csv is as it was written, the third normalised."""
    (folder / "wavs").mkdir(parents=True)
    random, lines = np.random.default_rng(0), ""
    for number, text in enumerate(SENTENCES, 1):
        time = np.arange(int(1.2 * RATE)) / RATE
        wave = sum(0.1 * np.sin(2 * np.pi * f * time) for f in random.uniform(100, 2000, 4))
        soundfile.write(folder / "wavs" / f"LJ001-{number:04d}.wav", wave, RATE)
        lines += f"LJ001-{number:04d}|{text} (1)|{text}\n"
    (folder / "metadata.csv").write_text(lines)
    return folder


def run(*options, code=0) -> str:
    environment = os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    command = ["bash", str(ROOT / "egs/ljspeech/run.sh"), *map(str, options)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == code, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ljspeech")
    config = yaml.safe_load((ROOT / "configs/ditar/finetune.yaml").read_text())
    config["data"] |= {"batch_patches": 32, "max_seconds": 3.0, "first_seconds": 3.0}
    config["optimiser"] |= {"steps": 2}
    config["run"] |= {"validate_every": 2, "sample_every": 9, "checkpoint_every": 2}
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    (folder / "decode.txt").write_text("--limit 1 --steps 2\n")
    options = [
        *("--corpus", make_corpus(folder / "LJSpeech-1.1"), "--datadir", folder / "data", "--expdir", folder / "exp"),
        *("--val", "2", "--test", "2", "--nj", "1", "--ngpu", "0", "--init", "shipped", "--tag", "t"),
        *("--train-config", folder / "train.yaml", "--decode-config", folder / "decode.txt", "--stop-stage", "7"),
    ]
    run(*options)
    return folder, options


def test_every_stage_after_the_download_leaves_its_result(experiment):
    folder, _ = experiment
    train = (folder / "data/24k/train/text").read_text().splitlines()
    assert train == ["LJ001-0001 A bad dog.", "LJ001-0002 Good morning."]  # the normalised field
    info = soundfile.info(folder / "data/24k/train/wav/LJ001-0001.wav")
    assert info.samplerate == 24_000 and info.frames == pytest.approx(1.2 * 24_000, abs=1)
    assert (folder / "exp/t/model/model_index.json").is_file()
    (spoken,) = (folder / "exp/t/decode/wav").glob("*.wav")
    assert spoken.stem.startswith("LJ001-000")


def test_fine_tuning_keeps_the_vae_and_changes_ditar(experiment):
    from safetensors.torch import load_file

    folder, _ = experiment
    shipped, tuned = ROOT / "ditar/assets/model", folder / "exp/t/model"
    one, two = (load_file(model / "vae/diffusion_pytorch_model.safetensors") for model in (shipped, tuned))
    assert all((one[name] == two[name]).all() for name in one)
    one, two = (load_file(model / "ditar/model.safetensors") for model in (shipped, tuned))
    assert one.keys() == two.keys() and any((one[name] != two[name]).any() for name in one)
    heard = json.loads((tuned / "ditar/config.json").read_text())["trained_symbols"]
    assert {"a", "d", "ɡ"} & set(heard)


def test_it_resumes_where_it_stopped(experiment):
    _, options = experiment
    assert run(*options).count("is done already") == 13


def test_another_layout_is_named(tmp_path):
    said = run("--corpus", tmp_path, "--datadir", tmp_path / "data", "--expdir", tmp_path, "--stage", "0", code=1)
    assert "metadata.csv" in said and "LJSpeech-1.1" in said
