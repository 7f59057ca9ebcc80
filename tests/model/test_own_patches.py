"""Patches that the model made, in what it reads in training: at once what generation makes one after another."""

from dataclasses import replace

import pytest
import torch

from ditar.config import DiTARLossConfig, SamplingOptions
from ditar.diffusion.solver import make_solver
from ditar.model import own_patches
from ditar.model.generate import GenerationInput, collect_patches, generate_patches
from ditar.model.own_patches import STEPS, read_own_patches
from ditar.nn.alignment import NO_TARGET
from tests.model.examples import PATCH, batch, build
from tests.model.test_reading import TEXT, ids_of, reader

ALL = DiTARLossConfig(own_share=1.0, own_passes=20)


def generators(count):
    return [torch.Generator().manual_seed(row) for row in range(count)]


@pytest.fixture
def surely(monkeypatch):
    """No draws but the number of passes: temperature 0, one guidance scale."""
    monkeypatch.setattr(own_patches, "TEMPERATURES", (0.0,))
    monkeypatch.setattr(own_patches, "GUIDANCE_SCALES", (2.5, 2.5))
    return {"solver": make_solver(SamplingOptions(temperature=0.0, num_inference_steps=STEPS)), "guidance_scale": 2.5}


@pytest.mark.parametrize("monotonic", [False, True])
def test_many_passes_end_at_what_generation_makes(surely, monotonic):
    """Pass k is right for the first k patches, since nothing reads what is after it."""
    model = reader() if monotonic else build(history_patches=2)
    data, ids, prompt = batch((12,), (8,)), ids_of("ab " + TEXT), 2
    row = GenerationInput(ids, data.latents[0, :prompt], generators(1)[0], 6, min_patches=6, first=3, **surely)
    (made,) = collect_patches(generate_patches(model, [row]))
    data.symbol_ids[0] = ids
    data.trained[0, :prompt] = False
    if monotonic:
        data.alignment.fill_(NO_TARGET)
        data.alignment[0, prompt - 1, -1] = 2  # where the reference's symbols end
        data.alignment[0, prompt:] = made.places
    read = read_own_patches(model, data, ALL, generators(1))
    assert torch.equal(read[0, :prompt], data.latents[0, :prompt])
    assert torch.allclose(read[0, prompt:], made.patches, atol=1e-9)


def test_one_pass_follows_the_true_patches(surely):
    model, data = build(), batch()
    read = read_own_patches(model, data, replace(ALL, own_passes=1), generators(2))
    row = GenerationInput(data.symbol_ids[0, :4], data.latents[0, :3], generators(1)[0], 1, **surely)
    (after,) = collect_patches(generate_patches(model, [row]))
    assert torch.allclose(read[0, 3], after.patches[0], atol=1e-9)
    assert torch.equal(read[1, 3:], data.latents[1, 3:])  # padding


def test_a_share_of_the_rows_and_no_gradient():
    model, data = build(), batch((4,) * 40, (3,) * 40)
    read = read_own_patches(model, data, DiTARLossConfig(own_share=0.3), generators(40))
    changed = (read != data.latents).flatten(1).any(1)
    assert 4 <= changed.sum() <= 20 and not read.requires_grad
    assert read.shape == data.latents.shape and read.shape[2] == PATCH
    with pytest.raises(ValueError, match="3 generators for a batch of 40"):
        read_own_patches(model, data, ALL, generators(3))
