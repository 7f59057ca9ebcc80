"""References that are cut anywhere and transcripts that are not known, in examples and alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ditar.config import DiTARDataConfig
from ditar.data.batches import NO_TARGET, DiTARBatches
from ditar.data.errors import DataError
from ditar.data.references import ExamplePart, as_reference, cut_anywhere
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT
from tests.data.test_batches import SYMBOLS, write_store

RATE_HZ = 40.0


@pytest.fixture
def piece() -> ExamplePart:
    """Three seconds: ten letters, one every 0.2 s, and a second of silence; frame k has the value k."""
    times = [[0.2 * k, 0.2 * (k + 1)] for k in range(10)]
    return ExamplePart(list("abcdefghij"), times, torch.arange(120.0)[:, None])


@pytest.mark.parametrize("seed", range(20))
def test_symbols_and_frames_of_a_cut_belong_together(piece, seed):
    cut = cut_anywhere(piece, RATE_HZ, np.random.default_rng(seed))
    start, end = cut.values[0].item() / RATE_HZ, (cut.values[-1].item() + 1) / RATE_HZ
    assert end - start >= 1.0
    assert cut.ends_open == (end < 3.0)
    inside = [s for s, t in zip(piece.symbols, piece.times) if start <= (t[0] + t[1]) / 2 < end]
    if inside:
        assert cut.symbols == inside
        for symbol, (first, _) in zip(cut.symbols, cut.times):
            assert first + start == pytest.approx(0.2 * piece.symbols.index(symbol))


def test_what_cannot_be_cut_stays(piece):
    random = np.random.default_rng(0)
    short = replace(piece, values=piece.values[:40])
    assert cut_anywhere(short, RATE_HZ, random) is short
    untimed = replace(piece, times=None)
    assert cut_anywhere(untimed, RATE_HZ, random) is untimed


def test_unknown_and_wrong_transcripts_are_marked(piece):
    def made(**shares):
        options = replace(DiTARDataConfig(), **shares)
        return as_reference(piece, [("x", "y")], options, RATE_HZ, np.random.default_rng(0))

    assert made() is piece
    unknown, wrong = made(transcript_unknown=1.0), made(transcript_wrong=1.0)
    assert unknown.symbols == [UNKNOWN_TRANSCRIPT] and not unknown.transcribed
    assert wrong.symbols == [UNKNOWN_TRANSCRIPT, "x", "y"] and not wrong.transcribed
    assert torch.equal(unknown.values, piece.values)


def test_nothing_is_asked_of_frames_whose_transcript_is_unknown(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, joined_share=1.0, crop_frames=0, transcript_unknown=1.0)
    batches = DiTARBatches(write_store(tmp_path), config, 4, (*SYMBOLS, UNKNOWN_TRANSCRIPT), seed=0)
    joined = 0
    for position, examples in enumerate(batches.plan(0, 2.0)):
        batch = batches.batch(0, position, 2.0)
        for row, indices in enumerate(examples):
            first = batch.symbol_ids[row, 0].item()
            if len(indices) == 1:
                assert first != len(SYMBOLS)
                continue
            joined += 1
            assert first == len(SYMBOLS)
            assert batch.frame_symbols[row].flatten()[0] == NO_TARGET
            assert batch.spoken[row].any()  # the target's symbols are
    assert joined > 5


def test_speakers_are_heard_evenly_and_in_turn(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, most_per_speaker=3)
    store = write_store(tmp_path, utterances=40, speakers=4)
    batches = DiTARBatches(store, config, 4, SYMBOLS, seed=0)
    epochs = [[i for batch in batches.plan(epoch, 2.0) for e in batch for i in e] for epoch in range(12)]
    for epoch in epochs:
        assert len(epoch) == len(set(epoch)) == 12
    assert set().union(*epochs) == set(range(40))


def test_a_vocabulary_without_the_symbol_is_refused(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, transcript_unknown=0.1)
    with pytest.raises(DataError, match="no symbol for unknown transcripts.*transcript_wrong to 0"):
        DiTARBatches(write_store(tmp_path), config, 4, SYMBOLS, seed=0)


def test_monotonic_reading_begins_after_the_reference(tmp_path):
    """References are whole patches; what follows is read from the space after them on, in order; losses cover that."""
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, joined_share=1.0, crop_frames=0)
    batches = DiTARBatches(write_store(tmp_path), config, 4, SYMBOLS, seed=0, monotonic=True)
    joined = 0
    for position, examples in enumerate(batches.plan(0, 2.0)):
        batch = batches.batch(0, position, 2.0)
        for row, indices in enumerate(examples):
            ids, places = batch.symbol_ids[row].tolist(), batch.alignment[row].flatten().tolist()
            known = [place for place in places if place != NO_TARGET]
            assert known == sorted(known)
            sounds = [i for i, s in enumerate(ids[: int(batch.symbol_counts[row])]) if SYMBOLS[s] in ("a", "b", "c")]
            assert {place for place in known if place in sounds} == {s for s in sounds if s >= known[0]}
            assert not batch.trained[row, int(batch.patch_counts[row]) :].any()
            if len(indices) > 1:
                joined += 1
                begin = places.index(known[0])
                assert begin % 4 == 3 and SYMBOLS[ids[known[0]]] == " "  # the last frame of a reference
                assert batch.trained[row].tolist().index(True) == (begin + 1) // 4
            else:
                assert batch.trained[row, 0] and places[0] in (-1, sounds[0])
    assert joined > 5


def test_without_times_monotonic_reading_trains_nothing(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0)
    batches = DiTARBatches(write_store(tmp_path, timed=False), config, 4, SYMBOLS, seed=0, monotonic=True)
    assert not batches.batch(0, 0, 2.0).trained.any()
