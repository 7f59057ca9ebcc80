"""Every configuration file builds what it describes; new folders of files must say how."""

from functools import cache
from pathlib import Path

import pytest
import torch

from ditar.config import ConfigError, DiTARConfig, VAEConfig, load_config
from ditar.model import info
from ditar.model.loss import DiTARLoss

ROOT = Path(__file__).parents[1] / "configs"
FILES = sorted(ROOT.rglob("*.y*ml"))


@cache
def describe(path):
    return info.describe(load_config(path, DiTARConfig))


def build_ditar(path):
    config = load_config(path, DiTARConfig)
    parameters = describe(path)["parameters"]
    assert 0 < parameters["locdit"] <= parameters["total"]
    DiTARLoss(config.loss, config.model)


def build_vae(path):
    from ditar.config import to_dict
    from ditar.vae.speech_vae import SpeechVAE

    config = load_config(path, VAEConfig)
    with torch.device("meta"):
        SpeechVAE(**to_dict(config.model))


BUILDERS = {"ditar": build_ditar, "vae": build_vae}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_builds(path):
    assert path.parent.name in BUILDERS, f"say in BUILDERS how configs/{path.parent.name} is built"
    BUILDERS[path.parent.name](path)


def test_the_papers_default_size():
    figures = describe(ROOT / "ditar" / "0.6b.yaml")
    three = sum(figures["parameters"][part] for part in ("aggregation_encoder", "lm", "locdit"))
    assert three == pytest.approx(604e6, rel=0.03)  # 48 layers of 12.6 M
    assert figures["tflops"] == pytest.approx(2.75, rel=0.15)


def test_flops_follow_the_steps(monkeypatch):
    path = ROOT / "ditar" / "tiny.yaml"
    ten = describe(path)["tflops"]
    monkeypatch.setattr(info, "STEPS", 20)
    assert 1.5 * ten < info.describe(load_config(path, DiTARConfig))["tflops"] < 2 * ten


def test_files_are_complete(tmp_path):
    text = (ROOT / "ditar" / "tiny.yaml").read_text()
    (tmp_path / "c.yaml").write_text(text.replace("encoder:", "encodr:"))
    with pytest.raises(ConfigError, match="did you mean 'encoder'"):
        load_config(tmp_path / "c.yaml", DiTARConfig)
