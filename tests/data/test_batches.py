"""Training examples, their plan over windows of shards, and their division among ranks."""

import io
import json
import math
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from ditar.config import DiTARDataConfig
from ditar.data.batches import NO_TARGET, DiTARBatches
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics

SYMBOLS = ("", " ", "a", "b", "c", "ˈ")
CONFIG = DiTARDataConfig(batch_patches=64, max_seconds=2.0)


def write_store(folder, utterances=40, speakers=4, channels=8, shards=1, timed=True, frames=None, values=None):
    """Latents whose first channel counts frames from 0; every symbol lasts two frames, then six frames of silence, or
    what `frames` leaves of it.

    The shards are made with the standard library alone: this runs where lhotse is not.
    """
    (folder / "shar").mkdir(parents=True)
    archives = [tarfile.open(folder / f"shar/latents.{k:06d}.tar", "w") for k in range(shards)]
    lines = []
    for number in range(utterances):
        symbols = ["ˈ", *["abc"[(number + k) % 3] for k in range(4 + number % 5)]]
        letters = len(symbols) - 1
        times = [[0.0, 0.05], *[[0.05 * k, 0.05 * (k + 1)] for k in range(letters)]]
        latents = np.zeros((frames or 2 * letters + 6, channels), dtype=np.float16)
        latents[:, 0] = np.arange(len(latents))
        latents[:, 1] = number
        utt, data = f"s{number % speakers}-{number:03d}", io.BytesIO()
        np.save(data, latents if values is None else values(latents, symbols))
        for name, content in ((f"{utt}.npy", data.getvalue()), (f"{utt}.json", b"{}")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archives[number % shards].addfile(member, io.BytesIO(content))
        lines.append(
            {
                "utt": utt,
                "speaker": f"s{number % speakers}",
                "shard": f"latents.{number % shards:06d}.tar",
                "frames": len(latents),
                "symbols": symbols,
                "times": times if timed else None,
                "text": "text",
            }
        )
    for archive in archives:
        archive.close()
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    statistics = {"latent_mean": torch.zeros(channels), "latent_std": torch.ones(channels)}
    save_file(statistics, folder / "statistics.safetensors")
    return LatentStore(folder, *read_statistics(folder))


@pytest.fixture
def batches(tmp_path):
    return DiTARBatches(write_store(tmp_path), CONFIG, 4, SYMBOLS, seed=3)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """120 utterances in 7 shards."""
    return write_store(tmp_path_factory.mktemp("sharded"), utterances=120, shards=7)


def windowed(store, shards_in_memory=3, seed=3, **config):
    return DiTARBatches(store, replace(CONFIG, shards_in_memory=shards_in_memory, **config), 4, SYMBOLS, seed)


def test_an_epoch_uses_every_utterance_once(batches):
    plan = batches.plan(0, 2.0)
    used = sorted(i for batch in plan for example in batch for i in example)
    assert used == list(range(40)) and batches.left_out(2.0) == []
    assert any(len(example) > 1 for batch in plan for example in batch)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    epoch=st.integers(0, 1000),
    limit=st.floats(0.35, 2.0),
    size=st.integers(1, 200),
    window=st.integers(1, 9),
    joined=st.floats(0, 1),
)
def test_no_utterance_twice_or_lost(sharded, seed, epoch, limit, size, window, joined):
    made = windowed(sharded, window, seed, batch_patches=size, joined_share=joined)
    plan = made.plan(epoch, limit)
    used = [sharded.entries[i].utt for batch in plan for example in batch for i in example]
    assert sorted(used + made.left_out(limit)) == sorted(e.utt for e in sharded.entries)
    assert len(made.left_out(limit)) == sum(e.frames > math.floor(limit * 40 + 0.5) for e in sharded.entries)
    assert all(batch for batch in plan)


def test_windows_share_no_shard_and_change_with_the_epoch(sharded):
    made = windowed(sharded)
    seen = []
    for epoch in (0, 1):
        order = list(dict.fromkeys(sharded.entries[i].shard for b in made.plan(epoch, 2.0) for e in b for i in e))
        shards = [{sharded.entries[i].shard for e in batch for i in e} for batch in made.plan(epoch, 2.0)]
        windows = [set(order[:3]), set(order[3:5]), set(order[5:])]  # 7 shards, 3 at a time: as equal as can be
        numbers = [next(n for n, window in enumerate(windows) if batch <= window) for batch in shards]
        assert numbers == sorted(numbers)
        seen.append(windows)
    assert seen[0] != seen[1]


