"""What was learnt of clips is kept for all that it depends on, and for nothing else."""

import os
import pickle
import pwd
from dataclasses import replace

import pytest
import torch
from safetensors import SafetensorError

from ditar.synthesis import learnt
from ditar.synthesis.learnt import learnt_folder
from ditar.synthesis.reference import read_reference
from ditar.synthesis.voice import voice_key
from tests.tiny import clip, tiny_pipeline


@pytest.fixture
def reference(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return read_reference(clip(), "Hello there.", "ann")


class Steps(list):
    def __call__(self, step, steps):
        self.append(step)


def learnt_in(pipeline, reference):
    """The voice, and whether it was learnt now."""
    steps = Steps()
    voice = pipeline.create_voice(reference, adapt=True, on_step=steps, learnt=learnt_folder())
    return voice, bool(steps)


def test_it_is_what_would_be_learnt_again(reference):
    pipeline = tiny_pipeline()
    plain = pipeline.create_voice(reference, adapt=True)
    for now in (True, False):
        voice, learned = learnt_in(pipeline, reference)
        assert learned == now and torch.equal(voice.embedding.vectors, plain.embedding.vectors)
        assert voice_key(voice) == voice_key(plain) and voice.warnings == plain.warnings and voice.name == "ann"
    (kept,) = learnt_folder().iterdir()
    assert kept.stat().st_size < 20_000 and learnt_folder().stat().st_mode & 0o077 == 0


def test_another_clip_text_or_model_is_learnt_anew(reference):
    pipeline = tiny_pipeline()
    assert learnt_in(pipeline, reference)[1]
    others = [replace(reference, clip=reference.clip * 0.9), replace(reference, text="Hello, there.")]
    assert all(learnt_in(pipeline, other)[1] for other in others)
    with torch.no_grad():  # of LocDiT, on which the fingerprint of an embedding does not depend
        next(iter(pipeline.ditar.locdit.parameters())).mul_(1.01)
    assert learnt_in(pipeline, reference)[1]
    assert learnt_in(pipeline.to(torch.bfloat16), reference)[1]
    assert not learnt_in(pipeline, reference)[1]
    same_weights = tiny_pipeline(trained_seconds=1.5), tiny_pipeline(trained_seconds=20.0)
    assert all(learnt_in(one, reference)[1] for one in same_weights)


def test_computers_that_share_a_home_learn_each_for_itself(reference, monkeypatch):
    """One of them computes in bfloat16, say, and the other does not."""
    pipeline = tiny_pipeline()
    assert learnt_in(pipeline, reference)[1]
    monkeypatch.setattr(learnt, "capabilities", lambda device: ["avx2"])
    assert learnt_in(pipeline, reference)[1] and not learnt_in(pipeline, reference)[1]


def test_a_clip_by_another_name_is_not_learnt_again(reference):
    """Unless it is doubted: warnings name the voice."""
    pipeline, good = tiny_pipeline(), replace(reference, unfit="")
    first = learnt_in(pipeline, good)[0]
    voice, learned = learnt_in(pipeline, replace(good, name="bob"))
    assert not learned and voice.name == "bob" and torch.equal(voice.embedding.vectors, first.embedding.vectors)
    poor = replace(reference, unfit="it is poor")
    assert learnt_in(pipeline, poor)[1] and not learnt_in(pipeline, poor)[1]
    voice, learned = learnt_in(pipeline, replace(poor, name="bob"))
    assert learned and "the voice 'bob'" in voice.warnings[-1]


def test_another_way_of_learning_is_learnt_anew(reference, monkeypatch):
    pipeline = tiny_pipeline()
    assert learnt_in(pipeline, reference)[1]
    monkeypatch.setattr(learnt.speaker, "STEPS", learnt.speaker.STEPS - 1)
    assert learnt_in(pipeline, reference)[1]


def test_the_number_of_threads_makes_no_other_voice(reference):
    """It is measured when a program starts: a resumed list would find its voice changed."""
    pipeline, threads = tiny_pipeline(), torch.get_num_threads()
    first, _ = learnt_in(pipeline, reference)
    try:
        torch.set_num_threads(threads + 1)
        again, learned = learnt_in(pipeline, reference)
    finally:
        torch.set_num_threads(threads)
    assert not learned and voice_key(again) == voice_key(first)


def test_warnings_are_of_the_voice_that_has_them(reference):
    pipeline = tiny_pipeline()
    for name in ("ann", "bob"):
        warnings = learnt_in(pipeline, replace(reference, name=name, unfit="it is noisy"))[0].warnings
        assert f"what was learnt of the voice {name!r} holds more than the voice" in warnings[-1]


def test_a_damaged_file_is_learnt_again(reference):
    pipeline = tiny_pipeline()
    learnt_in(pipeline, reference)
    (kept,) = learnt_folder().iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    assert learnt_in(pipeline, reference)[1] and kept.read_bytes() == whole
    size = pipeline.speaker_space[1]
    good, deep, none = torch.zeros(size), "[" * 20_000, '{"voice": "ann", "warnings": []}'
    others = [(torch.zeros(3), none), (good.double(), none), (good.long(), none), (good / 0, none), (good, deep)]
    texts = ["5", '"ab"', "[1]", "{}", "", *(none.replace("[]", value) for value in ("5", '"ab"', "[1]", "{}"))]
    for vectors, about in [*others, *((good, text) for text in texts)]:
        learnt.save_file({"embedding": vectors}, kept, {"about": about})
        assert learnt_in(pipeline, reference)[1] and kept.read_bytes() == whole
    kept.write_bytes(pickle.dumps([1]))
    assert learnt_in(pipeline, reference)[1] and kept.read_bytes() == whole
    kept.unlink()
    os.mkfifo(kept)  # nobody writes into it
    assert learnt_in(pipeline, reference)[1] and kept.read_bytes() == whole


def test_a_file_that_can_only_be_read_is_read(reference, monkeypatch):
    pipeline = tiny_pipeline()
    learnt_in(pipeline, reference)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(learnt.os, "utime", refuse)
    assert not learnt_in(pipeline, reference)[1]


def test_a_file_is_opened_once(reference, monkeypatch):
    """Another program may take it away in between, when there are too many."""
    pipeline = tiny_pipeline()
    learnt_in(pipeline, reference)

    def gone(*_, **__):
        raise RuntimeError("unable to open file in read-only mode: No such file or directory (2)")

    monkeypatch.setattr(torch.UntypedStorage, "from_file", gone)
    assert not learnt_in(pipeline, reference)[1]


def test_what_cannot_be_taken_away_keeps_nothing_else_there(reference, monkeypatch):
    monkeypatch.setattr(learnt, "MOST_KEPT", 2)
    pipeline, folder = tiny_pipeline(), learnt_folder()
    (folder / "a.safetensors").mkdir(parents=True)
    (folder / "b.safetensors").symlink_to("/nonexistent/b.safetensors")
    for name in ("a", "b"):
        os.utime(folder / f"{name}.safetensors", (1, 1), follow_symlinks=False)
    for number in range(4):
        learnt_in(pipeline, replace(reference, text=f"Hello {number}."))
    assert len(list(folder.iterdir())) == 3  # and the folder, which is one


def test_a_name_that_is_no_unicode_has_its_own(reference):
    """Of a file: its bytes that are none stand as halves of characters in Python's strings."""
    pipeline, other = tiny_pipeline(), replace(reference, name="b\udcff")
    assert learnt_in(pipeline, other)[1] and not learnt_in(pipeline, other)[1]
    assert learnt_in(pipeline, replace(reference, name="b\udcfe"))[1]


def test_it_does_without_a_folder_that_cannot_be_written(reference, tmp_path):
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    pipeline = tiny_pipeline()
    assert all(learnt_in(pipeline, reference)[1] for _ in range(2))


def test_it_does_without_a_disk_that_is_full(reference, monkeypatch):
    def refuse(tensors, path, metadata):  # in safetensors' own way
        path.write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(learnt, "save_file", refuse)
    pipeline = tiny_pipeline()
    assert all(learnt_in(pipeline, reference)[1] for _ in range(2)) and not list(learnt_folder().iterdir())


def test_a_user_without_a_home_has_no_folder(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])  # a number that nobody has
    assert str(learnt_folder()) == "/nonexistent/.cache/ditar/learnt"


def test_those_that_were_not_used_for_longest_go(reference, monkeypatch):
    monkeypatch.setattr(learnt, "MOST_KEPT", 2)
    pipeline, times = tiny_pipeline(), iter(range(1, 9))
    utime = learnt.os.utime
    monkeypatch.setattr(learnt.os, "utime", lambda path, *at: utime(path, *at or [(next(times) + 2e9,) * 2]))
    first, second, third = (replace(reference, text=f"Hello {n}.") for n in ("one", "two", "three"))
    abandoned = learnt_folder() / ".half.safetensors.partial"
    abandoned.parent.mkdir(parents=True)
    abandoned.write_text("killed")
    os.utime(abandoned, (1.0, 1.0))
    assert learnt_in(pipeline, first)[1] and learnt_in(pipeline, second)[1] and not abandoned.exists()
    assert not learnt_in(pipeline, first)[1]  # used again
    assert learnt_in(pipeline, third)[1] and len(list(learnt_folder().iterdir())) == 2
    assert not learnt_in(pipeline, first)[1] and learnt_in(pipeline, second)[1]
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/nobody")
    assert str(learnt_folder()) == "/nobody/.cache/ditar/learnt"
