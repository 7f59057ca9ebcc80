"""Latents as training reads them: the index, and shards held in memory."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ditar.data import latents
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_index, read_statistics
from tests.data.test_batches import write_store


@pytest.fixture
def store(tmp_path):
    """12 utterances in 4 shards."""
    return write_store(tmp_path, utterances=12, shards=4)


def test_the_index_tells_what_was_written(store):
    entry = read_index(store.folder)[5]
    assert (entry.utt, entry.speaker, entry.shard, entry.frames) == ("s1-005", "s1", "latents.000001.tar", 14)
    assert entry.symbols == ("ˈ", "c", "a", "b", "c") and entry.text == "text"
    assert entry.times == [[0.0, 0.05], [0.0, 0.05], [0.05, 0.1], [0.05 * 2, 0.05 * 3], [0.05 * 3, 0.05 * 4]]


def test_latents_are_normalised(store):
    mean, std = torch.arange(8.0), torch.full((8,), 4.0)
    values = LatentStore(store.folder, mean, std).latents("s3-007")
    assert values.dtype == torch.float32 and torch.equal(values[:, 1], torch.full((len(values),), (7 - 1) / 4))


def test_only_held_shards_are_in_memory(store, monkeypatch):
    read = []
    real = latents._read_shard
    monkeypatch.setattr(latents, "_read_shard", lambda place, n: read.append(Path(place).name) or real(place, n))
    monkeypatch.setattr(latents, "READERS", 1)
    store.hold(store.shards[:2])
    for entry in store.entries:
        if entry.shard in store.shards[:2]:
            assert store.latents(entry.utt).shape == (entry.frames, 8)
    assert read == store.shards[:2]
    store.hold(store.shards[1:3])  # the second is there already
    assert store.latents("s2-002")[0, 1] == 2 and read == store.shards[:3]
    for utt in ("s3-003", "s3-007", "s3-011"):  # of a shard that isn't held: read once
        store.latents(utt)
    assert read == store.shards and len(store._held) == 2


def test_shards_are_read_in_the_background(store, monkeypatch):
    """`hold` returns before anything is read, and what is asked for waits for its own shard only."""
    gates = {shard: threading.Event() for shard in store.shards}
    real, read = latents._read_shard, []

    def slow(place, count):
        name = Path(place).name
        read.append(name)
        gates[name].wait(10)
        return real(place, count)

    monkeypatch.setattr(latents, "_read_shard", slow)
    monkeypatch.setattr(latents, "READERS", 1)
    started = time.perf_counter()
    store.hold(store.shards)
    assert time.perf_counter() - started < 5
    gates[store.shards[0]].set()
    assert store.latents("s0-000")[0, 1] == 0
    pending, deadline = store._held[store.shards[1]], time.monotonic() + 10
    while not pending.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pending.running()  # the gate of the second is closed
    store.hold([store.shards[0], store.shards[3]])
    for gate in gates.values():
        gate.set()
    assert store.latents("s3-003")[0, 1] == 3
    pending.result(10)  # was begun before it was dropped
    assert read == [store.shards[0], store.shards[1], store.shards[3]]  # the third was dropped before it was begun
    assert set(store._held) == {store.shards[0], store.shards[3]}


def test_a_slow_disk_keeps_the_others_from_nobody(store, monkeypatch):
    gate, real = threading.Event(), latents._read_shard

    def slow(place, count):
        if store.shards[0] in place:
            gate.wait(10)
        return real(place, count)

    monkeypatch.setattr(latents, "_read_shard", slow)
    store.hold(store.shards)
    assert store.latents("s1-001")[0, 1] == 1 and store.latents("s3-003")[0, 1] == 3
    assert not store._held[store.shards[0]].done()
    gate.set()
    assert store.latents("s0-000")[0, 1] == 0


def test_latents_that_are_no_numbers_are_named(store):
    path = store.folder / "shar" / store.shards[0]
    content = bytearray(path.read_bytes())
    end = content.index(b"\n", content.index(b"NUMPY")) + 1  # of the header of the first tensor
    content[end : end + 2] = np.float16(np.nan).tobytes()
    path.write_bytes(content)
    with pytest.raises(DataError, match="the latents of 's0-000' hold values that are no numbers; extract latents again"):
        store.latents("s0-000")


def test_what_is_missing_or_broken_is_named(store, tmp_path):
    with pytest.raises(DataError, match="index.jsonl does not exist.*stage 3"):
        LatentStore(tmp_path / "none", torch.zeros(8), torch.ones(8))
    with pytest.raises(DataError, match="statistics.safetensors does not exist.*--statistics"):
        read_statistics(tmp_path / "none")
    path = store.folder / "shar" / store.shards[0]
    content = path.read_bytes()
    path.write_bytes(content[:700])  # within the first tensor
    store.hold(store.shards)
    with pytest.raises(DataError, match="latents.000000.tar cannot be read"):
        store.latents("s0-000")
    path.write_bytes(content[: 4 * 512] + bytes(1024))  # ends behind the first utterance
    store.hold([])
    with pytest.raises(DataError, match="latents.000000.tar is cut short: it holds 1 of the .* utterances of the index"):
        store.latents("s0-000")
    path.unlink()
    with pytest.raises(DataError, match="latents.000000.tar of the index does not exist"):
        LatentStore(store.folder, store.mean, store.std)
    (store.folder / "index.jsonl").write_text('{"utt": "a"}\n')
    with pytest.raises(DataError, match="not an index of latents"):
        read_index(store.folder)
