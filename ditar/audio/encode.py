"""Float samples in, the bytes of an audio file out as they are made."""

import io
from typing import BinaryIO, Protocol

import numpy as np

from ditar.audio.formats import FORMATS, Format
from ditar.audio.growing import MAX_BYTES, pcm16, wav_header
from ditar.audio.write import open_to_write, write_blocks
from ditar.units import SAMPLE_RATE_HZ


class FileEncoder(Protocol):
    """One file of 24 kHz mono audio."""

    def add(self, audio: np.ndarray) -> bytes:
        """Take float (S,) in [-1, 1]; returns the bytes that can be sent now."""

    def finish(self) -> bytes:
        """The rest of the file."""


def encoder(name: str) -> FileEncoder:
    """The encoder of a format of `formats.STREAMED`."""
    if name in ("wav", "pcm"):
        return _Samples(wav_header(SAMPLE_RATE_HZ, MAX_BYTES - MAX_BYTES % 2) if name == "wav" else b"")
    # libsndfile goes back to FLAC's header when all is written, and readers need the number of samples that is there.
    return _Encoded(FORMATS[f".{name}"], in_parts=name != "flac")


class Pipe:
    """A file of 24 kHz mono audio for the reader of a pipe. BrokenPipeError if there is none any more.

    `samples`: the number written so far. The file is whole after `finish`.
    """

    def __init__(self, file: BinaryIO, format: str = "pcm"):
        self._file, self._encoder, self.samples = file, encoder(format), 0

    def write(self, waveform: np.ndarray) -> None:
        """Append float (S,)."""
        self._send(self._encoder.add(waveform))
        self.samples += len(waveform)

    def finish(self) -> None:
        """The rest of the file."""
        self._send(self._encoder.finish())

    def _send(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


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


class _Encoded:
    """A format that libsndfile encodes."""

    def __init__(self, of: Format, in_parts: bool):
        self._sink, self._in_parts = _Sink(), in_parts
        self._file = open_to_write(self._sink, of, SAMPLE_RATE_HZ)

    def add(self, audio: np.ndarray) -> bytes:
        write_blocks(self._file, np.clip(audio, -1.0, 1.0).astype(np.float32))
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
