"""recipes/baseline.sh and train_baseline.py: which programs run, a run on codes on disk, and what is refused."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import yaml

from ditar.baseline.lm import TokenLM
from ditar.config import to_dict
from ditar.data.codes import write_codec
from ditar.data.errors import DataError
from recipes import profile_baseline, train_baseline
from tests.forked import ROOT
from tests.train.test_token_system import INFO, make_config, write_codes


def recipe(*options, cwd=ROOT):
    command = ["bash", str(ROOT / "recipes/baseline.sh"), *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def test_the_stages_run_the_programs_in_order(tmp_path):
    log = tmp_path / "log"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/bash\n[[ $1 = */check_* ]] || echo "$*" >> {log}\n')
    python.chmod(0o755)
    given = ["--expdir", str(tmp_path), "--tag", "t", "--datadir", "D", "--python", str(python)]
    assert recipe(*given, "--codec-init", "V").returncode == 0
    lines = log.read_text().splitlines()
    exp = f"{tmp_path}/t/baseline"
    assert [line.split()[0].split("/")[-1] for line in lines] == [
        "train_vae.py", "extract_codes.py", "extract_codes.py", "train_baseline.py", "export.py", "decode.py", "-m"
    ]  # fmt: skip
    assert f"--init {ROOT}/V" in lines[0] and f"--codec {exp}/codec/final" in lines[3] and "--cpu" in lines[3]
    assert f"--token-lm {exp}/lm/final --out {exp}/model" in lines[4]
    log.unlink()
    assert recipe(*given, "--codec-init", "V").returncode == 0 and not log.exists()  # all is done
    # A codec from elsewhere needs no training, and what follows runs again.
    assert recipe(*given, "--codec", "facebook/encodec_24khz", "--codebooks", "8").returncode == 0
    lines = log.read_text().splitlines()
    assert lines[0].startswith("recipes/extract_codes.py --codec facebook/encodec_24khz")
    assert "--codebooks 8" in lines[0]
    assert recipe("--nonsense", "1").returncode == 1


def test_missing_packages_are_found_before_anything_is_made(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/bash\necho "$*" >> {tmp_path / "log"}\nexit 1\n')
    python.chmod(0o755)
    given = ["--expdir", str(tmp_path / "e"), "--python", str(python)]
    assert recipe(*given).returncode == 1 and recipe(*given, "--stop-stage", "7").returncode == 1
    asked = ["recipes/check_extras.py recipes baseline eval", "recipes/check_extras.py recipes baseline"]
    assert (tmp_path / "log").read_text().splitlines() == asked and not (tmp_path / "e").exists()


@pytest.mark.parametrize(("option", "content", "said"), [
    ("--train-config", "model: {}", "mine: missing key 'loss' (BaselineLossConfig)"), ("--codec-config", "model: 1", "mine: missing key 'loss' (VAELossConfig)"),
    ("--decode-config", "--stepps 3", "unrecognized arguments: --stepps 3"),
])  # fmt: skip
def test_settings_of_the_last_stages_are_checked_before_the_first(tmp_path, option, content, said):
    (tmp_path / "mine").write_text(content)
    (tmp_path / "sitecustomize.py").write_text("import recipes.check_extras as c; c.MODULES = dict.fromkeys(c.MODULES, ())")
    command = ["bash", "recipes/baseline.sh", "--python", sys.executable, "--expdir", str(tmp_path / "e")]
    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    given = {"cwd": ROOT, "env": env, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run([*command, option, str(tmp_path / "mine")], **given)
    assert done.returncode != 0 and said in done.stderr and not (tmp_path / "e").exists(), done.stderr


def test_paths_start_where_the_user_stands(tmp_path):
    (tmp_path / "mine.yaml").write_text("steps: 1")
    (tmp_path / "more.txt").write_text("A sentence.")
    given = ["--datadir", "d", "--expdir", "e", "--train-config", "mine.yaml", "--closed-set", "more.txt"]
    done = recipe(*given, "--codec-init", "v", "--python", "true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "e/default/baseline/.done"
    marker = {path.name.split("-", 2)[2]: path.read_text() for path in folder.iterdir()}
    assert f"--config {tmp_path}/mine.yaml" in marker["token-lm"] and f"{tmp_path}/d/test" in marker["decode"]
    assert f"--init {tmp_path}/v" in marker["codec"] and "--config configs/vae/rvq.yaml" in marker["codec"]
    assert f"--closed-set {tmp_path}/more.txt" in marker["score"]
    done = recipe("--expdir", "f", "--decode-config", "nowhere.txt", cwd=tmp_path)
    assert done.returncode == 1 and "no file 'nowhere.txt'" in done.stderr and not (tmp_path / "f").exists()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    write_codes(folder / "codes")
    write_codes(folder / "other", info=replace(INFO, codec="speech_vae-40hz-3x16-01"))
    config = make_config(steps=2)
    (folder / "config.yaml").write_text(yaml.safe_dump(to_dict(config)))
    return folder


def train(monkeypatch, home, out, *options, config="config.yaml", codes="codes", valid="codes"):
    given = ["--config", home / config, "--train", home / codes, "--valid", home / valid, "--out", out, "--cpu"]
    monkeypatch.setattr(sys, "argv", ["train_baseline", *map(str, [*given, *options])])
    return train_baseline.main()


def test_it_trains_resumes_and_starts_from_a_model(home, tmp_path, monkeypatch):
    assert train(monkeypatch, home, tmp_path / "run") == 0
    model = TokenLM.from_pretrained(tmp_path / "run/final")
    assert model.config.codec_fingerprint == INFO.codec and model.config.seconds_per_symbol > 0
    log = (tmp_path / "run/log.jsonl").read_text()
    assert train(monkeypatch, home, tmp_path / "run") == 0 and (tmp_path / "run/log.jsonl").read_text() == log
    assert train(monkeypatch, home, tmp_path / "again", "--init", tmp_path / "run/final") == 0


def test_the_patience_of_the_configuration_is_that_of_training(home, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(train_baseline, "train", lambda *at: given.append(at[-1]))
    values = yaml.safe_load((home / "config.yaml").read_text())
    for patience in (2, None):
        values["run"]["patience"] = patience
        (home / "patience.yaml").write_text(yaml.safe_dump(values))
        assert train(monkeypatch, home, tmp_path / "run", config="patience.yaml") == 0
    assert given == [2, None]


def test_samples_are_decoded_by_the_codec_of_the_codes(tmp_path):
    pytest.importorskip("vector_quantize_pytorch")
    from tests.tiny_tokens import tiny_codec

    codec = tiny_codec()
    codec.save_pretrained(tmp_path)
    decode = train_baseline.load_decoder(str(tmp_path), replace(INFO, codec=codec.fingerprint))
    assert decode(torch.zeros(1, 3, 5, dtype=torch.long)).shape == (5 * 600,)
    with pytest.raises(DataError, match=f"codec '{codec.fingerprint}', but '{INFO.codec}' was asked for"):
        train_baseline.load_decoder(str(tmp_path), INFO)


def test_codes_of_other_codecs_and_other_numbers_are_refused(home, tmp_path, monkeypatch, capsys):
    assert train(monkeypatch, home, tmp_path / "a", valid="other") == 1
    assert "'speech_vae-40hz-3x16-01', but 'speech_vae-40hz-3x16-00' was asked for" in capsys.readouterr().err
    values = yaml.safe_load((home / "config.yaml").read_text())
    (stream,) = values["model"]["streams"]
    eight = {"card": 8, "ids": 10, "outputs": 9, "empty_id": 9, "end_id": 8}
    wrong = {
        "card": (eight, "3 codebooks of 8 .*3 codebooks of 16"),
        "delays": ({"delays": [0, 1]}, "2 delays and 3 weights"),
        "two": ({"delays": [0, 1], "weights": [1.0, 1.0]}, "2 codebooks of 16 .*3 codebooks of 16"),
    }
    for name, (changes, message) in wrong.items():
        values["model"]["streams"] = [{**stream, **changes}]
        (home / f"{name}.yaml").write_text(yaml.safe_dump(values))
        assert train(monkeypatch, home, tmp_path / name, config=f"{name}.yaml") == 1
        error = capsys.readouterr().err
        assert error.startswith("train_baseline: error: ") and error.count("\n") == 1
        assert re.search(message, error), error
        assert not (tmp_path / name / "checkpoints").exists()


def test_shards_from_elsewhere_and_bad_ones(home, tmp_path, monkeypatch, capsys):
    """The same losses from a command as from the folder; a shard that is cut short ends the run, or is left out."""
    store = write_codes(tmp_path / "codes", shards=4)
    assert train(monkeypatch, home, tmp_path / "here", codes=tmp_path / "codes") == 0
    (tmp_path / "there").mkdir()
    for shard in store.shards[1:]:
        (tmp_path / "codes/shar" / shard).rename(tmp_path / "there" / shard)
    far = f"pipe:cat {tmp_path}/there/latents.{{000001..000003}}.tar"
    where = ["--shards", f"{tmp_path}/codes/shar/latents.000000.tar", far]
    assert train(monkeypatch, home, tmp_path / "far", *where, codes=tmp_path / "codes") == 0
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("here", "far")]
    found, expected = ([row["train/loss"] for row in map(json.loads, log) if "train/loss" in row] for log in logs)
    assert found == expected and found
    bad = tmp_path / "there" / store.shards[2]
    bad.write_bytes(bad.read_bytes()[:1500])
    capsys.readouterr()
    assert train(monkeypatch, home, tmp_path / "a", *where, codes=tmp_path / "codes") == 1
    said = capsys.readouterr().err
    assert f"cat {bad} " in said and "training leaves it out with --skip-bad-shards" in said
    assert train(monkeypatch, home, tmp_path / "b", *where, "--skip-bad-shards", codes=tmp_path / "codes") == 0
    assert "left out, with its 10 utterances" in capsys.readouterr().err
    assert train(monkeypatch, home, tmp_path / "c", *where[:2], codes=tmp_path / "codes") == 1
    assert "(and 2 more), which the index names; add its machine" in capsys.readouterr().err


def test_codes_that_no_codebook_has_are_quoted(home, tmp_path, monkeypatch, capsys):
    """codec.json says 4 codes, and the shards hold others."""
    write_codes(tmp_path / "codes")
    write_codec(tmp_path / "codes", replace(INFO, codebook_size=4))
    values = yaml.safe_load((home / "config.yaml").read_text())
    values["model"]["streams"][0] |= {"card": 4, "ids": 6, "outputs": 5, "empty_id": 5, "end_id": 4}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    where = {"config": tmp_path / "config.yaml", "codes": tmp_path / "codes", "valid": tmp_path / "codes"}
    assert train(monkeypatch, home, tmp_path / "out", **where) == 1
    message = r"code \d+ is out of range: a codebook of the streams 'audio' has 4 codes"
    assert re.search(message, capsys.readouterr().err)


def test_speeds_are_measured_of_every_kind_of_text(monkeypatch, capsys):
    names = ("matched", "musicgen", "moshi", "samout")
    paths = [str(ROOT / f"configs/baseline/tiny_{name}.yaml") for name in names]
    monkeypatch.setattr(sys, "argv", ["x", *paths, "--rows", "2", "--frames", "12", "--steps", "1"])
    assert profile_baseline.main() == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[1] for row in rows] == [f"tiny_{name}" for name in names]
    assert all(float(row.split("|")[3]) > 0 and " 24 |" in row for row in rows)
