"""Speaker embeddings: added where they belong, row by row, and learnt from a clip."""

from dataclasses import replace

import pytest
import torch

from ditar.config import DiTARLossConfig
from ditar.diffusion.schedule import add_noise, velocity
from ditar.model import speaker
from ditar.model.generate import (
    advance_batch,
    collect_patches,
    draw_patches,
    generate_patches,
    join_batches,
    start_batch,
)
from ditar.model.locdit import LocDiT
from ditar.model.patches import histories, history_exists
from ditar.model.speaker import learn_speaker, speaker_fingerprint
from ditar.storage.weights import ModelError
from tests.model.examples import CHANNELS, PATCH, VARIANTS, batch, build
from tests.model.test_generate import row


def embedding(model, seed=0, scale=0.3):
    noise = torch.Generator().manual_seed(seed)
    return scale * torch.randn(model.locdit.speaker_size, generator=noise, dtype=model.dtype)


def inputs(model, rows=3):
    torch.manual_seed(1)
    new = torch.zeros(0, dtype=model.dtype).new_tensor
    shape = rows, model.config.history_patches, PATCH, CHANNELS
    past, exists = torch.randn(shape, dtype=model.dtype), torch.ones(shape[:2], dtype=torch.bool)
    h = torch.randn(rows, model.config.lm.width, dtype=model.dtype)
    return torch.randn(rows, PATCH, CHANNELS, dtype=model.dtype), new([0.2, 0.5, 0.9]), h, past, exists


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_number_of_an_embedding_counts(changes):
    """And zeros are no embedding."""
    model = build(**changes)
    given, size = inputs(model), model.locdit.speaker_size
    vectors = torch.zeros(3, size, dtype=model.dtype, requires_grad=True)
    plain, with_zeros = model.locdit(*given), model.locdit(*given, speaker=vectors)
    assert torch.allclose(plain, with_zeros, atol=1e-12)
    (slope,) = torch.autograd.grad(with_zeros.square().sum(), [vectors])
    unused = 0 if model.config.history_patches else model.config.locdit.width
    assert (slope.abs().sum(0) > 0).sum() == size - unused


@pytest.mark.parametrize("changes", VARIANTS)
def test_steps_after_a_shared_context_are_the_pass_of_training(changes):
    model = build(**changes)
    noisy, times, h, past, exists = inputs(model)
    speaker = torch.stack([embedding(model, seed) for seed in range(3)])
    once = model.locdit(noisy, times, h, past, exists, speaker=speaker)
    context = model.locdit.context(h, past, exists, speaker=speaker)
    assert torch.allclose(model.locdit.denoise(noisy, model.locdit.time(times), context), once, atol=1e-12)
    two = model.locdit.denoise(noisy[:2], model.locdit.time(times[:2]), context.first(2))
    assert torch.allclose(two, once[:2], atol=1e-12)
    assert not torch.allclose(model.locdit(noisy, times, h, past, exists), once, atol=1e-3)


def spoken(model, rows):
    return [one.patches for one in collect_patches(generate_patches(model, rows))]


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_rows_with_other_embeddings_or_none_are_as_if_alone(scale):
    model = build()
    speakers = [embedding(model, 1), None, embedding(model, 2)]

    def rows():
        return [row(seed=7, guidance_scale=scale, speaker=speaker) for speaker in speakers]

    together = spoken(model, rows())
    for one, alone in zip(together, rows()):
        assert torch.allclose(one, spoken(model, [alone])[0], atol=1e-10)
    assert not torch.allclose(together[0], together[1], atol=1e-3)
    assert not torch.allclose(together[0], together[2], atol=1e-3)


def test_a_row_with_an_embedding_joins_and_stays_as_if_alone():
    model, speaker = build(), embedding(build())
    (expected,) = spoken(model, [row(seed=2, speaker=speaker)])
    running = start_batch(model, [row(seed=1)])
    running = advance_batch(model, running, draw_patches(model, running).patches, [0])
    both = join_batches(model, running, start_batch(model, [row(seed=2, speaker=speaker)]))
    made = draw_patches(model, both).patches
    assert torch.allclose(made[1], expected[0], atol=1e-10)
    left = advance_batch(model, both, made, [1])
    assert torch.allclose(draw_patches(model, left).patches[0], expected[1], atol=1e-10)


@torch.no_grad()
def clip_loss(model, data, speaker):
    """The diffusion loss of a clip, with noise that nothing was learnt with."""
    noise = torch.Generator().manual_seed(99)
    clean = data.latents[0]
    taught = model.reading.teach(data.symbol_ids, data.alignment) if model.reading is not None else None
    read = taught and taught.for_lm
    h = model.condition(data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts, reading=read).h[0]
    past = histories(data.latents, model.config.history_patches)[0]
    exists = history_exists(len(clean), model.config.history_patches)
    spoken = None if taught is None else taught.for_locdit[0]
    total = 0.0
    for time in (0.2, 0.5, 0.8):
        eps = torch.randn(clean.shape, generator=noise).to(clean)
        times = torch.full((len(clean),), time, dtype=clean.dtype)
        u = model.locdit(add_noise(clean, eps, time), times, h, past, exists, spoken, speaker=speaker)
        total += (u - velocity(clean, eps, time)).square().mean().item()
    return total


