from dataclasses import replace

import pytest
import torch

from ditar.diffusion.ddim import DDIM
from ditar.diffusion.diffusers_solver import DiffusersSolver
from ditar.model import sampler
from ditar.model.generate import (
    GenerationInput,
    OtherVoice,
    advance,
    advance_batch,
    collect_patches,
    draw_patches,
    generate_patches,
    join_batches,
    start_batch,
    start_decoding,
)
from tests.model.examples import CHANNELS, PATCH, SYMBOLS, VARIANTS, batch, build


def row(symbols=5, prompt=3, seed=0, dtype=torch.float64, prompt_shape=None, **changes):
    """Never stops by itself, 4 patches."""
    noise = torch.Generator().manual_seed(1000 + seed)
    ids = torch.randint(1, len(SYMBOLS), (symbols,), generator=noise)
    clip = torch.randn(prompt, PATCH, CHANNELS, generator=noise, dtype=dtype)
    if prompt_shape is not None:
        clip = torch.zeros(prompt_shape, dtype=dtype)
    defaults = {"generator": torch.Generator().manual_seed(seed), "max_patches": 4, "stop_threshold": 2.0}
    return GenerationInput(ids, clip, **(defaults | changes))


def patches_of(model, **changes):
    return collect_patches(generate_patches(model, [row(dtype=model.dtype, **changes)]))[0].patches


@pytest.mark.parametrize("changes", [v for v in VARIANTS if "alignment" not in v])  # for that one see test_reading.py
@pytest.mark.parametrize("prompt", [0, 1, 3])
def test_cached_equals_uncached(changes, prompt):
    model, data = build(**changes), batch((5,), (6,))
    whole = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    state = start_decoding(model, [GenerationInput(data.symbol_ids[0], data.latents[0, :prompt], None, 6)])
    for i in range(prompt, 6):
        assert torch.allclose(state.h, whole[:, i], atol=1e-12)
        count = model.config.history_patches
        seen = data.latents[:, max(0, i - count) : i]
        assert torch.equal(state.history[:, count - seen.shape[1] :], seen)
        assert state.exists.sum() == min(count, i)
        if i < 5:
            state = advance(model, data.latents[:, i], state)


@pytest.mark.parametrize("changes", [{}, {"audio_positions": "continue"}])
def test_cached_rows_of_different_texts_and_prompts_equal_uncached(changes):
    model, data, prompts = build(**changes), batch((3, 6, 4), (7, 7, 7)), (0, 1, 4)
    whole = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts).h
    texts = [ids[:count] for ids, count in zip(data.symbol_ids, data.symbol_counts)]
    rows = [GenerationInput(ids, x[:n], None, 7) for ids, x, n in zip(texts, data.latents, prompts)]
    state = start_decoding(model, rows)
    going = [0, 1, 2]
    for i in range(3):
        at = [prompts[r] + i for r in going]
        assert torch.allclose(state.h, whole[going, at], atol=1e-12)
        state = advance(model, data.latents[going, at], state)
        if i == 1:  # a row leaves; the others go on
            going, state = [0, 2], state.select([0, 2])


@pytest.mark.parametrize("scale, rows", [(2.0, 2), (1.0, 1)])
def test_forward_counts(scale, rows):
    model = build(torch.float32)
    seen = {"lm": [], "locdit": []}
    model.lm.transformer.register_forward_hook(lambda m, inputs, o: seen["lm"].append(inputs[0].shape[:2]))
    model.locdit.transformer.register_forward_hook(lambda m, inputs, o: seen["locdit"].append(len(inputs[0])))
    assert patches_of(model, guidance_scale=scale, solver=DDIM(7)).shape == (4, PATCH, CHANNELS)
    # Once for each patch; nothing is read behind the last.
    assert seen["lm"] == [(1, 5 + 1 + 3), (1, 1), (1, 1), (1, 1)]
    assert seen["locdit"] == [rows] * 7 * 4


def other(symbols, prompt, share, dtype):
    """A second voice for a row."""
    second = row(symbols, prompt, seed=50 + symbols, dtype=dtype)
    return (OtherVoice(second.symbol_ids, second.prompt, share),)


