"""The parts of a model on disk: a VAE whose files do not belong together is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from ditar.storage.weights import ModelError
from ditar.vae.loading import load_vae
from tests.tiny import tiny_vae


@pytest.fixture
def folder(tmp_path):
    tiny_vae().save_pretrained(tmp_path)
    return tmp_path


def change(folder, edit):
    """Write the weights again after `edit` has changed the dictionary of tensors."""
    path = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_what_was_written_is_loaded(folder):
    loaded = load_vae(folder)
    expected = tiny_vae().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    assert not loaded.training


@pytest.mark.parametrize("name", ["latent_std", "decoder.head.out.weight", "encoder.out.weight"])
def test_a_missing_tensor_is_named(folder, name):
    assert name in tiny_vae().state_dict()
    change(folder, lambda tensors: tensors.pop(name))
    with pytest.raises(ModelError, match=f"'{name}' is missing in .* use the two files of one model"):
        load_vae(folder)


def test_other_shapes_and_foreign_tensors_are_named(folder):
    change(folder, lambda tensors: tensors.update(extra=torch.zeros(3)))
    with pytest.raises(ModelError, match=r"'extra' is \(3,\) in .* but absent in the configuration"):
        load_vae(folder)
    change(folder, lambda tensors: (tensors.pop("extra"), tensors.update(latent_mean=torch.zeros(9))))
    with pytest.raises(ModelError, match=r"'latent_mean' is \(9,\) in .* but \(8,\) in the configuration"):
        load_vae(folder)


def test_a_configuration_of_another_model_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "latent_channels": 16}))
    with pytest.raises(ModelError, match="use the two files of one model"):
        load_vae(folder)
    (folder / "config.json").write_text(json.dumps({**config, "vocos": {"width": -1}}))
    with pytest.raises(ModelError, match="width"):
        load_vae(folder)
