from functools import cache
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.baseline.delay import DelayPattern

FRAME = 100  # codes are from here on, empty ids below


@st.composite
def cases(draw):
    """A pattern, and codes (B, Q, T) that tell every cell apart."""
    delays = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
    empty = draw(st.lists(st.integers(0, FRAME - 1), min_size=len(delays), max_size=len(delays)))
    rows, frames = draw(st.integers(1, 3)), draw(st.integers(0, 7))
    pattern = DelayPattern(delays, empty, leading_step=draw(st.booleans()), keep_tail=draw(st.booleans()))
    codes = FRAME + torch.arange(rows * len(delays) * frames).view(rows, len(delays), frames)
    return pattern, codes


def dropped(pattern, frames):
    """(Q, T) bool."""
    delays = torch.tensor(pattern.delays)[:, None] * (not pattern.keep_tail)
    return torch.arange(frames) >= frames - delays


@settings(deadline=None)
@given(cases())
def test_revert_undoes_apply_where_nothing_was_dropped(case):
    pattern, codes = case
    frames = codes.shape[2]
    delayed = pattern.apply(codes)
    assert delayed.shape == (*codes.shape[:2], pattern.steps(frames)) and pattern.frames(delayed.shape[2]) == frames
    empty = torch.tensor(pattern.empty_ids)[:, None]
    expected = torch.where(dropped(pattern, frames), empty, codes)
    assert torch.equal(pattern.revert(delayed), expected)
    assert not pattern.keep_tail or torch.equal(expected, codes)


@settings(deadline=None)
@given(cases())
def test_mask_is_the_cells_that_hold_a_frame(case):
    pattern, codes = case
    frames = codes.shape[2]
    mask, delayed = pattern.mask(frames), pattern.apply(codes)
    assert torch.equal(mask.expand(len(codes), -1, -1), delayed >= FRAME)
    assert mask.sum().item() == (~dropped(pattern, frames)).sum().item()
    if pattern.keep_tail:
        assert mask.sum(dim=1).tolist() == [frames] * len(pattern.delays)
    symmetric = pattern.mask(frames, symmetric=True)
    assert not (symmetric & ~mask).any()
    if not pattern.keep_tail:
        columns = symmetric[:, int(pattern.leading_step) :]
        assert columns.sum(dim=1).tolist() == [max(0, frames - 2 * d) for d in pattern.delays]


@settings(deadline=None)
@given(cases())
def test_logits_are_reverted_as_codes_are(case):
    pattern, codes = case
    frames = codes.shape[2]
    delayed = pattern.apply(codes)
    logits = pattern.revert_logits(torch.stack((delayed, -delayed), dim=-1).double())
    lost = dropped(pattern, frames).expand(codes.shape)
    assert logits.shape == (*codes.shape, 2) and logits[lost].isnan().all()
    kept = codes[~lost].double()
    assert torch.equal(logits[~lost], torch.stack((kept, -kept), dim=-1))


@settings(deadline=None)
@given(cases(), st.lists(st.integers(0, 7), min_size=1, max_size=3), st.booleans())
def test_masks_of_rows_of_different_length_are_those_of_each_alone(case, counts, symmetric):
    pattern, _ = case
    steps = pattern.steps(max(counts))
    masks = pattern.masks(torch.tensor(counts), steps, symmetric)
    for row, count in zip(masks, counts):
        alone = pattern.mask(count, symmetric)
        assert torch.equal(row[:, : alone.shape[1]], alone) and not row[:, alone.shape[1] :].any()


def rows(text):
    return torch.tensor([[int(c) for c in line.split()] for line in text.strip().splitlines()]).bool()


def test_the_staircase_of_the_examples():
    pattern = DelayPattern([3, 2, 1, 0], [9] * 4)
    staircase = """0 0 0 1 1 1
                   0 0 1 1 1 0
                   0 1 1 1 0 0
                   1 1 1 0 0 0"""
    assert torch.equal(pattern.mask(3), rows(staircase)) and pattern.steps(3) == 6


