"""Files and pipes that somebody names to be read."""

import os
import threading

import pytest

from ditar.storage import inputs
from ditar.storage.inputs import decode_text, open_input, read_input


def test_a_file_and_a_pipe_are_read_alike(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    os.mkfifo(tmp_path / "fifo")
    for name, read in (("file", read_input), ("fifo", read_input), ("fifo", lambda path: open_input(path).read())):
        writer = threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(b"0123456789",), daemon=True)
        if name == "fifo":
            writer.start()
        assert read(tmp_path / name) == b"0123456789"
    assert read_input(tmp_path / "file", 4) == b"0123"
    reading, writing = os.pipe()  # as <(...) is handed over
    os.write(writing, b"hello")
    os.close(writing)
    with open_input(f"/dev/fd/{reading}") as file:
        assert file.read() == b"hello" and file.seek(1) == 1 and file.read() == b"ello"
    os.close(reading)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encodings_that_say_what_they_are(encoding):
    assert decode_text("Café ½ 😀\r\n\0".encode(encoding)) == "Café ½ 😀\r\n\0"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("Café".encode("latin-1"), r"is not UTF-8 text \(byte 3\); convert it with iconv -f LATIN1 -t UTF-8"),
        ("Hello".encode("utf-16-le"), "UTF-16 without a byte-order mark.*iconv -f UTF-16LE"),
        (b"\xff\xfeH", "is not UTF-8 text"),
        (bytes(range(256)), "byte 128"),
    ],
)
def test_other_encodings_are_refused_with_the_command_that_converts(data, said):
    with pytest.raises(ValueError, match=said):
        decode_text(data)


def test_what_comes_out_of_a_pipe_has_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "PIPE_BYTES", 3)
    os.mkfifo(tmp_path / "fifo")
    threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(b"0123",), daemon=True).start()
    with pytest.raises(OSError, match="more than 3 bytes came out of this pipe.*fifo"):
        open_input(tmp_path / "fifo")


def test_a_pipe_that_nobody_writes_to_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "fifo")
    before = threading.active_count()
    with pytest.raises(TimeoutError, match="nobody wrote to this pipe within 0.05 s.*fifo"):
        read_input(tmp_path / "fifo")
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(1.0)
    assert threading.active_count() <= before


@pytest.mark.parametrize("read", [read_input, open_input])
def test_what_is_no_file(tmp_path, read):
    with pytest.raises(IsADirectoryError, match="a folder"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing")
