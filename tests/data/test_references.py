"""References that are cut anywhere and transcripts that are not known, in examples and alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ditar.config import DiTARDataConfig
from ditar.data.batches import NO_TARGET, DiTARBatches
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, ShardError, _read_shard
from ditar.data.references import ExamplePart, as_reference, cut_anywhere
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT
from tests.data.test_batches import SYMBOLS, write_store

RATE_HZ = 40.0
LONG = {"batch_patches": 64, "max_seconds": 4.0, "joined_share": 1.0}


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


def poor_store(folder, **options):
    """The same utterances as `write_store` makes; all values are 1000 higher."""

    def values(latents, symbols):
        return latents + 1000

    return write_store(folder, values=values, **options)


@pytest.mark.parametrize("monotonic", [False, True])
@pytest.mark.parametrize(
    "also",
    [{}, {"crop_frames": 4}, {"transcript_unknown": 1.0}, {"transcript_wrong": 1.0}, {"reference_cut": 1.0}],
    ids=lambda also: "".join(also),
)
def test_poor_references_are_heard_and_not_learnt(tmp_path, monotonic, also):
    """All that is of the poor recording lies before what is trained, in whole patches; what follows is clean. So it is
    whatever else happens to references."""
    config = DiTARDataConfig(**{"crop_frames": 0, "reference_poor": 1.0, **also}, **LONG)
    size = {"utterances": 16, "frames": 60}  # of which more than a second can be cut out
    store, poor = write_store(tmp_path / "clean", **size), poor_store(tmp_path / "poor", **size)
    symbols = (*SYMBOLS, UNKNOWN_TRANSCRIPT)
    batches = DiTARBatches(store, config, 4, symbols, seed=0, monotonic=monotonic, poor=poor)
    joined = 0
    for position, examples in enumerate(batches.plan(0, 4.0)):
        batch = batches.batch(0, position, 4.0)
        for row, indices in enumerate(examples):
            count = int(batch.patch_counts[row])
            heard = batch.latents[row, :count, :, 0] * store.std[0] + store.mean[0] >= 900  # (patches, frames)
            if len(indices) == 1:
                assert not heard.any() and batch.trained[row, :count].all()
                continue
            joined += 1
            first = int(heard.any(-1).sum())
            assert first > 0 and heard[: first - 1].all()
            assert not heard.any(-1)[first:].any()
            assert batch.trained[row].tolist() == [first <= n < count for n in range(batch.trained.shape[1])]
    assert joined > 3


def test_the_share_of_poor_references_is_that_of_the_configuration(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, joined_share=1.0, crop_frames=0, reference_poor=0.5)
    store, poor = write_store(tmp_path / "clean"), poor_store(tmp_path / "poor")
    batches = DiTARBatches(store, config, 4, SYMBOLS, seed=0, poor=poor)
    found = [
        not batch.trained[row, 0].item()
        for epoch in range(20)
        for position, examples in enumerate(batches.plan(epoch, 2.0))
        for batch in [batches.batch(epoch, position, 2.0)]
        for row, indices in enumerate(examples)
        if len(indices) > 1
    ]
    assert len(found) > 150 and 0.4 < sum(found) / len(found) < 0.6


def test_poor_references_that_do_not_fit_are_refused(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, reference_poor=0.3)
    store, poor = write_store(tmp_path / "clean"), poor_store(tmp_path / "poor")
    with pytest.raises(DataError, match="reference_poor is 0.3.*--poor-recordings"):
        DiTARBatches(store, config, 4, SYMBOLS, seed=0)
    with pytest.raises(DataError, match="poor holds poor recordings.*reference_poor 0 uses none"):
        DiTARBatches(store, replace(config, reference_poor=0.0), 4, SYMBOLS, seed=0, poor=poor)
    for name, options in (("fewer", {"utterances": 39}), ("longer", {"frames": 30}), ("shards", {"shards": 2})):
        other = poor_store(tmp_path / name, **options)
        with pytest.raises(DataError, match=f"{name} holds other utterances, or in other shards.*same --shard-size"):
            DiTARBatches(store, config, 4, SYMBOLS, seed=0, poor=other)
    with pytest.raises(DataError, match="clean holds no poor recordings: its latents are those of .*clean; make them"):
        DiTARBatches(store, config, 4, SYMBOLS, seed=0, poor=LatentStore(tmp_path / "clean", store.mean, store.std))
    copy, store.made_from = poor_store(tmp_path / "copy"), '{"common": {"encoder": "0123"}}'
    copy.made_from = store.made_from  # as of the clean recordings
    with pytest.raises(DataError, match="copy holds no poor recordings"):
        DiTARBatches(store, config, 4, SYMBOLS, seed=0, poor=copy)


def test_shards_of_poor_recordings_are_read_ahead_and_once(tmp_path, monkeypatch):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, joined_share=1.0, reference_poor=1.0, crop_frames=0)
    store, poor = write_store(tmp_path / "clean", shards=4), poor_store(tmp_path / "poor", shards=4)
    read = []

    def noted(place, count):
        read.append(place)
        return _read_shard(place, count)

    monkeypatch.setattr("ditar.data.latents._read_shard", noted)
    batches = DiTARBatches(store, config, 4, SYMBOLS, seed=0, poor=poor)
    for position in range(len(batches.plan(0, 2.0))):
        batches.batch(0, position, 2.0)
    assert sorted(place for place in read if "/poor/" in place) == [
        str(tmp_path / f"poor/shar/latents.{number:06d}.tar") for number in range(4)
    ]


def test_a_damaged_shard_of_poor_recordings_is_left_out_or_named(tmp_path):
    config = DiTARDataConfig(batch_patches=64, max_seconds=2.0, joined_share=1.0, crop_frames=0, reference_poor=1.0)
    poor_store(tmp_path / "poor", shards=2)
    (tmp_path / "poor/shar/latents.000001.tar").write_bytes(b"nothing")
    for skip in (False, True):
        store = write_store(tmp_path / f"clean{skip}", shards=2)
        store.skip_bad = skip
        poor = LatentStore(tmp_path / "poor", store.mean, store.std, skip_bad=skip)
        batches = DiTARBatches(store, config, 4, SYMBOLS, seed=0, poor=poor)
        positions = range(len(batches.plan(0, 2.0)))
        if not skip:
            with pytest.raises(ShardError, match="latents.000001.tar"):
                [batches.batch(0, position, 2.0) for position in positions]
            continue
        used = [utt for position in positions for utt in batches.batch(0, position, 2.0).utterances]
        assert used and {store._shard_of[utt] for utt in used} == {"latents.000000.tar"}