def ragged(dtype):
    """Rows that have nothing in common but the number of steps."""
    ends = {"stop_threshold": 0.0}  # at once, from min_patches on
    full, half = DDIM(3), DDIM(3, 0.5)
    return [
        dict(symbols=5, prompt=3, seed=1, dtype=dtype, max_patches=9, solver=full),
        dict(symbols=9, prompt=0, seed=2, dtype=dtype, max_patches=3, solver=half, guidance_scale=1.0,
             others=other(4, 2, 0.3, dtype)),
        dict(symbols=2, prompt=7, seed=3, dtype=dtype, max_patches=9, min_patches=5, solver=full, **ends),
        dict(symbols=7, prompt=1, seed=4, dtype=dtype, max_patches=7, solver=half, guidance_scale=3.0,
             others=other(8, 5, 0.5, dtype)),
        dict(symbols=4, prompt=2, seed=5, dtype=dtype, max_patches=1, solver=DDIM(3, 0.0)),
    ]


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-11), (torch.float32, 1e-4)])
def test_rows_of_a_batch_equal_single_runs(changes, dtype, tolerance):
    model, rows = build(dtype, **changes), ragged(dtype)
    together = collect_patches(generate_patches(model, [row(**options) for options in rows]))
    assert [len(made.patches) for made in together] == [9, 3, 5, 7, 1]
    for made, options in zip(together, rows):
        (alone,) = collect_patches(generate_patches(model, [row(**options)]))
        assert made.patches.shape == alone.patches.shape
        assert torch.allclose(made.patches, alone.patches, atol=tolerance)
        assert made.stop == pytest.approx(alone.stop, abs=tolerance)


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-11), (torch.float32, 1e-4)])
def test_rows_that_join_a_running_batch_equal_single_runs(changes, dtype, tolerance):
    model, options = build(dtype, **changes), ragged(dtype)
    waiting = {0: [0], 2: [1, 2], 3: [3], 5: [4]}  # before which patch who joins; the others are under way or have left
    made, batch, names, cancelled = {row: [] for row in range(5)}, None, [], (3, 4)
    for patch in range(9):
        if patch in waiting:
            more = start_batch(model, [row(**options[name]) for name in waiting[patch]])
            batch = more if batch is None else join_batches(model, batch, more)
            names += waiting[patch]
        step = draw_patches(model, batch)
        going = []
        for place, name in enumerate(names):
            made[name].append(step.patches[place])
            if not step.ended[place] and (name, len(made[name])) != cancelled:
                going.append(place)
        names = [names[place] for place in going]
        if going:
            batch = advance_batch(model, batch, step.patches, going)
    assert names == [] and [len(made[name]) for name in range(5)] == [9, 3, 5, 4, 1]
    for name in range(5):
        (alone,) = collect_patches(generate_patches(model, [row(**options[name])]))
        patches = torch.stack(made[name])
        assert torch.allclose(patches, alone.patches[: len(patches)], atol=tolerance), name


def test_a_blend_is_the_mean_of_what_its_voices_make_of_the_same_patches():
    model, second = build(), row(6, 2, seed=9)
    blended = row(others=(OtherVoice(second.symbol_ids, second.prompt, 0.3),))
    states = [start_decoding(model, [one]) for one in (blended, row(), second)]
    for _ in range(3):
        both, one, two = (state.h for state in states)
        assert torch.allclose(both, 0.7 * one + 0.3 * two, atol=1e-12)
        assert not torch.allclose(one, two, atol=0.01)
        patch = torch.randn(1, PATCH, CHANNELS, dtype=torch.float64)
        states = [advance(model, patch, state) for state in states]


@pytest.mark.parametrize("changes", VARIANTS)
def test_a_voice_blended_with_itself_is_itself(changes):
    model, itself = build(**changes), row()
    others = (OtherVoice(itself.symbol_ids, itself.prompt, 0.4),)
    assert torch.allclose(patches_of(model, others=others), patches_of(model), atol=1e-11)


def test_a_batch_that_rows_join_for_long_does_not_grow():
    model, slots = build(), []
    batch = start_batch(model, [row(seed=0)])
    for seed in range(1, 12):
        step = draw_patches(model, batch)
        batch = advance_batch(model, batch, step.patches, [place for place, over in enumerate(step.ended) if not over])
        batch = join_batches(model, batch, start_batch(model, [row(seed=seed)]))
        slots.append(batch.state.lm.cache.valid.shape[1])
    assert len(batch.rows) == 4 and max(slots) == 5 + 1 + 3 + 3 + 4  # text, begin, prompt, read, to come


