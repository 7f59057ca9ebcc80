import pytest
import torch

from ditar.model.locdit import LocDiT
from tests.model.examples import CHANNELS, PATCH, VARIANTS, batch, build, model_config, row_of


def forward(model, data, **options):
    torch.manual_seed(1)
    total = int(data.patch_counts.sum())
    noisy = torch.randn(total, PATCH, CHANNELS, dtype=model.dtype)
    times = torch.linspace(0, 1, total, dtype=model.dtype)
    inputs = (data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts)
    return model(*inputs, noisy, times, **options)


@pytest.mark.parametrize("changes", VARIANTS)
def test_padded_batch_equals_single_rows(changes):
    model, data = build(**changes), batch()
    output = forward(model, data)
    assert output.u.shape == (9, PATCH, CHANNELS)
    torch.manual_seed(1)
    noisy, times = torch.randn(9, PATCH, CHANNELS, dtype=model.dtype), torch.linspace(0, 1, 9, dtype=model.dtype)
    start = 0
    for row in (0, 1):
        one = row_of(data, row)
        end = start + int(one.patch_counts)
        inputs = (one.symbol_ids, one.symbol_counts, one.latents, one.patch_counts)
        alone = model(*inputs, noisy[start:end], times[start:end])
        assert torch.allclose(output.u[start:end], alone.u, atol=1e-12)
        assert torch.allclose(output.stop_logits[row, : end - start], alone.stop_logits[0], atol=1e-12)
        start = end


def test_no_patch_is_seen_before_its_time():
    model, data = build(), batch()
    before = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    data.latents[0, 3] += 1.0
    after = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    assert torch.equal(before[0, :4], after[0, :4])  # h_i is computed before patch i exists
    assert not torch.allclose(before[0, 4:], after[0, 4:])


def test_text_reaches_every_patch_and_order_matters():
    model, data = build(), batch((4,), (3,))
    h = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    swapped = data.symbol_ids.flip(1)
    assert not torch.allclose(h, model.condition(swapped, data.symbol_counts, data.latents, data.patch_counts).h)


def test_several_draws_are_separate():
    model, data = build(), batch()
    noisy, times = torch.randn(18, PATCH, CHANNELS, dtype=model.dtype), torch.rand(18, dtype=model.dtype)
    inputs = (data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts)
    both = model(*inputs, noisy, times).u
    assert torch.allclose(both[:9], model(*inputs, noisy[:9], times[:9]).u, atol=1e-12)
    assert torch.allclose(both[9:], model(*inputs, noisy[9:], times[9:]).u, atol=1e-12)


def test_history_and_h_can_be_hidden():
    model, data = build(), batch()
    kept = torch.ones(2, 6, dtype=torch.bool)
    plain = forward(model, data).u
    assert torch.equal(forward(model, data, keep_history=kept, keep_h=kept).u, plain)
    hidden = forward(model, data, keep_history=~kept).u
    other = forward(model, data, keep_history=~kept, history=data.latents + 1.0).u
    assert torch.equal(hidden, other) and not torch.allclose(hidden[1], plain[1])
    assert torch.allclose(hidden[0], plain[0])  # the first patch has no history to hide
    without_h = forward(model, data, keep_h=~kept).u
    data.symbol_ids[:, 0] = 1 + data.symbol_ids[:, 0] % 9
    assert torch.equal(forward(model, data, keep_h=~kept).u, without_h)
    assert not torch.allclose(forward(model, data).u, plain)


@pytest.mark.parametrize("prefix_cached", [False, True])
def test_locdit_sees_all_its_inputs(prefix_cached):
    torch.manual_seed(0)
    locdit = LocDiT(model_config().locdit, 16, CHANNELS, PATCH, 2, prefix_cached).double()
    base = {
        "noisy": torch.randn(2, PATCH, CHANNELS, dtype=torch.float64),
        "times": torch.tensor([0.3, 0.6], dtype=torch.float64),
        "h": torch.randn(2, 16, dtype=torch.float64),
        "history": torch.randn(2, 2, PATCH, CHANNELS, dtype=torch.float64),
    }
    u = locdit(**base)
    for name in base:
        assert not torch.allclose(locdit(**{**base, name: base[name] + 0.3}), u), name


@pytest.mark.parametrize("history", [0, 1, 2])
def test_a_cached_prefix_equals_one_pass(history):
    """Over several steps of one patch: with the cache each writes over the one before."""
    model, rows = build(history_patches=history, locdit_prefix_cached=True), 5
    h, past = torch.randn(rows, 16, dtype=model.dtype), torch.randn(rows, history, PATCH, CHANNELS, dtype=model.dtype)
    exists = torch.rand(rows, history) > 0.5
    context = model.locdit.context(h, past, exists)
    for time in (1.0, 0.4):
        noisy, times = torch.randn(rows, PATCH, CHANNELS, dtype=model.dtype), torch.full((1,), time, dtype=model.dtype)
        once = model.locdit(noisy, times, h, past, exists)
        embedded = model.locdit.time(times)
        assert torch.allclose(model.locdit.denoise(noisy, embedded, context), once, atol=1e-12)
        assert torch.allclose(model.locdit.denoise(noisy[:2], embedded, context.first(2)), once[:2], atol=1e-12)