def windows_begun(made, epoch, position):
    """Shards of the windows up to that of a batch."""
    (plan,), begun = made.plans.windows(epoch), []
    for window in plan:
        begun += window
        if {made.store.entries[i].shard for e in made.plan(epoch, 2.0)[position] for i in e} <= set(window):
            break
    return begun


def test_the_tensors_of_two_windows_are_in_memory_and_no_more(sharded):
    made = windowed(LatentStore(sharded.folder, sharded.mean, sharded.std), shards_in_memory=2)
    everything = windowed(sharded, shards_in_memory=2)
    for epoch in (0, 1):
        for position in range(len(made.plan(epoch, 2.0))):
            assert torch.equal(
                made.batch(epoch, position, 2.0).latents, everything.batch(epoch, position, 2.0).latents
            )
            held = {made.store.entries[i].shard for e in made.plan(epoch, 2.0)[position] for i in e}
            assert held <= made.store._held.keys() and len(made.store._held) <= 4 and made.store._aside == ("", {})
            later = [e.shard for e in made.store.entries if e.shard not in windows_begun(made, epoch, position)]
            assert not later or made.store._held.keys() & set(later)  # read ahead


def test_one_window_is_the_plan_without_windows(sharded):
    assert windowed(sharded, 7).plan(5, 2.0) == windowed(sharded, 64).plan(5, 2.0)


def rows(batch):
    """Each row of a batch by its name, without padding."""
    found = {}
    for row, name in enumerate(batch.examples):
        patches, symbols = int(batch.patch_counts[row]), int(batch.symbol_counts[row])
        found[name] = (
            batch.symbol_ids[row, :symbols],
            batch.latents[row, :patches],
            batch.frame_symbols[row, :patches],
            batch.spoken[row, :patches, :symbols],
        )
    return found


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_ranks_share_the_batch_of_one_process(sharded, ranks):
    alone, several = windowed(sharded), [windowed(sharded) for _ in range(ranks)]
    for position in range(len(alone.plan(2, 2.0))):
        expected = rows(alone.batch(2, position, 2.0))
        parts = [rows(made.batch(2, position, 2.0, rank, ranks)) for rank, made in enumerate(several)]
        assert sum(map(len, parts)) == len(expected)
        union = {name: values for part in parts for name, values in part.items()}
        assert union.keys() == expected.keys()
        for name, values in expected.items():
            assert all(torch.equal(a, b) for a, b in zip(values, union[name], strict=True))


def test_more_ranks_than_rows_leave_some_without(batches):
    batch = batches.batch(0, 0, 2.0, rank=1000, ranks=1001)
    assert batch.latents.shape == (0, 0, 4, 8) and batch.symbol_ids.shape == (0, 0)
    assert batch.spoken.shape == (0, 0, 0) and batch.frame_symbols.shape == (0, 0, 4)
    assert batch.patch_counts.dtype == batch.symbol_counts.dtype == torch.long
    assert batch.examples == batch.utterances == []