@pytest.mark.parametrize("changes", VARIANTS)
def test_what_is_learnt_makes_the_clip_likelier_and_changes_no_weight(changes):
    model, data = build(torch.float32, **changes), batch((4,), (30,), torch.float32)
    data = replace(data, latents=data.latents + 1.5)  # a voice, as such a model can hear one
    torch.nn.init.normal_(model.locdit.out.weight, std=0.5)  # as of a model that has learnt something
    before = {name: value.clone() for name, value in model.state_dict().items()}
    places = data.alignment[0] if model.reading is not None else None
    vectors = learn_speaker(model, data.symbol_ids[0], data.latents[0], places, seed=3)
    assert vectors.shape == (model.locdit.speaker_size,) and vectors.dtype == torch.float32
    assert clip_loss(model, data, vectors[None]) < 0.9 * clip_loss(model, data, None)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    again = learn_speaker(model, data.symbol_ids[0], data.latents[0], places, seed=3)
    assert torch.equal(vectors, again)


@pytest.mark.parametrize("changes", VARIANTS)
def test_of_a_reference_nothing_is_learnt_but_it_is_heard(changes, monkeypatch):
    model, data = build(torch.float32, **changes), batch((4,), (30,), torch.float32)
    given, heard = [], speaker._learn
    monkeypatch.setattr(speaker, "_learn", lambda *some: given.append(some) or heard(*some))
    places = data.alignment[0] if model.reading is not None else None
    latents = data.latents[0].clone()
    first = learn_speaker(model, data.symbol_ids[0], latents, places, first=25, steps=2)
    latents[:20] += 1.0  # no history reaches there
    second = learn_speaker(model, data.symbol_ids[0], latents, places, first=25, steps=2)
    (_, h, clean, spoken, *_), (_, other_h, *_) = given
    assert len(h) == 5 and len(clean) == 30 and (spoken is None) == (model.reading is None)
    assert spoken is None or len(spoken) == 5
    assert not torch.equal(h, other_h) and not torch.equal(first, second)


def test_the_first_patch_to_learn_from_has_the_end_of_the_reference_as_history(monkeypatch):
    model, data, seen = build(torch.float32), batch((4,), (30,), torch.float32), []
    heard = LocDiT.forward
    monkeypatch.setattr(LocDiT, "forward", lambda *given, **rest: seen.append(given[4:6]) or heard(*given, **rest))
    quiet = DiTARLossConfig(noise_draws=1, h_dropout=1e-9, history_noise=1e-9, history_dropout=1e-9)
    monkeypatch.setattr(speaker, "LOSS", quiet)
    places = data.alignment[0] if model.reading is not None else None
    count = model.config.history_patches
    for first in (25, 0):
        learn_speaker(model, data.symbol_ids[0], data.latents[0], places, first=first, steps=1)
    (past, exists), (from_nothing, missing) = seen
    assert exists.all() and torch.equal(past[0], data.latents[0, 25 - count : 25])
    assert not missing[0].any() and torch.allclose(from_nothing[25:], past, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_is_learnt_in_inference_mode_and_in_any_precision(dtype):
    model, data = build(dtype), batch((4,), (8,), torch.float32)
    outside = learn_speaker(model, data.symbol_ids[0], data.latents[0], None, steps=2)
    with torch.inference_mode():
        inside = learn_speaker(model, data.symbol_ids[0], data.latents[0] + 0.0, None, steps=2)
    assert torch.equal(inside, outside) and inside.isfinite().all() and inside.abs().max() > 0


def test_each_step_is_told_and_may_be_the_last():
    model, data, told = build(torch.float32), batch((4,), (8,), torch.float32), []

    def on_step(step, steps):
        told.append((step, steps))
        if step == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        learn_speaker(model, data.symbol_ids[0], data.latents[0], None, steps=5, on_step=on_step)
    assert told == [(0, 5), (1, 5), (2, 5), (3, 5)]


def test_learning_compiles_nothing():
    model, data, compiled = build(torch.float32), batch((4,), (8,), torch.float32), []
    model.locdit.transformer.compile(backend=lambda graph, _: compiled.append(graph) or graph.forward)
    learn_speaker(model, data.symbol_ids[0], data.latents[0], None, steps=2)
    assert not compiled


def test_a_distilled_model_learns_none_and_uses_its_teachers():
    teacher, student = build(), build(distilled_guidance=4.0)
    with pytest.raises(ModelError, match="that it was distilled from, and speak with either"):
        learn_speaker(student, torch.tensor([1]), torch.zeros(2, PATCH, CHANNELS), None)
    rest = {name: value for name, value in teacher.state_dict().items() if not name.startswith("locdit.")}
    student.load_state_dict(rest, strict=False)
    assert speaker_fingerprint(student) == speaker_fingerprint(teacher)
    assert speaker_fingerprint(build(torch.float32)) == speaker_fingerprint(build(torch.float32).half())
    negative = build()
    negative.stop_head.bias.data.zero_().neg_()
    zero = build()
    zero.stop_head.bias.data.zero_()
    assert speaker_fingerprint(negative) == speaker_fingerprint(zero)
    other = build()
    other.embed.weight.data += 0.1
    assert speaker_fingerprint(other) != speaker_fingerprint(build())
