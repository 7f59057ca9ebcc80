import dataclasses

import pytest
import torch

from ditar.config import BlockConfig, DiTARLossConfig
from ditar.model.ditar import DiTAR
from ditar.model import loss
from ditar.model.loss import DiTARLoss
from ditar.nn.alignment import text_attention
from tests.model.examples import batch, build, helpers_of, model_config, row_of

PLAIN = DiTARLossConfig(h_dropout=0.0)
HELPED = dataclasses.replace(PLAIN, phoneme_weight=0.5, attention_weight=0.25, attention_heads=1)


def losses(config, model, data, helpers=None, scale=0.0, seed=0):
    generators = [torch.Generator().manual_seed(1000 * seed + row) for row in range(len(data.symbol_ids))]
    return DiTARLoss(config, model, helpers)(data, generators, scale)


def test_diffusion_is_the_mean_over_frames_that_exist():
    model, data = build(), batch()
    before = losses(PLAIN, model, data)
    data.latents[1, 3:] = 1e6  # padding
    after = losses(PLAIN, model, data)
    assert torch.equal(before["diffusion"], after["diffusion"]) and torch.equal(before["stop"], after["stop"])
    assert torch.equal(before["loss"], before["diffusion"] + before["stop"])
    # A model that says u = 0 leaves the target's power: about 1 for latents of unit variance.
    torch.nn.init.zeros_(model.locdit.out.weight)
    assert losses(PLAIN, model, data)["diffusion"].item() == pytest.approx(1.0, abs=0.3)


def test_weights_are_the_configurations():
    model, data = build(), batch()
    helpers = helpers_of(model).double()
    config = dataclasses.replace(HELPED, diffusion_weight=2.0, stop_weight=3.0)
    found = losses(config, model, data, helpers, 0.5)
    expected = 2 * found["diffusion"] + 3 * found["stop"] + 0.25 * found["phoneme"] + 0.125 * found["attention"]
    assert torch.allclose(found["loss"], expected)
    assert set(losses(config, model, data, helpers, 0.0)) == {"loss", "diffusion", "stop"}


def test_stop_label_is_on_the_last_patch():
    model, data = build(), batch((4, 5), (3, 6))
    logits = model.stop_head(
        model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    )[..., 0]
    yes, no = -torch.nn.functional.logsigmoid(logits), -torch.nn.functional.logsigmoid(-logits)
    expected = sum(5 * yes[row, last] + no[row, :last].sum() for row, last in ((0, 2), (1, 5))) / 9
    assert torch.allclose(losses(PLAIN, model, data)["stop"], expected)


def test_attention_equals_the_weights_that_the_model_used():
    """The supervised numbers are those of the layer itself: recompute one row without text_attention."""
    model, data = build(), row_of(batch(), 1)
    kept = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts, (1,)).kept[1]
    query, key = kept
    scores = (query[:, :, -3:] @ key.transpose(-1, -2)) / query.shape[-1] ** 0.5
    full = scores.softmax(-1)[..., :7]
    ours = text_attention(query, key, data.symbol_counts, 7, 3).exp().double()
    assert torch.allclose(full / full.sum(-1, keepdim=True), ours, atol=1e-6)
    found = losses(HELPED, model, data, helpers_of(model).double(), 1.0)["attention"]
    diagonal = torch.stack([ours[0, 0, i, i] for i in range(3)])
    assert torch.allclose(found.double(), -diagonal.log().mean(), atol=1e-6)


def test_attention_with_shared_keys_takes_the_right_group():
    torch.manual_seed(0)
    config = dataclasses.replace(model_config(), lm=BlockConfig(1, 16, 4, 16, kv_heads=2))
    model, data = DiTAR(config).double(), batch()
    query, key = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts, (0,)).kept[0]
    assert query.shape[1] == key.shape[1] == 4
    key = key.transpose(0, 1)
    assert torch.equal(key[0], key[1]) and torch.equal(key[2], key[3]) and not torch.allclose(key[0], key[2])


def test_unknown_alignment_costs_nothing():
    model, data = build(), batch()
    data.frame_symbols.fill_(-100)
    data.spoken.fill_(False)
    found = losses(HELPED, model, data, helpers_of(model).double(), 1.0)
    assert found["phoneme"] == 0 and found["attention"] == 0
    found["loss"].backward()


