import json

import pytest
import torch

from ditar.model.ditar import DiTAR
from ditar.storage.weights import ModelError
from tests.model.examples import build


def test_round_trip(tmp_path):
    model = build(torch.float32)
    model.save_pretrained(tmp_path / "model")
    loaded = DiTAR.from_pretrained(tmp_path / "model")
    assert loaded.config == model.config and not loaded.training
    for (name, a), (_, b) in zip(model.state_dict().items(), loaded.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]


def test_half_precision_on_disk_only(tmp_path):
    model = build(torch.float32)
    model.save_pretrained(tmp_path / "whole")
    model.save_pretrained(tmp_path / "half", dtype=torch.float16)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.7 * sizes[0] and model.dtype == torch.float32
    loaded = DiTAR.from_pretrained(tmp_path / "half")
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.stop_head.weight, model.stop_head.weight.half().float())


def test_missing_and_cut_off_files_are_named(tmp_path):
    with pytest.raises(ModelError, match="holds no config.json"):
        DiTAR.from_pretrained(tmp_path)
    build(torch.float32).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"model.safetensors \(1000 bytes\) is not a whole"):
        DiTAR.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(ModelError, match="holds no model.safetensors"):
        DiTAR.from_pretrained(tmp_path)


def test_config_of_another_shape_quotes_both(tmp_path):
    build(torch.float32).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "latent_channels": 6}))
    with pytest.raises(ModelError, match=r"\(12, 5\) in the weights, but \(12, 6\) in the configuration"):
        DiTAR.from_pretrained(tmp_path)
    path.write_text(json.dumps({**config, "latent_chanels": 6}))
    with pytest.raises(ModelError, match="latent_chanels"):
        DiTAR.from_pretrained(tmp_path)
    path.write_text("{")
    with pytest.raises(ModelError, match="config.json"):
        DiTAR.from_pretrained(tmp_path)
