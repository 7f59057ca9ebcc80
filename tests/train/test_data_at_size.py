"""Training from shards that are shared among ranks, and with some that cannot be read."""

from dataclasses import replace

import pytest
import torch

from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.train.ditar_system import DiTARSystem
from tests.data.test_batches import write_store
from tests.train.test_loop import losses, make_config, run


def make(folder, shards=6, readers=3):
    store = write_store(folder, shards=shards)
    config = make_config(kind="adamw", steps=4)
    return store, replace(config, data=replace(config.data, readers=readers, shards_in_memory=3))


def test_a_rank_whose_lanes_have_ended_takes_part_with_nothing(tmp_path):
    store, config = make(tmp_path, shards=4)  # one lane has two of them
    system, alone = DiTARSystem(config, store, store), DiTARSystem(config, store, store)
    empty = 0
    for step in range(12):
        whole = alone.batch(step, 0, ("model",))
        parts = [system.batch(step, 0, ("model",), rank, 3) for rank in range(3)]
        empty += sum(not part.utterances for part in parts)
        assert sorted(utt for part in parts for utt in part.utterances) == sorted(whole.utterances)
        assert all(part.examples for part in parts)  # rows to compute with
        summed = sum(system.counts(part) for part in parts)
        assert torch.equal(summed, alone.counts(whole))
    assert empty  # at the end of an epoch


def test_training_goes_on_without_a_bad_shard(tmp_path, capsys):
    store, config = make(tmp_path)
    (tmp_path / "shar" / store.shards[2]).unlink()
    lenient = LatentStore(tmp_path, store.mean + 10, store.std * 20, skip_bad=True)
    system = DiTARSystem(config, lenient, write_store(tmp_path / "valid"))
    seen = {utt for step in range(12) for utt in system.batch(step, 0, ("model",)).utterances}
    assert seen and not seen & {e.utt for e in store.entries if e.shard == store.shards[2]}
    log = losses(run(config, lenient, tmp_path / "run"))
    assert list(log) == [1, 2, 3, 4] and all(value < 100 for value in log.values())
    assert "latents.000002.tar" in capsys.readouterr().err


def test_shards_that_are_all_bad_end_it(tmp_path):
    store, config = make(tmp_path)
    for shard in store.shards:
        (tmp_path / "shar" / shard).write_bytes(b"")
    system = DiTARSystem(config, LatentStore(tmp_path, store.mean, store.std, skip_bad=True), store)
    with pytest.raises(DataError, match="no utterance of the batch of step 0 can be read; repair the shards"):
        system.batch(0, 0, ("model",))
