"""What a run reads is not written over, and how it ends."""

import sys

import pytest

from ditar.data.errors import DataError
from ditar.train.program import check_out
from recipes import train_baseline, train_ditar, train_vae


@pytest.fixture
def exp(tmp_path):
    """A finished run, a link to it, and data."""
    for name in ("vae/final", "vae/best", "vae/checkpoints/step-00000001", "latents/train"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / ("config.json" if "vae" in name else "index.jsonl")).write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "vae")
    return tmp_path


@pytest.mark.parametrize(("source", "out", "what"), [
    ("vae/final", "vae", "over .*vae/final"),  # around it: the run's own last model would be written there
    ("vae/best", "vae", "over .*vae/best"),
    ("vae/checkpoints/step-00000001", "vae", "over .*vae/checkpoints"),
    ("vae/final", "vae/final", "into .*vae/final"),
    ("vae/final", "vae/final/run", "into .*vae/final"),
    ("link/final", "vae", "over .*vae/final"),
    ("vae/final", "link", "over .*vae/final"),
    ("latents/train", "latents/train", "into .*latents/train"),
])  # fmt: skip
def test_a_run_is_not_written_over_or_into_what_it_reads(exp, source, out, what):
    with pytest.raises(DataError, match=f"--out .*{out} would write {what}, which --init .*{source}. reads; give another"):
        check_out(exp / out, init=exp / source)
    with pytest.raises(DataError, match="which --train"):
        check_out(exp / out, train=[str(exp / "latents"), str(exp / source)])


@pytest.mark.parametrize(("source", "out"), [("vae/final", "tuned"), ("vae/final", "vae/tuned"), ("vae/final", "."),
                                             ("latents/train", "latents/train/run"), ("someone/codec", "codec")])  # fmt: skip
def test_what_lies_beside_it_is_fine(exp, source, out):
    check_out(exp / out, init=exp / source, vae=None)


@pytest.mark.parametrize("program", [train_vae, train_ditar, train_baseline])
@pytest.mark.parametrize("option", ["--init", "model", "--train"])
def test_every_program_asks_before_it_loads_anything(exp, program, option, monkeypatch, capsys):
    own = {train_vae: "--init", train_ditar: "--vae", train_baseline: "--codec"}[program]
    given = {"--train": exp / "latents/train", "--valid": exp / "latents/train", "--config": "none.yaml"}
    given[own if option == "model" else option] = exp / "vae/final"
    arguments = [word for name, value in given.items() for word in (name, str(value))]
    monkeypatch.setattr(sys, "argv", ["train", *arguments, "--out", str(exp / "vae")])
    assert program.main() == 1
    said = capsys.readouterr().err
    assert f"which {own if option == 'model' else option} " in said and said.count("\n") == 1
