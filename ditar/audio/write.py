"""Waveform -> file, written to a temporary name and renamed, so that a reader never sees half a file."""

import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from ditar.audio.errors import AudioError, AudioWriteError
from ditar.audio.formats import FORMATS, Format
from ditar.storage.atomic_write import WriteError, atomic_write, check_folder

BLOCK_SAMPLES = 65_536


def write_audio(path: str | Path, waveform: np.ndarray, rate_hz: int) -> None:
    """Write mono float (S,) in [-1, 1] in the format of the name's ending, see FORMATS; samples outside are clipped.

    AudioError if the folder does not exist, the ending is unknown or samples are not numbers; AudioWriteError if the
    disk is full.
    """
    path = Path(path)
    check_writable(path)
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 1:
        raise AudioError(f"a waveform to write must have the shape (S,), got {waveform.shape}")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path} was not written: the waveform holds NaN or infinite samples")
    # Encoded in memory first: then a full disk is an OSError with its number, not a silently truncated file.
    encoded = io.BytesIO()
    with open_to_write(encoded, FORMATS[path.suffix.lower()], rate_hz) as file:
        write_blocks(file, np.clip(waveform, -1.0, 1.0))
    try:
        with atomic_write(path) as partial, open(partial, "wb") as file:
            file.write(encoded.getbuffer())
            file.flush()
            os.fsync(file.fileno())
    except WriteError as error:
        raise AudioWriteError(str(error)) from None


def open_to_write(file: str | Path | BinaryIO, as_format: Format, rate_hz: int) -> soundfile.SoundFile:
    """A new mono file."""
    return soundfile.SoundFile(
        file, "w", rate_hz, 1, format=as_format.kind, subtype=as_format.subtype, **as_format.options
    )


def write_blocks(file: soundfile.SoundFile, samples: np.ndarray) -> None:
    """Append (S,), however long: libsndfile's encoder of Vorbis crashes where it gets a minute at once."""
    for start in range(0, len(samples), BLOCK_SAMPLES):
        file.write(samples[start : start + BLOCK_SAMPLES])


def check_writable(path: str | Path) -> None:
    """AudioError if `path` could not be written because of its folder or its ending: to call before minutes of work."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise AudioError(f"{path} must end in one of {', '.join(FORMATS)}, got {path.suffix or 'no ending'!r}")
    if (kind := FORMATS[path.suffix.lower()].kind) not in soundfile.available_formats():
        raise AudioError(
            f"{path}: the libsndfile of this machine cannot write {kind}; give a .wav, or install soundfile's wheel, "
            "which has its own"
        )
    if path.is_dir():
        raise AudioError(f"{path} is a folder; give the name of a file in it")
    if path.exists() and not path.is_file():
        raise AudioError(f"{path} is a pipe or a device, and a file would take its place; write to it with --output -")
    if not path.parent.is_dir():
        raise AudioError(f"output folder {path.parent} does not exist; create it with: mkdir -p {path.parent}")
    try:
        check_folder(path.parent)
    except WriteError as error:
        raise AudioWriteError(str(error)) from None
