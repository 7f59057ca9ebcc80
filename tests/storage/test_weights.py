"""A model's two files: those of before or the new ones."""

import os

import pytest
import torch
from safetensors import SafetensorError

from ditar.storage.atomic_write import WriteError
from ditar.storage.weights import read_config, write_model


def test_a_disk_that_refuses_leaves_the_model_of_before(tmp_path, monkeypatch):
    """What the library raises then is neither an OSError nor a ValueError."""
    write_model(tmp_path, {"width": 2}, {"a": torch.zeros(2)})
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    def refuse(tensors, path, metadata):
        path.write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("ditar.storage.weights.save_file", refuse)
    with pytest.raises(WriteError, match=r"^\S*model.safetensors cannot be written: .*No space left") as error:
        write_model(tmp_path, {"width": 3}, {"a": torch.zeros(3)})
    assert str(error.value).count("free space") == 1
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before
    assert read_config(tmp_path) == {"width": 2} and sorted(before) == ["config.json", "model.safetensors"]
