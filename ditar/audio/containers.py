"""Recordings as phones and browsers make them, AAC in MP4 and Opus in WebM, which libsndfile does not read: through
PyAV (FFmpeg's libraries), where it is installed.

Files may come from strangers: only the demuxer of the file's own kind is used, and none of FFmpeg's that follow names
of other files, and of its decoders those of ordinary recordings; channels, rate, length and the size of a frame have
limits, which are checked when a frame is decoded, and every frame must have the channels and the rate of the first.
"""

from importlib.util import find_spec
from typing import BinaryIO

import numpy as np

from ditar.audio.errors import AudioError, AudioTooLongError

ENDINGS = (".m4a", ".mp4", ".webm")
MOST_CHANNELS, MOST_HZ = 6, 192_000  # PyAV reads beyond the memory of frames with 8 channels
MOST_FRAME = 2**17  # samples
MOST_VALUES_HZ = 96_000  # of all channels, in the longest recording that is allowed: two at 48 kHz
CODECS = ("aac", "flac", "mp3", "mp3float", "opus", "vorbis")  # not alac, whose frames may be hundreds of megabytes
TOLD_SHARE, SLACK_S = 0.98, 0.1  # of the length that a file tells, below which some of it is missing; and of frames


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
    missing, or the file has no sound, more than 6 channels or another strange form, is damaged, or is longer than
    `max_seconds` (with more than two channels or a higher rate, shorter), before it is decoded any further."""
    if not is_installed():
        what = "MP4 (AAC)" if kind == "mov" else "WebM"
        raise AudioError(
            f"{name} is {what}, which the package av reads: pip install av; or convert it: ffmpeg -i IN OUT.wav"
        )
    import av

    try:
        with av.open(file, format=kind, metadata_errors="ignore") as opened:
            return _decode(opened, name, max_seconds)
    except av.error.FFmpegError as error:
        raise _damaged(name, error.strerror) from None
    except UnicodeDecodeError:
        raise _damaged(name, "it has names that are no text") from None


def _decode(opened, name: str, max_seconds: float) -> tuple[np.ndarray, int]:
    """The first track of sound of an open container."""
    import av

    if not opened.streams.audio:
        raise AudioError(f"{name} holds no sound; give a recording")
    stream = opened.streams.audio[0]
    codec = stream.codec_context.name.removeprefix("lib")
    if codec not in CODECS and not codec.startswith("pcm_"):
        raise AudioError(f"{name} holds {codec}, which is not read; convert it: ffmpeg -i IN -ac 1 -ar 48000 OUT.wav")
    form, parts, samples = None, [], 0
    for frame in opened.decode(stream):
        found = frame.layout.nb_channels, frame.sample_rate
        if form is None:
            form, (channels, rate_hz) = found, found
            if not (0 < channels <= MOST_CHANNELS and 0 < rate_hz <= MOST_HZ):
                raise AudioError(
                    f"{name} has {channels} channels at {rate_hz} Hz, and up to {MOST_CHANNELS} at up to {MOST_HZ} Hz "
                    "are read; convert it: ffmpeg -i IN -ac 1 -ar 48000 OUT.wav"
                )
            packed = av.AudioResampler(format="flt")  # only the form of the samples: rate and channels stay
        if found != form:
            raise _damaged(name, f"its sound changes from {form} to {found} channels and Hz")
        if frame.samples > MOST_FRAME:
            raise _damaged(name, f"a frame of {frame.samples} samples")
        for piece in packed.resample(frame):
            parts.append(piece.to_ndarray().reshape(-1, channels).copy())
            samples += len(parts[-1])
        if samples > max_seconds * rate_hz or samples * channels > max_seconds * MOST_VALUES_HZ:
            most_s, of = max_seconds, ""
            if samples <= max_seconds * rate_hz:  # it is the channels, or the rate
                most_s = max_seconds * MOST_VALUES_HZ / (channels * rate_hz)
                of = f" of {channels} channels at {rate_hz} Hz"
            raise AudioTooLongError(
                f"{name} is longer than {most_s:g} s{of}, the limit; cut it to the part that is needed"
                + (", and make it mono" if of else "")
            )
    if not samples:
        raise AudioError(f"{name} holds no samples")
    # Browsers, which write while they record, tell none; the container's is that of the longest track.
    told_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    if not told_s and len(opened.streams) == 1:
        told_s = (opened.duration or 0) / av.time_base
    if samples / rate_hz < TOLD_SHARE * told_s - SLACK_S:
        raise _damaged(name, f"it should last {told_s:.2f} s, but there are {samples / rate_hz:.2f} s of it")
    return np.concatenate(parts).astype(np.float32, copy=False), rate_hz


def _damaged(name: str, what: str) -> AudioError:
    return AudioError(f"{name} is cut off or damaged ({what}); copy, download or export it again")
