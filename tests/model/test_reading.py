"""Monotonic reading: what is taught equals what is done, and nothing is left out."""

import numpy as np
import pytest
import torch

from ditar.data.frame_symbols import frame_places
from ditar.model.generate import GenerationInput, advance, collect_patches, generate_patches, start_decoding
from ditar.model.reading import MOST_HELD, MOST_TAIL_FRAMES, NEXT_SOUND, NO_TARGET, PAUSE, STAY
from ditar.train.checkpoint import CheckpointError
from ditar.train.speech_system import start_from_trained
from tests.model.examples import CHANNELS, PATCH, batch, build

SYMBOLS = ("_", *"abcd", " ", ".", "ˈ", "ː")
TEXT = "ab, ˈcːd."


def ids_of(text):
    return torch.tensor([SYMBOLS.index("." if symbol == "," else symbol) for symbol in text])


def reader():
    return build(alignment="monotonic", symbols=SYMBOLS)


def test_moves_go_to_the_next_sound_or_to_the_pause_before_it():
    moves = reader().reading.moves(torch.stack((ids_of(TEXT), ids_of("a" + "_" * 8))))
    #                place: -1  a  b  ,  _  ˈ  c  ː  d  .
    assert moves.sound[0].tolist() == [0, 1, 5, 5, 5, 5, 7, 7, 9, 9]
    assert moves.pause[0].tolist() == [-1, -1, 3, 3, -1, -1, -1, -1, 8, -1]
    assert moves.sound[1].tolist() == [0, *[9] * 9]
    assert moves.pause[1].tolist() == [-1] * 10


def alignment_of(frames, patches):
    found = torch.full((patches * PATCH,), NO_TARGET)
    found[: len(frames)] = torch.tensor(frames)
    return found.view(1, patches, PATCH)


def test_targets_of_the_head():
    reading = reader().reading
    ids = ids_of(TEXT)[None]
    frames = [-1, 0, 0, 1, 3, 3, 5, 7, 8, 8]
    #          .  a     b  pause  c  d  end
    expected = [STAY, NEXT_SOUND, STAY, NEXT_SOUND, PAUSE, STAY, NEXT_SOUND, NEXT_SOUND, PAUSE, STAY]
    found = reading.targets(ids, alignment_of(frames, 4)).flatten().tolist()
    assert found == expected + [NO_TARGET] * 2
    skipped = reading.targets(ids, alignment_of([0, 5], 1)).flatten().tolist()  # b has no frame
    assert skipped == [NEXT_SOUND, NO_TARGET, NO_TARGET]


@pytest.mark.parametrize("prompt", [0, 2])
def test_training_reads_what_generation_reads(prompt):
    """Teacher-forced on what was generated, h and the frames of every patch are the same."""
    model, ids, latents = reader(), ids_of("ab " + TEXT), batch((5,), (9,)).latents
    state = start_decoding(model, [GenerationInput(ids, latents[0, :prompt], None, 9, first=3)])
    hidden, spoken, places = [], [], []
    for i in range(prompt, 9):
        hidden.append(state.h)
        spoken.append(state.spoken)
        places.append(state.reading.place.item())
        if i < 8:
            state = advance(model, latents[:, i], state)
    # the frames of every patch again, from the head itself
    frames = [NO_TARGET] * (prompt * PATCH)
    if prompt:
        frames[-1] = 2
    reading, now = model.reading, model.reading.start([ids], [3])
    for h in hidden:
        for frame in range(PATCH):
            one = _one_frame(reading, h, now, frame)
            frames.append(one.place.item())
            now = one
    assert frames[prompt * PATCH + PATCH - 1 :: PATCH] == places
    if not prompt:  # a row that starts at a place other than its first cannot be told so without a reference
        return
    alignment = torch.tensor(frames).view(1, 9, PATCH)
    told, for_locdit, _ = reading.teach(ids[None], alignment)
    counts = torch.tensor([len(ids)]), torch.tensor([9])
    whole = model.condition(ids[None], counts[0], latents, counts[1], reading=told).h
    assert torch.allclose(torch.cat(hidden), whole[0, prompt:], atol=1e-12)
    assert torch.allclose(torch.cat(spoken), for_locdit[0, prompt:], atol=1e-12)


def _one_frame(reading, h, state, frame):
    """`Reading.read`, a frame at a time."""
    whole = reading.head_frame
    reading.head_frame = torch.nn.Embedding.from_pretrained(whole.weight[frame : frame + 1])
    try:
        return reading.read(h, state)
    finally:
        reading.head_frame = whole


@torch.inference_mode()
def test_everything_is_said_in_order_before_the_end():
    """Whatever the weights: each sound has a frame, and a row whose stop head always fires ends after the last."""
    for seed in range(5):
        torch.manual_seed(seed)
        model, ids = reader(), ids_of(TEXT)
        torch.nn.init.normal_(model.reading.head.weight, std=2.0)
        row = GenerationInput(ids, None, torch.Generator().manual_seed(0), 400, stop_threshold=0.0)
        state, seen = start_decoding(model, [row]), []
        steps = generate_patches(model, [row])
        for step in steps:
            seen.append(state.reading.place.item())
            assert step.ended[0] == bool(state.reading.finished[0]) or len(seen) == 400
            if not step.ended[0]:
                state = advance(model, step.patches, state)
        assert seen == sorted(seen)
        if len(seen) < 400:
            assert seen[-1] == 8