def test_the_last_batch_is_no_small_rest(sharded):
    """At most one row fewer than the one before, as far as the limit on patches lets it grow."""
    for size in range(40, 120):
        made = windowed(sharded, 64, batch_patches=size)
        patches = {e: sum(sharded.entries[i].frames for i in e) // 4 + 1 for b in made.plan(0, 2.0) for e in b}
        last = max(made.plan(0, 2.0), key=lambda batch: max(patches[e] for e in batch))
        assert len(last) >= size // (2 * max(patches.values()))


def test_names_of_examples(batches):
    names = [name for p in range(len(batches.plan(0, 2.0))) for name in batches.batch(0, p, 2.0).examples]
    assert len(set(names)) == len(names)
    assert sorted(utt for name in names for utt in name.split("+")) == sorted(e.utt for e in batches.store.entries)
    batch = batches.batch(0, 0, 2.0)
    assert "+".join(batch.utterances) == "+".join(batch.examples) and len(batch.examples) == len(batch.latents)


def test_randomness_belongs_to_the_example_and_not_to_its_place(batches):
    example = max((e for batch in batches.plan(0, 2.0) for e in batch), key=len)
    whole = batches.collate([batches._example(example, epoch=0)])
    places = [(p, batches.plan(0, 2.0)[p].index(example)) for p in range(len(batches.plan(0, 2.0)))
              if example in batches.plan(0, 2.0)[p]]  # fmt: skip
    ((position, row),) = places
    batch = batches.batch(0, position, 2.0)
    assert torch.equal(batch.latents[row, : int(batch.patch_counts[row])], whole.latents[0])
    crops = {int(batches._example(example, epoch).values[0, 0]) for epoch in range(20)}
    assert crops == {0, 1, 2, 3}
    firsts = {int(row[0, 0, 0]) for p in range(3) for row in batches.batch(0, p, 2.0).latents}
    assert firsts == {0, 1, 2, 3}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_the_joined_share_is_that_of_examples(tmp_path, share):
    store = write_store(tmp_path / "many", utterances=2000)
    plan = windowed(store, joined_share=share, batch_patches=4096).plan(0, 60.0)
    lengths = [len(example) for batch in plan for example in batch]
    joined = [length for length in lengths if length > 1]
    assert len(joined) / len(lengths) == pytest.approx(share, abs=0.03)
    assert not joined or sum(joined) / len(joined) == pytest.approx(2.67, abs=0.15)  # 2 + 0.4 + 0.4 ** 2 + ...


def test_a_space_and_a_pause_are_between_joined_utterances(tmp_path):
    """From 100 to 300 ms after the last sound, cut or lengthened; the last utterance stays as it is."""
    made = windowed(write_store(tmp_path / "some", utterances=200), joined_share=1.0, crop_frames=0)
    entries, pauses = made.store.entries, []
    for indices in (one for batch in made.plan(0, 12.0) for one in batch):
        example, parts = made._example(indices, 0), [entries[i] for i in indices]
        assert "".join(example.symbols) == " ".join("".join(part.symbols) for part in parts)
        numbers = example.values[:, 1].tolist()
        for number, part in zip(indices[:-1], parts):
            pauses.append(numbers.count(number) - 2 * (len(part.symbols) - 1))
        assert numbers.count(indices[-1]) > parts[-1].frames - 4  # but for what is no whole patch
    assert min(pauses) == 4 and max(pauses) == 12 and len(set(pauses)) == 9


def test_joined_utterances_are_of_one_voice(batches):
    for batch in batches.plan(1, 2.0):
        for example in batch:
            assert len({batches.store.entries[i].speaker for i in example}) == 1


def test_plan_and_batch_are_functions_of_seed_and_place(batches):
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
        assert batch.patch_counts.min() > 0


def test_utterances_of_a_patch_and_shorter(tmp_path):
    whole = windowed(write_store(tmp_path / "whole", frames=4), joined_share=0.0)
    for position in range(len(whole.plan(0, 2.0))):
        assert whole.batch(0, position, 2.0).patch_counts.tolist() == [1] * len(whole.plan(0, 2.0)[position])
    short = windowed(write_store(tmp_path / "short", frames=3))
    assert len(short.left_out(2.0)) == 40


def test_a_limit_that_leaves_nothing_is_refused(batches):
    with pytest.raises(DataError, match="none of the 40 utterances.*0.1 s; raise data.max_seconds"):
        batches.plan(0, 0.1)


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
                expected = SYMBOLS.index("abc"[(number + place) % 3]) if place < letters else len(SYMBOLS)
                assert int(target) == expected
                seen += 1
    assert seen > 300


def test_padding_has_no_target(batches):
    batch = batches.batch(0, 0, 2.0)
    for row, count in enumerate(batch.patch_counts):
        assert (batch.frame_symbols[row, count:] == NO_TARGET).all()
        assert not batch.spoken[row, count:].any()
        assert not batch.spoken[row, :, int(batch.symbol_counts[row]) :].any()


def test_unaligned_utterances_have_no_targets(tmp_path):
    batches = DiTARBatches(write_store(tmp_path, timed=False), CONFIG, 4, SYMBOLS, seed=3)
    batch = batches.batch(0, 0, 2.0)
    assert (batch.frame_symbols == NO_TARGET).all() and not batch.spoken.any()


def test_unknown_symbols_are_named_and_counted(tmp_path):
    with pytest.raises(DataError, match=r"lacks \['c'\], which 40 utterances of .* 's0-000' the first.*--skip-bad"):
        DiTARBatches(write_store(tmp_path), DiTARDataConfig(), 4, ("", " ", "a", "b", "ˈ"), seed=0)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """300 utterances in 25 shards."""
    return write_store(tmp_path_factory.mktemp("many"), utterances=300, shards=25)


def lanes(store, readers, shards_in_memory=8):
    fresh = LatentStore(store.folder, store.mean, store.std)
    return windowed(fresh, shards_in_memory, batch_patches=160, readers=readers)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_lanes_make_the_same_batches_for_any_number_of_ranks(many, ranks):
    alone, several = lanes(many, 4), [lanes(many, 4) for _ in range(ranks)]
    used = []
    for position, planned in enumerate(alone.plan(1, 2.0)):
        expected = rows(alone.batch(1, position, 2.0))
        parts = [rows(made.batch(1, position, 2.0, rank, ranks)) for rank, made in enumerate(several)]
        union = {name: values for part in parts for name, values in part.items()}
        assert sum(map(len, parts)) == len(union) == len(planned) and union.keys() == expected.keys()
        for name, values in expected.items():
            assert all(torch.equal(a, b) for a, b in zip(values, union[name], strict=True))
        used += [i for example in planned for i in example]
    assert sorted(used) == list(range(300))  # nothing lost, nothing twice


def test_each_shard_is_read_by_one_rank_once(many):
    several, read = [lanes(many, 4) for _ in range(2)], []
    for made in several:
        hold = made.store.hold

        def watched(shards, hold=hold, store=made.store, mine=read.append):
            before = set(store._held)
            hold(shards)
            for shard in store._held.keys() - before:
                mine((id(store), shard))

        made.store.hold = watched
    for position in range(len(several[0].plan(0, 2.0))):
        for rank, made in enumerate(several):
            made.batch(0, position, 2.0, rank, 2)
            assert len(made.store._held) <= 2 * 2 * 2 and made.store._aside == ("", {})  # lanes, windows, shards of each
    of_epoch = [shard for _, shard in read]
    first_of_next = {shard for lane in several[0].plans.windows(1) for shard in lane[0]}
    assert set(of_epoch) == set(many.shards)
    assert all(of_epoch.count(shard) == 1 for shard in set(many.shards) - first_of_next)
    readers = {shard: {store for store, name in read if name == shard} for shard in set(many.shards) - first_of_next}
    assert all(len(stores) == 1 for stores in readers.values())


def test_a_batch_is_as_large_with_lanes(many):
    one, four = lanes(many, 1), lanes(many, 4)
    sizes = [[sum(many.entries[i].frames for e in batch for i in e) for batch in made.plan(0, 2.0)] for made in (one, four)]
    assert sum(sizes[0]) == sum(sizes[1]) and 0.6 < len(sizes[0]) / len(sizes[1]) < 1.2


def test_more_ranks_than_readers_are_refused(many):
    with pytest.raises(DataError, match="data.readers is 4, and there are 5 ranks to read; give at least as many"):
        lanes(many, 4).batch(0, 0, 2.0, 0, 5)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_bad_shard_is_left_out_of_the_batches_of_any_number_of_ranks(tmp_path, ranks, capsys):
    whole = write_store(tmp_path, utterances=120, shards=10)
    bad = [whole.shards[3], whole.shards[6]]
    (tmp_path / "shar" / bad[0]).unlink()
    path = tmp_path / "shar" / bad[1]
    path.write_bytes(path.read_bytes()[:3000])
    stores = [LatentStore(tmp_path, whole.mean, whole.std, skip_bad=True) for _ in range(ranks)]
    several = [windowed(store, 4, batch_patches=160, readers=2) for store in stores]
    used = []
    for position in range(len(several[0].plan(0, 2.0))):
        for rank, made in enumerate(several):
            used += made.batch(0, position, 2.0, rank, ranks).utterances
    left = {e.utt for e in whole.entries if e.shard in bad}
    assert len(used) == len(set(used)) and not left & set(used)
    # What would have been joined with one of these utterances is left out with it.
    assert len(used) > 120 - 4 * len(left)
    said = capsys.readouterr().err
    assert said.count("left out, with its 12 utterances") == 2 and all(said.count(f"{name} ") == 1 for name in bad)
    with pytest.raises(DataError, match=f"{bad[0]} of the index does not exist.*--skip-bad-shards"):
        LatentStore(tmp_path, whole.mean, whole.std)
