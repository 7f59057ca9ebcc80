"""Float samples in, the bytes of an audio file out as they are made."""

import io
from typing import Protocol

import numpy as np
import soundfile

from ditar.audio.growing import MAX_BYTES, pcm16, wav_header
from ditar.units import SAMPLE_RATE_HZ

# The formats; opus is sent a page, about a second, at a time, and flac in one piece at the end: its header states its
# length, and without it libsndfile cannot read the file.
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


class FileEncoder(Protocol):
    """One file of 24 kHz mono audio."""

    def add(self, audio: np.ndarray) -> bytes:
        """Take float (S,) in [-1, 1]; returns the bytes that can be sent now."""

    def finish(self) -> bytes:
        """The rest of the file."""


def encoder(name: str) -> FileEncoder:
    """The encoder of a format of MEDIA_TYPES."""
    if name in ("wav", "pcm"):
        return _Samples(wav_header(SAMPLE_RATE_HZ, MAX_BYTES - MAX_BYTES % 2) if name == "wav" else b"")
    return _Encoded(*_LIBSNDFILE[name])


class _Samples:
    """16-bit samples, little endian, after a header. A WAV's says 4 GiB, the maximum: its final length is unknown, and
    readers stop at the end of the file."""

    def __init__(self, header: bytes):
        self._header = header

    def add(self, audio: np.ndarray) -> bytes:
        header, self._header = self._header, b""
        return header + pcm16(audio)

    def finish(self) -> bytes:
        return self._header


# Format, subtype, options, whether it may be sent in parts. MP3 at a constant rate (some 96 kbit/s): at another,
# readers that find no length in its header, which is written last, guess one from the first seconds.
_LIBSNDFILE = {
    "mp3": ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "CONSTANT", "compression_level": 0.4}, True),
    "opus": ("OGG", "OPUS", {}, True),
    "flac": ("FLAC", "PCM_16", {}, False),
}


class _Encoded:
    """A format that libsndfile encodes."""

    def __init__(self, kind: str, subtype: str, options: dict, in_parts: bool):
        self._sink, self._in_parts = _Sink(), in_parts
        self._file = soundfile.SoundFile(
            self._sink, "w", SAMPLE_RATE_HZ, 1, format=kind, subtype=subtype, **options
        )

    def add(self, audio: np.ndarray) -> bytes:
        self._file.write(np.clip(audio, -1.0, 1.0).astype(np.float32))
        return self._sink.take() if self._in_parts else b""

    def finish(self) -> bytes:
        self._file.close()
        return self._sink.take()


class _Sink(io.RawIOBase):
    """A file whose beginning has been sent already: what is written there again, headers at the end, is dropped."""

    def __init__(self):
        super().__init__()
        self._gone, self._kept, self._at = 0, bytearray(), 0

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._gone + len(self._kept)}[whence]
        self._at = begin + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def write(self, data) -> int:
        data = bytes(data)
        kept = data[max(0, self._gone - self._at) :]
        place = max(0, self._at - self._gone)
        self._kept[place : place + len(kept)] = kept
        self._at += len(data)
        return len(data)

    def take(self) -> bytes:
        """What has not been sent yet."""
        data = bytes(self._kept)
        self._gone += len(data)
        self._kept.clear()
        return data