def test_only_rows_of_a_kind_join():
    model = build()
    with pytest.raises(ValueError, match=r"same number of inference steps, got \[2, 3\]"):
        join_batches(model, start_batch(model, [row(solver=DDIM(2))]), start_batch(model, [row(solver=DDIM(3))]))
    with pytest.raises(ValueError, match="guidance at the same part of the steps"):
        join_batches(model, start_batch(model, [row()]), start_batch(model, [row()], (0.0, 0.5)))


def test_a_row_that_has_ended_costs_nothing():
    model, rows = build(), [row(**options) for options in ragged(torch.float64)]
    read_rows, sampled_rows = [], []
    model.lm.transformer.register_forward_hook(lambda m, inputs, o: read_rows.append(len(inputs[0])))
    model.locdit.transformer.register_forward_hook(lambda m, inputs, o: sampled_rows.append(len(inputs[0])))
    steps = list(generate_patches(model, rows))
    going = [(0, 1, 2, 3), (0, 2, 3), (0, 3), (0,)]
    assert [step.rows for step in steps] == [(0, 1, 2, 3, 4), *(rows for rows in going for _ in range(2))]
    # The prefill, and then only what goes on; rows 1 and 3 are blends, of two of the LM's rows each.
    assert read_rows == [7, 6, 6, 4, 4, 3, 3, 1, 1]
    assert sampled_rows[::3] == [9, 7, 7, 6, 6, 4, 4, 2, 2]  # both branches, but where there is no guidance
    before = rows[4].generator.get_state()
    assert torch.equal(before, torch.Generator().manual_seed(5).get_state())  # temperature 0 draws nothing


def test_seed_temperature_and_guidance():
    model = build()
    first = patches_of(model)
    torch.manual_seed(99)  # the global generator plays no part
    assert torch.equal(patches_of(model), first)
    other = {"generator": torch.Generator().manual_seed(1)}
    assert not torch.allclose(patches_of(model, **other), first)
    assert not torch.allclose(patches_of(model, guidance_scale=1.0), first)
    still = patches_of(model, solver=DDIM(5, 0.0))
    assert torch.equal(patches_of(model, solver=DDIM(5, 0.0), **other), still)


