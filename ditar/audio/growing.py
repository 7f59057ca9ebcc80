"""Audio written as it is made: a WAV that grows and can be played at any time, and a file of its parts."""

import os
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from ditar.audio.errors import AudioError
from ditar.audio.formats import FORMATS
from ditar.audio.write import BLOCK_SAMPLES, check_writable, open_to_write, write_blocks
from ditar.storage.atomic_write import WriteError, atomic_write
from ditar.storage.lock import InUseError, lock

HEADER_BYTES = 44
MAX_BYTES = 2**32 - 1 - HEADER_BYTES  # sizes in a WAV's header have 32 bits: 24.8 hours at 24 kHz


def pcm16(waveform: np.ndarray) -> bytes:
    """Float (S,) in [-1, 1] -> 2 S bytes, little endian; values outside are clipped. AudioError: NaN."""
    waveform = np.asarray(waveform)
    if not np.isfinite(waveform).all():
        raise AudioError("the waveform holds NaN or infinite samples and was not written")
    return np.round(np.clip(waveform, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def wav_header(rate_hz: int, data_bytes: int) -> bytes:
    """Of a mono 16-bit WAV file with so many bytes of samples, at most MAX_BYTES."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz,
        2, 16, b"data", data_bytes,
    )  # fmt: skip


class GrowingWav:
    """A mono 16-bit WAV file whose header is right after every `write`. `samples`: the number written so far.

    An existing file stays as it is until the first samples are there. `keep_samples`: continue after that many samples
    of it; what follows them is cut off at once. A new file without samples goes where a `with` block fails. AudioError
    if they do not exist, if the disk is full, and beyond 4 GiB; InUseError if another program writes it.
    """

    def __init__(self, path: str | Path, rate_hz: int, keep_samples: int = 0):
        self.path, self.rate_hz, self.samples = Path(path), rate_hz, keep_samples
        check_writable(self.path)
        if keep_samples and self.path.stat().st_size < HEADER_BYTES + 2 * keep_samples:
            raise AudioError(f"{self.path} holds fewer than the {keep_samples} samples that it should; delete it")
        self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            lock(self._file.fileno(), self.path)
        except InUseError:
            self._file.close()
            raise
        self._is_new = os.fstat(self._file.fileno()).st_size == 0
        self._is_begun = bool(keep_samples) or self._is_new
        if self._is_begun:
            self._file.truncate(HEADER_BYTES + 2 * keep_samples if keep_samples else 0)
            self.write(np.zeros(0))

    def write(self, waveform: np.ndarray) -> None:
        """Append float (S,)."""
        data = pcm16(waveform)
        size = 2 * self.samples + len(data)
        if size > MAX_BYTES:
            raise AudioError(f"{self.path} would be longer than a WAV file can be (4 GiB); speak the text in parts")
        header = wav_header(self.rate_hz, size)
        if not (self._is_begun or data):
            return
        try:
            if not self._is_begun:
                self._file.truncate(0)
                self._is_begun = True
            # Samples first: a reader in between finds a shorter file, not one that ends too early.
            self._file.seek(HEADER_BYTES + 2 * self.samples)
            self._file.write(data)
            self._file.flush()
            self._file.seek(0)
            self._file.write(header)
            self._file.flush()
        except OSError as error:
            raise AudioError(f"{self.path} cannot be written: {error.strerror or error}; free space") from None
        self.samples += len(data) // 2

    def __enter__(self) -> "GrowingWav":
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_) -> None:
        if kind is not None and self._is_new and not self.samples:
            self.path.unlink(missing_ok=True)
        self._file.close()


def assemble(wav: str | Path, parts: Iterable[tuple[int, int, int]], path: str | Path) -> int:
    """Make `path`, in the format of its ending, from parts of a mono 16-bit WAV file, which is kept, in their order:
    (first sample, samples, samples of silence after them). Block by block and atomically; returns the number of samples
    written.

    AudioError names what cannot be read or written, and says that the speech is in the first file.
    """
    wav, path = Path(wav), Path(path)
    target_format = FORMATS[path.suffix.lower()]
    parts, written = list(parts), 0
    if target_format.kind == "WAV" and 2 * sum(samples + silence for _, samples, silence in parts) > MAX_BYTES:
        raise AudioError(f"{path} would be longer than a WAV file can be (4 GiB); give a .flac. The speech is in {wav}")
    try:
        with (
            atomic_write(path) as partial,
            soundfile.SoundFile(wav) as source,
            open_to_write(partial, target_format, source.samplerate) as target,
        ):
            for first, samples, silence in parts:
                source.seek(first)
                for done in range(0, samples, BLOCK_SAMPLES):
                    block = source.read(min(BLOCK_SAMPLES, samples - done), dtype="int16")
                    target.write(block)
                    written += len(block)
                write_blocks(target, np.zeros(silence, np.int16))
                written += silence
            if written != sum(samples + silence for _, samples, silence in parts):
                raise AudioError(f"{wav} is shorter than it should be")
    except (AudioError, WriteError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{error}; the speech is in {wav}") from None
    return written