def test_the_symmetric_staircase_of_the_examples():
    pattern = DelayPattern([6, 5, 4, 3, 2, 1, 0], [9] * 7, keep_tail=False)
    mask = pattern.mask(20, symmetric=True)
    assert mask.shape == (7, 20) and mask.sum(dim=1).tolist() == [8, 10, 12, 14, 16, 18, 20]
    assert torch.equal(mask, mask.flip(1))
    assert pattern.mask(20).sum(dim=1).tolist() == [14, 15, 16, 17, 18, 19, 20]


def test_moshis_example():
    """Text without delay, semantic and acoustic tokens one step later; 7, 8, 9 are the empty ids."""
    codes = torch.tensor([[[11, 12, 13, 14], [21, 22, 23, 24], [31, 32, 33, 34]]])
    delayed = DelayPattern([0, 1, 1], [7, 8, 9]).apply(codes)
    assert delayed.tolist() == [[[11, 12, 13, 14, 7], [8, 21, 22, 23, 24], [9, 31, 32, 33, 34]]]
    rolled = DelayPattern([0, 1, 1], [7, 8, 9], keep_tail=False).apply(codes)
    assert rolled.tolist() == [[[11, 12, 13, 14], [8, 21, 22, 23], [9, 31, 32, 33]]]
    led = DelayPattern([0, 1, 1], [7, 8, 9], leading_step=True).apply(codes)
    assert led[..., 0].tolist() == [[7, 8, 9]] and torch.equal(led[..., 1:], delayed)


@cache
def build_delay_pattern_mask():
    pytest.importorskip("transformers")
    import_torchaudio()
    from transformers.models.musicgen.modeling_musicgen import MusicgenForCausalLM

    return MusicgenForCausalLM.build_delay_pattern_mask


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 6), st.integers(1, 8))
def test_equals_transformers(streams, batch, prompt, more):
    build = build_delay_pattern_mask()
    frames = prompt + more
    if frames + streams < 2 * streams - 1:
        return  # theirs masks nothing then
    owner = SimpleNamespace(num_codebooks=streams, config=SimpleNamespace(audio_channels=1))
    pattern = DelayPattern(range(streams), [2048] * streams, leading_step=True)
    known = torch.randint(0, 2048, (batch, streams, prompt), generator=torch.Generator().manual_seed(prompt))
    # Theirs reads the leading step as the prompt's first token.
    theirs = torch.cat((torch.full((batch, streams, 1), 2048), known), dim=2).flatten(0, 1)
    start, mask = build(owner, theirs, pad_token_id=2048, max_length=pattern.steps(frames))
    ours = pattern.apply(F.pad(known, (0, more), value=-1)).flatten(0, 1)  # -1: what is to be predicted
    assert torch.equal(ours, mask)
    assert torch.equal(start, ours[:, : start.shape[1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [5]), "2 delays and 1 empty ids"),
        (([], []), "0 delays and 0 empty ids"),
        (([0, -1], [5, 5]), r"at least 0 frames, got \[0, -1\]"),
    ],
)
def test_patterns_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        DelayPattern(*arguments)


def test_other_numbers_of_streams_and_too_few_steps_are_quoted():
    pattern = DelayPattern([0, 3], [5, 5], leading_step=True)
    with pytest.raises(ValueError, match=r"\(1, 3, 4\) does not have the 2 streams"):
        pattern.apply(torch.zeros(1, 3, 4))
    with pytest.raises(ValueError, match=r"\(1, 3, 9\) does not have the 2 streams"):
        pattern.revert(torch.zeros(1, 3, 9))
    with pytest.raises(ValueError, match=r"3 steps are fewer than the 4 that delays \[0, 3\]"):
        pattern.revert(torch.zeros(1, 2, 3))
