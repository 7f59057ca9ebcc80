import pytest
import torch

from ditar.diffusion.ddim import DDIM
from ditar.model.generate import generate, read, start
from tests.model.examples import CHANNELS, PATCH, VARIANTS, batch, build


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("prompt", [0, 1, 3])
def test_cached_equals_uncached(changes, prompt):
    model, data = build(**changes), batch((5,), (6,))
    whole = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    state = start(model, data.symbol_ids, None, data.latents[:, :prompt], 6)
    for i in range(prompt, 6):
        assert torch.allclose(state.h, whole[:, i], atol=1e-12)
        count = model.config.history_patches
        seen = data.latents[:, max(0, i - count) : i]
        assert torch.equal(state.history[:, count - seen.shape[1] :], seen)
        assert state.exists.sum() == min(count, i)
        if i < 5:
            state = read(model, data.latents[:, i], state)


def test_cached_rows_of_different_texts_equal_uncached():
    model, data = build(), batch((3, 6), (4, 4))
    whole = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    state = start(model, data.symbol_ids, data.symbol_counts, None, 4)
    for i in range(4):
        assert torch.allclose(state.h, whole[:, i], atol=1e-12)
        state = read(model, data.latents[:, i], state)


def options(**changes):
    return {"generator": torch.Generator().manual_seed(0), "max_patches": 4, "stop_threshold": 2.0, **changes}


@pytest.mark.parametrize("scale, rows", [(2.0, 2), (1.0, 1)])
def test_forward_counts(scale, rows):
    model, data = build(torch.float32), batch((5,), (3,), torch.float32)
    seen = {"lm": [], "locdit": []}
    model.lm.transformer.register_forward_hook(lambda m, inputs, o: seen["lm"].append(inputs[0].shape[:2]))
    model.locdit.transformer.register_forward_hook(lambda m, inputs, o: seen["locdit"].append(len(inputs[0])))
    patches = list(generate(model, data.symbol_ids, data.latents, guidance_scale=scale, solver=DDIM(7), **options()))
    assert len(patches) == 4 and patches[0].patch.shape == (1, PATCH, CHANNELS)
    # Once for each patch; nothing is read behind the last.
    assert seen["lm"] == [(1, 5 + 1 + 3), (1, 1), (1, 1), (1, 1)]
    assert seen["locdit"] == [rows] * 7 * 4


def patches_of(model, data, **changes):
    return torch.cat([p.patch for p in generate(model, data.symbol_ids, data.latents, **options(**changes))])


def test_seed_temperature_and_guidance():
    model, data = build(), batch((5,), (3,))
    first = patches_of(model, data)
    torch.manual_seed(99)  # the global generator plays no part
    assert torch.equal(patches_of(model, data), first)
    other = torch.Generator().manual_seed(1)
    assert not torch.allclose(patches_of(model, data, generator=other), first)
    assert not torch.allclose(patches_of(model, data, guidance_scale=1.0), first)
    still = patches_of(model, data, solver=DDIM(5, 0.0))
    assert torch.equal(patches_of(model, data, solver=DDIM(5, 0.0), generator=other), still)


def test_guidance_equals_two_separate_passes():
    model, data = build(), batch((5,), (3,))
    state = start(model, data.symbol_ids, None, data.latents, 1)
    both = patches_of(model, data, max_patches=1, solver=DDIM(1), guidance_scale=3.0)
    x = torch.randn(1, PATCH, CHANNELS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    u, plain = (model.locdit(x, one, h, state.history) for h in (state.h, torch.zeros_like(state.h)))
    assert torch.allclose(both, -(plain + 3.0 * (u - plain)))  # from t = 1 to 0 in one step: x0 = -u


def test_stops_behind_the_patch_that_says_so():
    model, data = build(), batch((5,), (3,))
    torch.nn.init.constant_(model.stop_head.bias, 20.0)
    patches = list(generate(model, data.symbol_ids, None, **options(stop_threshold=None)))
    assert len(patches) == 1 and patches[0].stop.item() > 0.99
    torch.nn.init.constant_(model.stop_head.bias, -20.0)
    patches = list(generate(model, data.symbol_ids, None, **options(stop_threshold=None)))
    assert len(patches) == 4 and patches[-1].stop.item() < 0.01


def test_errors():
    model, data = build(), batch()
    with pytest.raises(ValueError, match=r"\(2, 7\)"):
        next(generate(model, data.symbol_ids, None, **options()))
    with pytest.raises(ValueError, match=r"\(1, 0\)"):
        next(generate(model, data.symbol_ids[:1, :0], None, **options()))
    with pytest.raises(ValueError, match="max_patches .* got 0"):
        next(generate(model, data.symbol_ids[:1], None, **options(max_patches=0)))