def test_guidance_equals_two_separate_passes():
    model, one_row = build(), row(max_patches=1, solver=DDIM(1), guidance_scale=3.0)
    state = start_decoding(model, [one_row])
    (both,) = collect_patches(generate_patches(model, [one_row]))
    x = torch.randn(1, PATCH, CHANNELS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    u, plain = (model.locdit(x, one, h, state.history) for h in (state.h, torch.zeros_like(state.h)))
    assert torch.allclose(both.patches, -(plain + 3.0 * (u - plain)))  # from t = 1 to 0 in one step: x0 = -u


@pytest.mark.parametrize("dtype, wide", [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_solvers_compute_in_float32_or_wider_whatever_the_weights_have(dtype, wide, scale):
    seen = []

    class Watched(DDIM):
        def step(self, index, u, x, generator=None):
            seen.append((u.dtype, x.dtype))
            return super().step(index, u, x, generator)

    made = patches_of(build(dtype), solver=Watched(3), guidance_scale=scale)
    assert made.dtype == dtype and set(seen) == {(wide, wide)} and len(seen) == 4 * 3


def test_guidance_rises_towards_the_data(monkeypatch):
    """By the times of each row: scale - 1 is rise ** (1 / 2 - t) times what it is in the middle."""
    model, scales, guide = build(), [], sampler.guide
    monkeypatch.setattr(sampler, "guide", lambda c, u, scale: scales.append(scale.flatten().tolist()) or guide(c, u, scale))

    def rows():
        cold, plain = {"solver": DDIM(4, 0.4), "guidance_scale": 2.0}, {"solver": DDIM(4), "guidance_scale": 3.0}
        chosen = ({**plain, "guidance_rise": 4.0}, {**cold, "guidance_rise": 9.0}, plain, {**plain, "guidance_scale": 1.0})
        return [row(max_patches=1, seed=seed, **options) for seed, options in enumerate(chosen)]

    together = collect_patches(generate_patches(model, rows()))
    cold, even = DDIM(4, 0.4).times[:-1], (1.0, 0.75, 0.5, 0.25)
    wanted = [[1 + 2 * 4 ** (0.5 - t), 1 + 9 ** (0.5 - s), 3.0] for t, s in zip(even, cold)]
    assert scales == [pytest.approx(step) for step in wanted]
    for number, made in enumerate(together):
        (alone,) = collect_patches(generate_patches(model, [rows()[number]]))
        assert torch.allclose(alone.patches, made.patches)
    (same,) = collect_patches(generate_patches(model, [replace(rows()[0], guidance_rise=1.0)]))
    assert not torch.allclose(same.patches, together[0].patches)


@pytest.mark.parametrize("changes", [{}, {"locdit_prefix_cached": True}])
def test_guidance_over_part_of_the_steps(changes):
    model, sizes = build(**changes), []

    def patches(steps, **options):
        rows = [row(solver=DDIM(4), max_patches=2, **options)]
        (made,) = collect_patches(generate_patches(model, rows, guidance_steps=steps))
        return made.patches

    whole, none = patches((0.0, 1.0)), patches((0.0, 1.0), guidance_scale=1.0)
    model.locdit.transformer.register_forward_hook(lambda m, inputs, o: sizes.append(len(inputs[0])))
    early = patches((0.0, 0.5))
    per_patch = [2] * bool(changes) + [2, 2, 1, 1]  # the cached prefix is read for both branches
    assert sizes == per_patch * 2
    assert not torch.allclose(early, whole) and not torch.allclose(early, none)
    assert torch.allclose(patches((0.0, 0.5), guidance_scale=1.0), none)
    for bad in ((0.5, 0.5), (-0.1, 1.0), (0.0, 1.1)):
        with pytest.raises(ValueError, match="guidance_steps must be"):
            patches(bad)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", ["dpm-solver++", "unipc", "diffusers-ddim"])
def test_few_steps_of_every_solver(name, steps):
    model = build()
    rows = [row(solver=solver, seed=s) for s, solver in enumerate([DiffusersSolver(name, steps)] * 2)]
    together = collect_patches(generate_patches(model, rows))
    (alone,) = collect_patches(generate_patches(model, [row(solver=DiffusersSolver(name, steps), seed=1)]))
    assert torch.isfinite(alone.patches).all() and torch.allclose(together[1].patches, alone.patches, atol=1e-10)


def test_stops_behind_the_patch_that_says_so_but_not_too_early():
    model = build()
    torch.nn.init.constant_(model.stop_head.bias, 20.0)
    stopping = {"stop_threshold": None, "prompt": 0}
    (made,) = collect_patches(generate_patches(model, [row(**stopping)]))
    assert len(made.patches) == 1 and made.stop > 0.99
    (made,) = collect_patches(generate_patches(model, [row(**stopping, min_patches=3)]))
    assert len(made.patches) == 3
    torch.nn.init.constant_(model.stop_head.bias, -20.0)
    (made,) = collect_patches(generate_patches(model, [row(**stopping)]))
    assert len(made.patches) == 4 and made.stop < 0.01


@pytest.mark.parametrize(
    "rows, message",
    [
        ([], "no rows"),
        ([dict(symbols=0)], r"row 0 must have symbol_ids .* got \(0,\)"),
        ([{}, dict(prompt_shape=(2, PATCH, CHANNELS + 1))], r"3 frames, 5 channels.* got \(1, 2, 3, 6\)"),
        ([dict(prompt_shape=(PATCH, CHANNELS))], r"patches must be .* got \(1, 3, 5\)"),
        ([{}, dict(max_patches=0)], "row 1 must have 1 <= min_patches <= max_patches, got 1 and 0"),
        ([dict(min_patches=5)], "got 5 and 4"),
        ([dict(solver=DDIM(2)), dict(solver=DDIM(3))], r"same number of inference steps, got \[2, 3\]"),
    ],
)
def test_errors(rows, message):
    with pytest.raises(ValueError, match=message):
        next(generate_patches(build(), [row(**options) for options in rows]))
