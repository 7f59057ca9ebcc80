"""Recordings as phones and browsers make them, AAC in MP4 and Opus in WebM, which libsndfile does not read: through
PyAV (FFmpeg's libraries), where it is installed."""

from importlib.util import find_spec
from typing import BinaryIO

import numpy as np

from ditar.audio.errors import AudioError, AudioTooLongError

ENDINGS = (".m4a", ".mp4", ".webm")
TOLD_SHARE = 0.98  # of the length that a file tells, below which some of it is missing


def is_installed() -> bool:
    """Whether PyAV is there."""
    return find_spec("av") is not None


def container_of(file: BinaryIO) -> str | None:
    """What a seekable file is by its first bytes: "mov" (MP4) or "matroska" (WebM), FFmpeg's names; None: neither."""
    file.seek(0)
    head = file.read(12)
    if head[4:8] == b"ftyp":
        return "mov"
    return "matroska" if head[:4] == b"\x1a\x45\xdf\xa3" else None


def read_container(file: BinaryIO, kind: str, name: str, max_seconds: float) -> tuple[np.ndarray, int]:
    """(samples (S, channels) float32, their rate in Hz) of a file that `container_of` knows. AudioError: PyAV is
    missing, or the file has no sound, is damaged, or is longer than `max_seconds`, before it is decoded any further.

    Only the demuxer of `kind` is used, and none of those of FFmpeg's that follow names of other files.
    """
    if not is_installed():
        what = "MP4 (AAC)" if kind == "mov" else "WebM"
        raise AudioError(
            f"{name} is {what}, which the package av reads: pip install av; or convert it: ffmpeg -i IN OUT.wav"
        )
    import av

    parts, samples, rate_hz, told_s = [], 0, 0, 0.0
    try:
        with av.open(file, format=kind) as opened:
            if not opened.streams.audio:
                raise AudioError(f"{name} holds no sound; give a recording")
            told_s = (opened.duration or 0) / av.time_base  # 0 from browsers, which write while they record
            stream = opened.streams.audio[0]
            rate_hz = stream.rate
            planar = av.AudioResampler(format="fltp")  # only the form of the samples: rate and channels stay
            for frame in opened.decode(stream):
                for piece in planar.resample(frame):
                    parts.append(piece.to_ndarray().T)
                    samples += len(parts[-1])
                if samples > max_seconds * rate_hz:
                    raise AudioTooLongError(
                        f"{name} is longer than {max_seconds:g} s, the limit; cut it to the part that is needed"
                    )
    except av.error.FFmpegError as error:
        raise _damaged(name, error.strerror) from None
    if not samples:
        raise AudioError(f"{name} holds no samples")
    if samples / rate_hz < TOLD_SHARE * told_s:
        raise _damaged(name, f"it should last {told_s:.2f} s, but there are {samples / rate_hz:.2f} s of it")
    return np.concatenate(parts).astype(np.float32, copy=False), rate_hz


def _damaged(name: str, what: str) -> AudioError:
    return AudioError(f"{name} is cut off or damaged ({what}); copy, download or export it again")
