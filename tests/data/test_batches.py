"""Examples and batches of DiTAR's training."""

from dataclasses import replace

import pytest
import torch

from ditar.config import DiTARDataConfig
from ditar.data.batches import NO_TARGET, DiTARBatches
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, LatentWriter, read_statistics

SYMBOLS = ("", " ", "a", "b", "c", "ˈ")


def write_store(folder, utterances=40, speakers=4, channels=8):
    """Latents whose first channel counts frames from 0; every symbol lasts two frames, then six frames of silence."""
    writer = LatentWriter(folder)
    for number in range(utterances):
        symbols = ["ˈ", *["abc"[(number + k) % 3] for k in range(4 + number % 5)]]
        letters = len(symbols) - 1
        frames = 2 * letters + 6
        times = [[0.0, 0.05], *[[0.05 * k, 0.05 * (k + 1)] for k in range(letters)]]
        latents = torch.zeros(frames, channels)
        latents[:, 0] = torch.arange(frames)
        latents[:, 1] = number
        writer.add(f"s{number % speakers}-{number:03d}", f"s{number % speakers}", latents, symbols, times, "text")
    writer.close({"latent_mean": torch.zeros(channels), "latent_std": torch.ones(channels)})
    return LatentStore(folder, *read_statistics(folder))


@pytest.fixture
def batches(tmp_path):
    return DiTARBatches(write_store(tmp_path), DiTARDataConfig(batch_patches=64, max_seconds=2.0), 4, SYMBOLS, seed=3)


def test_an_epoch_uses_every_utterance_once(batches):
    plan = batches.plan(0, 2.0)
    used = sorted(i for batch in plan for example in batch for i in example)
    assert used == list(range(40))
    assert any(len(example) > 1 for batch in plan for example in batch)


def test_joined_utterances_are_of_one_voice(batches):
    for batch in batches.plan(1, 2.0):
        for example in batch:
            assert len({batches.store.entries[i].speaker for i in example}) == 1


def test_plan_and_batch_are_functions_of_seed_and_place(batches, tmp_path):
    again = DiTARBatches(batches.store, batches.config, 4, SYMBOLS, seed=3)
    again.plan(5, 2.0)  # what was asked for before does not matter
    one, two = batches.batch(2, 1, 2.0), again.batch(2, 1, 2.0)
    assert one.utterances == two.utterances
    assert torch.equal(one.latents, two.latents)
    other = DiTARBatches(batches.store, batches.config, 4, SYMBOLS, seed=4)
    assert other.plan(2, 2.0) != batches.plan(2, 2.0)


def test_batches_keep_to_their_size_and_limit(batches):
    for position, _ in enumerate(batches.plan(0, 0.6)):
        batch = batches.batch(0, position, 0.6)
        assert batch.latents.shape[0] * batch.latents.shape[1] <= 64
        assert batch.patch_counts.max() * 4 <= 0.6 * 40 + 16  # joined ones may gain a pause


def test_helpers_targets_follow_crop_and_join(batches):
    """The frame counter in channel 0 tells which symbol a frame speaks, whatever was cropped or joined."""
    seen = 0
    for position, _ in enumerate(batches.plan(0, 2.0)):
        batch = batches.batch(0, position, 2.0)
        for row in range(len(batch.latents)):
            frames = batch.latents[row].flatten(0, 1)[: int(batch.patch_counts[row]) * 4]
            targets = batch.frame_symbols[row].flatten()[: len(frames)]
            for frame, target in zip(frames, targets):
                number = int(frame[1])
                letters, place = 4 + number % 5, int(frame[0]) // 2
                expected = SYMBOLS.index("abc"[(number + place) % 3]) if place < letters else batches.silence_id
                assert int(target) == expected
                seen += 1
    assert seen > 300


def test_padding_has_no_target(batches):
    batch = batches.batch(0, 0, 2.0)
    for row, count in enumerate(batch.patch_counts):
        assert (batch.frame_symbols[row, count:] == NO_TARGET).all()
        assert not batch.spoken[row, count:].any()
        assert not batch.spoken[row, :, int(batch.symbol_counts[row]) :].any()


def test_unaligned_utterances_have_no_targets(batches):
    entries = [replace(e, times=None) for e in batches.store.entries]
    batches.store.entries = entries
    batch = batches.batch(0, 0, 2.0)
    assert (batch.frame_symbols == NO_TARGET).all() and not batch.spoken.any()


def test_unknown_symbol_is_named(tmp_path):
    with pytest.raises(DataError, match="'c'"):
        DiTARBatches(write_store(tmp_path), DiTARDataConfig(), 4, ("", " ", "a", "b", "ˈ"), seed=0)


def test_missing_index_names_the_stage(tmp_path):
    with pytest.raises(DataError, match="stage 3"):
        LatentStore(tmp_path / "none", torch.zeros(8), torch.ones(8))
