"""Adapters on every linear layer of every system, by peft as it comes: they train, and merged they say the same."""

import copy

import pytest
import torch
from torch import nn

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.baseline.loss import TokenLoss
from ditar.config import BaselineLossConfig, DiTARLossConfig
from ditar.model.loss import DiTARLoss
from tests.baseline import examples as tokens
from tests.model import examples as latents

import_torchaudio()  # peft imports transformers, which imports it
pytest.importorskip("peft", reason="needs peft, of the extra `test`")

import peft  # noqa: E402


def with_adapters(model):
    """The model, its linear layers' names, and the model with random adapters on them (none starts at zero)."""
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    torch.manual_seed(1)
    config = peft.LoraConfig(r=2, lora_alpha=1, target_modules=names, init_lora_weights=False)
    return names, peft.get_peft_model(copy.deepcopy(model), config)


def assert_all_train(names, adapted, loss):
    loss.backward()
    gradients = {name: p.grad for name, p in adapted.named_parameters() if p.requires_grad}
    assert len(gradients) == 2 * len(names) and all("lora_" in name for name in gradients)
    lacking = [name for name, gradient in gradients.items() if gradient is None or not gradient.any()]
    assert not lacking


def assert_merged_is_the_same(model, adapted, compute):
    """In training's mode, and in generation's, where CPUs have prepacked weights."""
    base = compute(model)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            unmerged = compute(adapted)
            merged = compute(copy.deepcopy(adapted).merge_and_unload())
        for mine, theirs, before in zip(merged, unmerged, base, strict=True):
            assert (mine - theirs).abs().max() < 1e-5 and not torch.allclose(mine, before, atol=1e-3)
    with torch.inference_mode():
        compute(adapted)  # may leave prepacked weights, which merging in place must not leave in use
        torch.testing.assert_close(compute(adapted.merge_and_unload()), merged)


@pytest.mark.parametrize("changes", latents.VARIANTS[:1] + latents.VARIANTS[-1:])
def test_ditar(changes):
    model, data = latents.build(torch.float32, **changes), latents.batch(dtype=torch.float32)
    names, adapted = with_adapters(model)
    assert {"stop_head", "embed", "locdit.transformer.blocks.1.attention.qkv", "lm.transformer.blocks.0.ffn.up"} <= {*names}
    config = DiTARLossConfig(attention_weight=0.2, phoneme_weight=0.2, h_dropout=0.0)

    def generators():
        return [torch.Generator().manual_seed(row) for row in range(2)]

    loss = DiTARLoss(config, adapted, latents.helpers_of(model))
    assert_all_train(names, adapted, loss(data, generators(), 1.0)["loss"])
    noisy, times = torch.randn(9, latents.PATCH, latents.CHANNELS), torch.rand(9)

    def compute(model):
        given = data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts
        out = model(*given, noisy, times)
        return out.u, out.stop_logits

    assert_merged_is_the_same(model, adapted, compute)


@pytest.mark.parametrize("name", ["matched", "musicgen", "moshi"])
def test_token_lm(name):
    model = tokens.build(name, torch.float32)
    data = tokens.batch(name, model.streams, rows=4)
    names, adapted = with_adapters(model)
    assert_all_train(names, adapted, TokenLoss(BaselineLossConfig(), adapted)(data)["loss"])
    delayed = model.streams.pattern.apply(model.streams.fill(data.tokens, data.frame_counts))

    def compute(model):
        return [logits.nan_to_num(neginf=0.0) for logits in model(delayed, data.condition).logits.values()]

    assert_merged_is_the_same(model, adapted, compute)