def test_a_cached_prefix_sees_neither_time_nor_noise():
    model = build(history_patches=1, locdit_prefix_cached=True)
    h, past = torch.randn(2, 16, dtype=model.dtype), torch.randn(2, 1, PATCH, CHANNELS, dtype=model.dtype)
    seen = []
    model.locdit.transformer.blocks[1].attention_norm.register_forward_hook(lambda m, x, out: seen.append(out))
    for time, noise in ((0.2, 0.0), (0.9, 0.0), (0.2, 1.0)):
        noisy = torch.full((2, PATCH, CHANNELS), noise, dtype=model.dtype)
        model.locdit(noisy, torch.full((1,), time, dtype=model.dtype), h, past)
    before = seen[0]
    for other in seen[1:]:
        assert torch.equal(other[:, :-PATCH], before[:, :-PATCH])
        assert not torch.allclose(other[:, -PATCH:], before[:, -PATCH:])


def test_nothing_stays_nothing():
    """Where h, and what is said, are left out for guidance."""
    model = build(alignment="monotonic")
    for part in (model.locdit.condition, model.reading.to_locdit):
        torch.nn.init.normal_(part.weight)
        assert (part(torch.zeros(2, part.in_features, dtype=torch.float64)) == 0).all()


def test_attention_maps_are_distributions_over_the_text():
    model, data = build(), batch()
    maps = model.attention_maps(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts)
    assert maps.shape == (2, 2, 2, 6, 7)
    assert torch.allclose(maps.sum(-1), torch.ones(2, 2, 2, 6, dtype=maps.dtype)) and (maps[0, ..., 4:] == 0).all()


def test_symbols_default_to_the_projects_vocabulary():
    from ditar.text.vocabulary import DEFAULT_SYMBOLS

    model = build(symbols=())
    assert model.config.symbols == tuple(DEFAULT_SYMBOLS)
    assert model.lm.symbols.num_embeddings == len(DEFAULT_SYMBOLS)


def test_many_sequences_go_through_the_local_transformers_in_pieces(monkeypatch):
    """60,000 patches with 4 noise draws are more than one attention call takes."""
    model, data = build(), batch()
    whole = forward(model, data)
    monkeypatch.setattr("ditar.model.ditar.MOST_SEQUENCES", 3)
    sizes = []
    for part in (model.encoder, model.locdit):
        part.register_forward_hook(lambda _, inputs, output: sizes.append(len(inputs[0])))
    assert torch.allclose(forward(model, data).u, whole.u, atol=1e-5)
    assert max(sizes) == 3 and len(sizes) > 4


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"patches": (2, 6, PATCH, CHANNELS + 1)}, r"patches must be .*3 frames, 5 channels.* got \(2, 6, 3, 6\)"),
        ({"patches": (6, PATCH, CHANNELS)}, r"patches must be .* got \(6, 3, 5\)"),
        ({"symbol_ids": (1, 7)}, r"symbol_ids must be \(2 rows, symbols\).* got \(1, 7\)"),
        ({"noisy": (10, PATCH, CHANNELS)}, r"noisy must be \(K \* 9, 3, 5\).* got \(10, 3, 5\) and \(18,\)"),
        ({"noisy": (18, PATCH + 1, CHANNELS)}, r"got \(18, 4, 5\) and \(18,\)"),
        ({"times": (9,)}, r"got \(18, 3, 5\) and \(9,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(changes, message):
    data = batch()
    given = {
        "symbol_ids": data.symbol_ids, "symbol_counts": data.symbol_counts, "patches": data.latents,
        "patch_counts": data.patch_counts, "noisy": torch.zeros(18, PATCH, CHANNELS), "times": torch.zeros(18),
    }  # fmt: skip
    changed = {name: torch.zeros(shape, dtype=given[name].dtype) for name, shape in changes.items()}
    with pytest.raises(ValueError, match=message):
        build()(**{**given, **changed})


def test_an_untrained_model_predicts_next_to_nothing():
    """Its loss begins at the target's power, and not above."""
    torch.manual_seed(0)
    locdit, x = LocDiT(model_config().locdit, 16, CHANNELS, PATCH, 1), torch.randn(50, PATCH, CHANNELS)
    u = locdit(x, torch.rand(50), torch.randn(50, 16), x[:, None])
    assert u.std() < 0.1 and locdit.out.weight.std().item() == pytest.approx(0.02, rel=0.3)
