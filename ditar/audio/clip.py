"""A clip in any form that Python code may have it: a file, bytes, or samples of any kind -> mono float32 and its
rate."""

import io
import numbers
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.errors import AudioError
from ditar.audio.read import mono, read_file, read_samples
from ditar.audio.resample import MAX_RATE_HZ
from ditar.units import SAMPLE_RATE_HZ

MOST_CHANNELS = 64
KINDS = "a file, a file object, bytes, samples (numpy, torch, a list), or (rate, samples)"


def read_clip(clip: Any, sample_rate: int | None = None, name: str = "the clip") -> tuple[np.ndarray, int]:
    """(waveform (S,) float32, rate in Hz); channels are averaged.

    Args:
        clip: the name of a file or pipe; an open file, or bytes, of one; or samples, (S,), (S, channels) or
            (channels, S) with at most 64 channels, from numpy, torch or lists, alone or with their rate,
            (rate, samples) or (samples, rate). Integers have full scale at the ends of their type.
        sample_rate: of samples, in Hz; None: 24 kHz. Files have their own.
        name: what errors call a clip without a name.

    AudioError as `audio.read.read_audio`, and for anything that is not a clip.
    """
    if isinstance(clip, (tuple, list)) and len(clip) == 2 and any(_is_rate(one) for one in clip):
        if all(_is_rate(one) for one in clip):
            raise AudioError(f"{name} must be {KINDS}, got {clip!r}")
        rate, clip = clip if _is_rate(clip[0]) else reversed(clip)
        if sample_rate is not None and sample_rate != rate:
            raise AudioError(f"{name} comes with a rate of {rate} Hz, but sample_rate is {sample_rate}; give one")
        sample_rate = rate
    elif isinstance(clip, (str, Path, bytes, bytearray, memoryview)) or hasattr(clip, "read"):
        if sample_rate is not None:
            raise AudioError(f"sample_rate ({sample_rate}) is for samples, and files have their own; leave it out")
        samples, rate_hz, name = _read(clip, name)
        return mono(samples, rate_hz, name), rate_hz
    rate_hz = _rate(SAMPLE_RATE_HZ if sample_rate is None else sample_rate, name)
    samples = _samples(clip, name)
    if not samples.size:
        raise AudioError(f"{name} holds no samples")
    return mono(samples, rate_hz, name), rate_hz


def _read(clip: Any, name: str) -> tuple[np.ndarray, int, str]:
    if isinstance(clip, (str, Path)):
        return *read_file(clip), str(clip)
    if hasattr(clip, "read"):
        named = getattr(clip, "name", None)
        name = named if isinstance(named, str) else name
        if not (hasattr(clip, "seekable") and clip.seekable()):
            clip = clip.read()
        elif clip.tell():  # it has been read already, or just been written
            clip.seek(0)
    if not hasattr(clip, "read"):
        clip = io.BytesIO(clip)
    return *read_samples(clip, name), name


def _is_rate(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _rate(value: Any, name: str) -> int:
    if not _is_rate(value) or not 0 < value <= MAX_RATE_HZ or value != int(value):
        raise AudioError(f"the rate of {name} must be a whole number from 1 to {MAX_RATE_HZ} Hz, got {value!r}")
    return int(value)


def _samples(clip: Any, name: str) -> np.ndarray:
    """-> (S, channels) float32."""
    if hasattr(clip, "detach"):  # a torch tensor, without importing torch; numpy has no bfloat16
        clip = clip.detach().cpu()
        clip = (clip.float() if clip.is_floating_point() else clip).numpy()
    try:
        samples = np.asarray(clip)
    except (ValueError, TypeError):  # rows of different lengths
        samples = np.zeros(0, object)
    if samples.dtype.kind not in "iuf":
        raise AudioError(f"{name} must be {KINDS}, got {type(clip).__name__} of {samples.dtype}")
    if samples.ndim > 2:
        samples = samples.squeeze()  # a batch of one
    if samples.ndim not in (1, 2) or min(samples.shape) > MOST_CHANNELS and samples.ndim == 2:
        raise AudioError(f"{name} must have the shape (S,), (S, channels) or (channels, S), got {np.shape(clip)}")
    samples = samples[:, None] if samples.ndim == 1 else samples
    samples = samples.T if samples.shape[0] < samples.shape[1] else samples
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    kind = samples.dtype
    if kind == np.int64:  # Python's own: lists of them are mostly 16-bit samples
        kind = np.dtype(np.int16 if np.abs(samples).max(initial=0) <= 2**15 else np.int32)
    middle = 2.0 ** (8 * kind.itemsize - 1)
    return ((samples - (middle if kind.kind == "u" else 0.0)) / middle).astype(np.float32)