def test_nothing_lasts_for_ever():
    """A head that always says to stay is overruled, in a pause before the text as in a sound."""
    model, ids = reader(), ids_of(" ab.")
    torch.nn.init.zeros_(model.reading.head.weight)
    model.reading.head.bias.data = torch.tensor([50.0, 0.0, 0.0], dtype=model.dtype)
    row = GenerationInput(ids, None, torch.Generator().manual_seed(0), 100, first=1, stop_threshold=1.0)
    (made,) = collect_patches(generate_patches(model, [row]))
    _, lasting = made.places.flatten().unique(return_counts=True)
    assert lasting.tolist()[:3] == [MOST_HELD, MOST_HELD + 1, MOST_HELD + 1]


def test_speech_ends_after_a_tail_even_if_the_stop_head_never_fires():
    model, ids = reader(), ids_of("a.")
    model.reading.head.bias.data = torch.tensor([-50.0, 0.0, 1.0], dtype=model.dtype)
    row = GenerationInput(ids, None, torch.Generator().manual_seed(0), 100, stop_threshold=0.999999)
    (made,) = collect_patches(generate_patches(model, [row]))
    assert len(made.patches) == -(-(MOST_TAIL_FRAMES + 2) // PATCH)
    assert made.stop == 1.0


def test_guidance_hides_what_is_said_with_h():
    model = reader()
    data = batch((5,), (4,))
    data.alignment.copy_(torch.arange(12).view(1, 4, 3) // 3)
    inputs = (data.symbol_ids.clamp(max=8), data.symbol_counts, data.latents, data.patch_counts)
    noisy, times = torch.randn(4, PATCH, CHANNELS, dtype=model.dtype), torch.rand(4, dtype=model.dtype)
    hidden = {"keep_h": torch.zeros(1, 4, dtype=torch.bool)}
    one = model(*inputs, noisy, times, alignment=data.alignment, **hidden).u
    other = model(*inputs, noisy, times, alignment=data.alignment.flip(1), **hidden).u
    assert torch.allclose(one, other, atol=1e-12)
    shown = model(*inputs, noisy, times, alignment=data.alignment).u
    assert not torch.allclose(one, shown)


def test_a_trained_model_learns_to_read():
    old, new = build(symbols=SYMBOLS), reader()
    start_from_trained(new, old)
    assert torch.equal(new.embed.weight, old.embed.weight)
    with pytest.raises(CheckpointError, match="alignment"):
        start_from_trained(build(symbols=SYMBOLS), new)


def test_frames_of_timed_symbols():
    # stress has a time of its own, length none; "dd" shares a span; 0.1 s of silence at the comma, none at the space
    symbols = ["a", ",", " ", "ˈ", "b", "ː", "c", " ", "d", "d", "."]
    times = [[0.1, 0.2], None, None, [0.3, 0.35], [0.35, 0.4], None, [0.4, 0.5], [0.5, 0.55], [0.55, 0.75], [0.55, 0.75],
             None]  # fmt: skip
    places = frame_places(symbols, times, 36, 40.0).tolist()
    assert places[:4] == [-1] * 4
    assert places[4:8] == [0] * 4 and places[8:12] == [2] * 4 and places[12:16] == [4] * 4
    assert places[16:21] == [6] * 5  # with half of the space
    assert places[21:26] == [8] * 5 and places[26:30] == [9] * 4
    assert places[30:] == [10] * 6


@pytest.mark.parametrize("frames, times", [(1, [[0.0, 0.1], [0.1, 0.2]]), (9, [[0.0, 0.1], None])])
def test_without_times_or_frames_nothing_is_known(frames, times):
    assert frame_places(["a", "b"], times, frames, 40.0).tolist() == [NO_TARGET] * frames


def test_every_place_that_data_teaches_is_one_that_the_model_can_move_to():
    """Else the head would learn nothing from it, in silence."""
    random, reading = np.random.default_rng(0), reader().reading
    for _ in range(50):
        symbols = [*random.choice(SYMBOLS[1:], 11), "a"]
        edges = np.sort(random.uniform(0, 1, 2 * len(symbols))).reshape(-1, 2).tolist()
        times = [edge if symbol in "abcdˈ" or random.random() < 0.5 else None for symbol, edge in zip(symbols, edges)]
        places = frame_places(symbols, times, 45, 40.0).tolist()
        targets = reading.targets(ids_of(symbols)[None], alignment_of(places, 45 // PATCH))
        assert NO_TARGET not in places and not (targets == NO_TARGET).any()


def test_each_sound_has_a_frame():
    times = [[0.5, 0.51], [0.51, 0.52], [0.52, 0.53]]
    assert frame_places(["a", "b", "c"], times, 22, 40.0).tolist() == [-1] * 19 + [0, 1, 2]
