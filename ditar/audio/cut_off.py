"""Whether an audio file is complete, by its own statement of its length: libsndfile takes half of a WAV, MP3 or Ogg
file for a shorter one."""

import struct
from typing import BinaryIO

STREAMED = 0x7FFFF000  # larger sizes, and zero, come from programs that did not know the length
TAIL_BYTES = 65_307 + 27  # the longest page of Ogg, and one more header
END_OF_STREAM = 4  # flag in the header of a page (RFC 3533, section 6)
# In the first frame of an MP3 that states its length (Xing and LAME; without it libsndfile guesses). A hundredth may be
# missing: some encoders do not count all of their frames.
XING = (b"Xing", b"Info")
XING_WITHIN_BYTES, XING_SHARE = 200, 0.99


def what_is_missing(file: BinaryIO) -> str:
    """What a WAV, AIFF, MP3 or Ogg file lacks, in words; "" if nothing, or if it is of another kind. `file` must be
    seekable; its position afterwards is undefined."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RIFX", b"FORM") and head[8:] in (b"WAVE", b"AIFF", b"AIFC"):
        return _of_chunks(file, size, "little" if head[:4] == b"RIFF" else "big")
    if head[:4] == b"OggS":
        return _of_pages(file, size)
    return _of_frames(file, size, head)


def _of_chunks(file: BinaryIO, size: int, order: str) -> str:
    """Chunks: name, size, content, padded to an even size; audio is in `data` (WAV) or `SSND` (AIFF)."""
    at = 12
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], order)
        if head[:4] in (b"data", b"SSND"):
            there = size - at - 8
            if length == 0 or length >= STREAMED or length <= there:
                return ""
            return f"its header promises {length} bytes of audio, but there are {there}"
        at += 8 + length + length % 2
    return ""  # libsndfile says what is wrong with it


def _of_frames(file: BinaryIO, size: int, head: bytes) -> str:
    """MP3, perhaps after an ID3 tag, whose size has four times seven bits."""
    start = 0
    if head[:3] == b"ID3":
        start = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0)))
    file.seek(start)
    first = file.read(XING_WITHIN_BYTES).ljust(XING_WITHIN_BYTES, b"\0")
    at = next((place for name in XING if 0 < (place := first.find(name)) < XING_WITHIN_BYTES - 16), None)
    if first[:1] != b"\xff" or at is None:
        return ""
    flags, *counts = struct.unpack(">3I", first[at + 4 : at + 16])  # bit 0: frames follow, bit 1: bytes
    length, there = counts[flags & 1] if flags & 2 else 0, size - start
    return f"its header promises {length} bytes, but there are {there}" if there < XING_SHARE * length else ""


def _of_pages(file: BinaryIO, size: int) -> str:
    """The last page of every Ogg stream is marked as such."""
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) < page + 27:
        return "it ends inside a page"
    segments = tail[page + 26]
    table = tail[page + 27 : page + 27 + segments]
    if len(table) < segments or len(tail) < page + 27 + segments + sum(table):
        return "it ends inside a page"
    return "" if tail[page + 5] & END_OF_STREAM else "its last page is not the end of the stream"
