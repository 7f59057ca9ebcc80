"""Logs that programs append to."""

from pathlib import Path

import pytest

from ditar.storage.atomic_write import WriteError
from ditar.storage.json_lines import append_json_lines, read_log

FULL = Path("/dev/full")  # writing there fails as on a full disk, when what was written leaves the buffer


def test_half_a_line_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "log"
    append_json_lines([{"a": 1}], path)
    path.write_text(path.read_text() + '{"a": ')
    append_json_lines([{"a": 2}, {"a": 3}], path)
    assert [row["a"] for row in read_log(path)] == [1, 2, 3]


@pytest.mark.skipif(not FULL.exists(), reason="a system without /dev/full")
def test_a_log_on_a_full_disk_is_named_with_the_remedy():
    with pytest.raises(WriteError, match="/dev/full cannot be written: No space left on device; free space"):
        append_json_lines([{"a": 1}], FULL)
