"""Whole files or none."""

import io
import os

import pytest

from ditar.storage.atomic_write import WriteError, atomic_write, check_folder, check_not_input


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old" and partial.parent == tmp_path and partial.name.startswith(".a.json.")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.json"]
    with atomic_write(path, ".jsonl.gz") as partial:
        assert partial.name.endswith(".partial.jsonl.gz")
        partial.write_text("")


@pytest.mark.parametrize(("raised", "seen"), [(KeyboardInterrupt(), KeyboardInterrupt), (ValueError("x"), ValueError)])
def test_what_stops_half_way_leaves_the_old_file(tmp_path, raised, seen):
    (tmp_path / "a").write_text("old")
    with pytest.raises(seen), atomic_write(tmp_path / "a") as partial:
        partial.write_text("ne")
        raise raised
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_a_disk_that_refuses_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="a cannot be written: No space left on device; free space"):
        with atomic_write(tmp_path / "a") as partial:
            partial.write_text("half")
            raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(WriteError, match="no/a cannot be written: No such file or directory"):
        with atomic_write(tmp_path / "no" / "a") as partial:
            partial.write_text("")
    with pytest.raises(WriteError, match="file/a cannot be written: Not a directory"):
        with atomic_write(tmp_path / "file" / "a") as partial:
            partial.write_text("")


def test_a_folder_is_tried(tmp_path):
    check_folder(tmp_path)
    assert os.listdir(tmp_path) == []
    with pytest.raises(WriteError, match="nothing can be written in the folder /proc"):
        check_folder("/proc")  # whoever asks, root included


def test_a_full_disk_is_found_by_trying(tmp_path, monkeypatch):
    """It still gives names away."""

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda dir, buffering: Full(tmp_path / "a", "w"))
    with pytest.raises(WriteError, match="nothing can be written in the folder .*No space left on device"):
        check_folder(tmp_path)


@pytest.mark.parametrize("other", ["same", "spelt", "link", "hard link"])
def test_a_file_that_is_read_is_not_written_over_whatever_it_is_called(tmp_path, other):
    clip = tmp_path / "clip.wav"
    clip.write_text("x")
    path = {"same": clip, "spelt": tmp_path / "." / ".." / tmp_path.name / "clip.wav"}.get(other, tmp_path / "b.wav")
    if other == "link":
        path.symlink_to(clip)
    elif other == "hard link":
        os.link(clip, path)
    with pytest.raises(WriteError, match=r"--output would overwrite .*the file of --prompt-audio .*another name"):
        check_not_input(path, "--output", {"--text-file": None, "--voice": tmp_path / "none", "--prompt-audio": clip})
    check_not_input(tmp_path / "c.wav", "--output", {"--prompt-audio": clip})
