"""Every program of the recipe in turn, on a corpus of tones that is made here: data directory to spoken file."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from tests.python_server import quick_python

ROOT = Path(__file__).parents[2]
RATE = 24_000
_BLOCK = {"layers": 1, "width": 16, "heads": 2, "ffn": 32, "ffn_kind": "plain", "kv_heads": None,
          "qkv_bias": False, "rope_base": 10_000.0, "norm_epsilon": 1e-6}  # fmt: skip
NARROW = {"encoder": _BLOCK, "lm": {**_BLOCK, "layers": 2}, "locdit": _BLOCK}  # of a DiTAR


def program(*arguments, code: int = 0) -> str:
    """Run a program of recipes/ (or the command line) as a user would; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [quick_python(), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300)
    assert done.returncode == code, done.stderr[-2000:]
    return done.stdout + done.stderr


def make_corpus(folder: Path, utterances: int) -> Path:
    """A Kaldi data directory: every utterance is a chord, with the times of some phones."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(utterances)
    rows = {"wav.scp": "", "text": "", "utt2spk": "", "phones": ""}
    for number in range(utterances):
        utt, seconds = f"s{number % 2}-{number:02d}", random.uniform(0.8, 1.4)
        time = np.arange(int(seconds * RATE)) / RATE
        wave = sum(0.1 * np.sin(2 * np.pi * f * time) for f in random.uniform(100, 2000, 4))
        soundfile.write(folder / f"{utt}.wav", wave.astype(np.float32), RATE)
        rows["wav.scp"] += f"{utt} {folder}/{utt}.wav\n"
        rows["text"] += f"{utt} a bad dog\n"
        rows["utt2spk"] += f"{utt} s{number % 2}\n"
        edges = np.linspace(0.05, seconds - 0.15, 8).round(3)
        phones = list(zip(["ax", "b", "ae", "d", "d", "ao", "g"], edges, edges[1:]))
        rows["phones"] += json.dumps({"utt": utt, "phones": phones}) + "\n"
    for name, content in rows.items():
        (folder / name).write_text("".join(sorted(content.splitlines(keepends=True))))
    return folder


def shrink(config: str, out: Path, changes: dict) -> Path:
    """A copy of a configuration with some values changed: sizes that a test can afford."""
    values = yaml.safe_load((ROOT / "configs" / config).read_text())
    for section, entries in changes.items():
        values[section] |= entries
    out.write_text(yaml.safe_dump(values))
    return out


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    train, valid = make_corpus(folder / "data/train", 8), make_corpus(folder / "data/valid", 4)
    run = {"steps": 2, "precision": "no"}
    often = {"log_every": 1, "validate_every": 2, "sample_every": 2, "checkpoint_every": 1}
    vae = shrink(
        "vae/small.yaml",
        folder / "vae.yaml",
        {
            "model": {
                "spectral": {"mel_bins": 20, "width": 16, "layers": 1, "ffn": 16, "noise_floor": 0.0},
                "vocos": {
                    "width": 16, "layers": 1, "ffn": 16, "n_fft": 1200, "hop": 300, "source_filter": False,
                    "formant_contrast": 0.0,
                },
            },
            "data": {"batch": 2, "crop_seconds": 0.5, "adversarial_batch": 1},
            "loss": {"adversarial_from": 1},
            "optimiser": run,
            "run": often,
        },
    )
    ditar = shrink(
        "ditar/small.yaml",
        folder / "ditar.yaml",
        {
            "model": NARROW,
            "data": {"batch_patches": 32},
            "optimiser": run,
            "run": often,
        },
    )
    latents = folder / "latents"
    program("recipes/train_vae.py", "--config", vae, "--train", train, "--valid", valid, "--out", folder / "vae", "--cpu")
    weights = folder / "vae/final"
    for data in (train, valid):
        program("recipes/prepare_text.py", "--data", data)
    program("recipes/extract_latents.py", "--vae", weights, "--data", train, "--out", latents / "train", "--statistics")
    program("recipes/extract_latents.py", "--vae", weights, "--data", valid, "--out", latents / "valid")
    program("recipes/train_ditar.py", "--config", ditar, "--train", latents / "train", "--valid", latents / "valid",
            "--out", folder / "ditar", "--cpu")  # fmt: skip
    program("recipes/export.py", "--vae", weights, "--ditar", folder / "ditar/final", "--out", folder / "model")
    return folder


def test_training_leaves_a_log_and_checkpoints(experiment):
    lines = [json.loads(line) for line in (experiment / "ditar/log.jsonl").read_text().splitlines()]
    assert any("valid/text_gain" in line for line in lines)
    assert {"train/phoneme", "train/attention"} <= {key for line in lines for key in line}
    lines = [json.loads(line) for line in (experiment / "vae/log.jsonl").read_text().splitlines()]
    assert "train/discriminator" in lines[-1] or any("train/discriminator" in line for line in lines)


def test_statistics_normalise_the_training_latents(experiment):
    from ditar.data.latents import LatentStore, read_statistics
    from ditar.vae import SpeechVAE

    mean, std = read_statistics(experiment / "latents/train")
    store = LatentStore(experiment / "latents/train", mean, std)
    values = np.concatenate([store.latents(e.utt).numpy() for e in store.entries])
    assert np.abs(values.mean(axis=0)).max() < 0.02
    assert values.std(axis=0).max() <= 1.01  # total std: the share of the means alone is at most 1
    vae = SpeechVAE.from_pretrained(experiment / "vae/final")
    assert np.allclose(vae.latent_std.numpy(), std.numpy())


def test_the_exported_model_speaks(experiment):
    reference = experiment / "data/valid/s0-00.wav"
    out = experiment / "out.wav"
    program("-m", "ditar.cli", "synthesize", "--model", experiment / "model", "--text", "a bad dog", "--prompt-audio",
            reference, "--prompt-text", "a bad dog", "--output", out)  # fmt: skip
    audio, rate = soundfile.read(out)
    assert rate == RATE and len(audio) > 0 and np.isfinite(audio).all()


def test_finished_training_does_nothing_more(experiment):
    """Least of all does it write the VAE again without the statistics that extraction put into it."""
    before = (experiment / "ditar/final/model.safetensors").read_bytes()
    vae = (experiment / "vae/final/diffusion_pytorch_model.safetensors").read_bytes()
    program("recipes/train_vae.py", "--config", experiment / "vae.yaml", "--train", experiment / "data/train", "--valid",
            experiment / "data/valid", "--out", experiment / "vae", "--cpu")  # fmt: skip
    assert (experiment / "vae/final/diffusion_pytorch_model.safetensors").read_bytes() == vae
    program("recipes/train_ditar.py", "--config", experiment / "ditar.yaml", "--train", experiment / "latents/train",
            "--valid", experiment / "latents/valid", "--out", experiment / "ditar", "--cpu")  # fmt: skip
    assert (experiment / "ditar/final/model.safetensors").read_bytes() == before


def test_errors_name_the_remedy(experiment, tmp_path):
    said = program("recipes/train_ditar.py", "--config", ROOT / "configs/ditar/small.yaml", "--train", tmp_path,
                   "--valid", tmp_path, "--out", tmp_path / "out", code=1)  # fmt: skip
    assert "train_ditar: error:" in said and "--statistics" in said
    said = program("recipes/train_vae.py", "--config", tmp_path / "no.yaml", "--train", tmp_path, "--valid", tmp_path,
                   "--out", tmp_path / "out", code=1)  # fmt: skip
    assert "no.yaml" in said and "does not exist" in said
