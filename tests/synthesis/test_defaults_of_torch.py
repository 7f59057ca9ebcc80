"""Programs set torch's default dtype and device for reasons of their own: what is said does not depend on them."""

import contextlib

import numpy as np
import pytest
import torch

from ditar import load_pipeline

OTHER_DEVICE = torch.device("meta")  # stands for any that the model is not on


@contextlib.contextmanager
def float64():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("model", ["shipped", "fast"])
@pytest.mark.parametrize("default", [float64, lambda: OTHER_DEVICE], ids=["float64", "device"])
def test_the_models_that_ship_speak_alike(model, default):
    with default():
        pipeline = load_pipeline(model)
        pipeline.set_progress_bar_config(disable=True)
        found = pipeline("No.", seed=1).audio
    assert found.dtype == np.float32
    assert np.array_equal(load_pipeline(model)("No.", seed=1).audio, found)