def test_noise_and_dropout_change_what_is_read_and_not_the_target():
    model, data = build(), batch()
    plain = losses(PLAIN, model, data)["diffusion"]
    for name in ("lm_noise", "history_noise", "history_dropout", "h_dropout", "own_share"):
        assert not torch.allclose(losses(dataclasses.replace(PLAIN, **{name: 1.0}), model, data)["diffusion"], plain), name
    again = losses(PLAIN, model, data)["diffusion"]
    assert torch.equal(plain, again) and not torch.equal(plain, losses(PLAIN, model, data, seed=1)["diffusion"])


def test_the_target_is_the_true_patch_whatever_is_read(monkeypatch):
    """Where the model reads patches that it made itself, too."""
    model, data = build(), batch()
    for part in (model.locdit.out.weight, model.locdit.out.bias):  # u = 0: the loss is the target's power
        torch.nn.init.zeros_(part)
    wanted = losses(PLAIN, model, data)["diffusion"]
    monkeypatch.setattr(loss, "read_own_patches", lambda model, batch, *rest: batch.latents + 1.0)
    assert torch.equal(losses(dataclasses.replace(PLAIN, own_share=1.0), model, data)["diffusion"], wanted)


def test_shares_of_a_split_batch_add_up_to_the_loss():
    """Whatever process has a row, and whatever rows it is padded beside: the same noise, the same loss."""
    model, data = build(), batch()
    helpers = helpers_of(model).double()
    noise = {"lm_noise": 0.3, "history_noise": 0.2, "h_dropout": 0.3, "history_dropout": 0.3}
    config = dataclasses.replace(HELPED, noise_draws=2, **noise, own_share=0.7)
    compute = DiTARLoss(config, model, helpers)
    rows = range(len(data.symbol_ids))
    whole = compute(data, [torch.Generator().manual_seed(r) for r in rows], 1.0)
    counts = compute.counts(data)
    shares = [compute(row_of(data, r), [torch.Generator().manual_seed(r)], 1.0, counts) for r in rows]
    for name, value in whole.items():
        assert torch.allclose(sum(share[name] for share in shares), value, rtol=1e-5), name  # losses are float32
    with pytest.raises(ValueError, match="1 generators for a batch of"):
        compute(data, [torch.Generator()])


@pytest.mark.parametrize("part", ["diffusion", "stop"])
def test_each_loss_teaches_the_lm(part):
    """h is detached from neither."""
    model, data = build(), batch()
    losses(PLAIN, model, data)[part].backward()
    for name, parameter in [*model.lm.named_parameters(), *model.encoder.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_in_float64_gradients_are_exact():
    model, data = build(), batch()
    helped = DiTARLoss(HELPED, model, helpers_of(model).double())

    def run(begin):
        generators = [torch.Generator().manual_seed(row) for row in range(2)]
        return torch.func.functional_call(helped, {"model.lm.begin": begin}, (data, generators, 1.0))["loss"]

    assert torch.autograd.gradcheck(run, (model.lm.begin,), fast_mode=True)


def test_every_parameter_learns():
    model, data = build(), batch()
    helpers = helpers_of(model).double()
    losses(dataclasses.replace(HELPED, noise_draws=2), model, data, helpers, 1.0)["loss"].backward()
    for name, parameter in [*model.named_parameters(), *helpers.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_helpers_are_not_in_the_model():
    model = build()
    before = set(model.state_dict())
    helpers_of(model)
    assert set(model.state_dict()) == before and not any("helper" in name for name in before)


def test_learns_one_batch():
    model, data = build(torch.float32), batch((4, 4), (3, 3), torch.float32)
    helpers = helpers_of(model)
    optimiser = torch.optim.AdamW([*model.parameters(), *helpers.parameters()], lr=1e-2)
    history = []
    for step in range(150):
        found = losses(HELPED, model, data, helpers, 1.0, seed=step)
        optimiser.zero_grad()
        found["loss"].backward()
        optimiser.step()
        history.append({k: v.item() for k, v in found.items()})
    first, last = ({k: sum(h[k] for h in part) / 10 for k in part[0]} for part in (history[:10], history[-10:]))
    assert last["diffusion"] < 0.75 * first["diffusion"]
    assert last["stop"] < 0.2 * first["stop"]
    assert last["phoneme"] < 0.2 * first["phoneme"] and last["attention"] < 0.3 * first["attention"]


def test_bfloat16_autocast_stays_near_float32():
    model, data = build(torch.float32), batch(dtype=torch.float32)
    wide = losses(PLAIN, model, data)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = losses(PLAIN, model, data)
    narrow["loss"].backward()
    assert narrow["loss"].dtype == torch.float32
    assert torch.allclose(narrow["loss"], wide["loss"], rtol=0.02)
