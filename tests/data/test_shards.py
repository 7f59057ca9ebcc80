"""Shards of latents: lhotse reads what lhotse's writer wrote, and so do we; what was killed goes on."""

import json

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from ditar.data.latents import LatentStore, read_index, read_statistics
from ditar.data.shards import Latents, LatentWriter
from ditar.storage.atomic_write import WriteError

lhotse = pytest.importorskip("lhotse")
STATISTICS = {"latent_mean": torch.zeros(8), "latent_std": torch.ones(8)}


def make(number):
    """Utterances of every length that rounding could hurt; odd names and symbols."""
    random = np.random.default_rng(number)
    frames = [1, 2, 7, 119, 120 + number, 333]
    return [
        Latents(
            f"ann.b-{number}-{k}",
            "ann.b",
            random.standard_normal((count, 8)).astype(np.float32),
            ["ˈ", "ə", " "],
            [[0.0125, 0.1], None, [0.1, 1 / 3]] if k % 2 else None,
            f"Say “{k}”.",
        )
        for k, count in enumerate(frames)
    ]


def write(folder, shards=(0, 1, 2), close=True, made_from="x", keys="abc"):
    writer = LatentWriter(folder)
    if not writer.begin({"made_from": made_from}, keys):
        for number in sorted({*shards} & {*writer.unfinished(3)}):
            writer.write(number, make(number) if number != 1 else [], {"skipped": {f"bad-{number}": "it is\nbad"}})
        if close:
            records = [writer.record(number) for number in range(3)]
            writer.close(3, STATISTICS, {u: why for record in records for u, why in record["skipped"].items()})
    return folder


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_lhotse_and_training_read_the_same(tmp_path):
    folder = write(tmp_path / "a")
    store = LatentStore(folder, *read_statistics(folder))
    cuts = list(lhotse.CutSet.from_shar(in_dir=folder / "shar"))
    expected = [*make(0), *make(2)]  # shard 1 is empty
    assert len(store.entries) == len(cuts) == len(expected)
    for entry, cut, source in zip(store.entries, cuts, expected, strict=True):
        supervision = cut.supervisions[0]
        assert entry.utt == cut.id == supervision.id == source.utt
        assert entry.speaker == supervision.speaker == source.speaker
        assert entry.text == supervision.text == source.text
        assert list(entry.symbols) == supervision.custom["symbols"] == source.symbols
        assert entry.times == supervision.custom["times"] == source.times
        assert cut.duration == entry.frames / 40 == len(source.mean) / 40
        array = cut.load_latents()
        assert array.dtype == np.float16 and np.array_equal(array, source.mean.astype(np.float16))
        assert np.array_equal(store.latents(entry.utt).numpy(), array.astype(np.float32))


def test_a_folder_is_complete_when_it_has_its_index(tmp_path):
    folder = write(tmp_path / "a", close=False)
    assert not (folder / "index.jsonl").exists()
    write(folder)
    assert sorted(p.name for p in folder.iterdir()) == [
        "index.jsonl", "made_from.json", "shar", "skipped", "statistics.safetensors",
    ]  # fmt: skip
    assert (folder / "skipped").read_text() == "bad-0 it is bad\nbad-1 it is bad\nbad-2 it is bad\n"


def test_what_was_killed_goes_on_and_gives_the_same_bytes(tmp_path, monkeypatch):
    whole = contents(write(tmp_path / "whole", shards=(2, 1, 0)))  # in any order
    folder = tmp_path / "killed"

    def killed(*_):
        raise KeyboardInterrupt

    write(folder, shards=(0,), close=False)
    with monkeypatch.context() as patch:  # shard 2 is on disk, and what says so is not
        patch.setattr("ditar.data.shards.write_lines", killed)
        with pytest.raises(KeyboardInterrupt):
            LatentWriter(folder).write(2, make(2), {})
    assert (folder / "shar/latents.000002.tar").exists() and LatentWriter(folder).unfinished(3) == [1, 2]
    finished = (folder / "shar/latents.000000.tar").stat().st_mtime_ns
    assert contents(write(folder)) == whole
    assert whole["shar/cuts.000000.jsonl.gz"][4:8] == bytes(4)  # no time: other days give the same bytes too
    assert (folder / "shar/latents.000000.tar").stat().st_mtime_ns == finished  # not written again


def test_what_was_made_from_something_else_is_made_anew(tmp_path):
    folder = write(tmp_path / "a")
    assert LatentWriter(folder).begin({"made_from": "x"}, "abc")
    assert len(read_index(folder)) == 12
    for common, keys in (({"made_from": "y"}, "abc"), ({"made_from": "x"}, "abd")):
        folder = write(tmp_path / f"{common['made_from']}{keys}")
        assert not LatentWriter(folder).begin(common, keys)
        made_from = json.dumps({"common": common, "shards": list(keys)}).encode() + b"\n"
        assert contents(folder) == {"made_from.json": made_from}


def test_an_unfinished_folder_keeps_the_shards_that_have_not_changed(tmp_path):
    folder = write(tmp_path / "a", close=False)
    writer = LatentWriter(folder)
    assert not writer.begin({"made_from": "x"}, "abd")
    assert writer.unfinished(3) == [2]
    writer.write(2, [], {"skipped": {}})  # its files of before are not left behind
    assert sorted(p.name for p in (folder / "shar").iterdir()) == ["cuts.000000.jsonl.gz", "latents.000000.tar"]


def test_a_disk_that_refuses_the_statistics_leaves_no_index_and_the_same_call_goes_on(tmp_path, monkeypatch):
    def refuse(tensors, path, metadata):
        path.write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr("ditar.storage.weights.save_file", refuse)
        with pytest.raises(WriteError, match="statistics.safetensors cannot be written: .*No space left"):
            write(tmp_path / "a")
    assert not [p.name for p in (tmp_path / "a").iterdir() if p.name == "index.jsonl" or "statistics" in p.name]
    assert contents(write(tmp_path / "a")) == contents(write(tmp_path / "b"))


def test_a_disk_that_is_full_keeps_no_half_of_a_shard_and_the_same_call_goes_on(tmp_path, monkeypatch):
    def refuse(self, utterance):
        assert [path.is_dir() for path in (tmp_path / "a/.shards").iterdir()] == [True]  # it has begun
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LatentWriter, "_cut", refuse)
        for _ in range(2):
            with pytest.raises(WriteError, match=r"latents.000000.tar cannot be written in .*: No space left.*; free"):
                write(tmp_path / "a")
    assert not [*(tmp_path / "a/.shards").iterdir(), *(tmp_path / "a/shar").iterdir()]
    assert contents(write(tmp_path / "a")) == contents(write(tmp_path / "b"))
