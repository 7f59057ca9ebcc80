"""Audio files -> mono float32, through libsndfile (WAV, FLAC, OGG, MP3), and those of phones through PyAV, if it is
there (`containers`): no program ffmpeg, no torchaudio.load."""

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from ditar.audio.containers import container_of, read_container
from ditar.audio.cut_off import what_is_missing
from ditar.audio.errors import AudioError, AudioTooLongError
from ditar.audio.resample import resample
from ditar.storage.inputs import open_input
from ditar.units import SAMPLE_RATE_HZ

MAX_SECONDS = 3600.0  # a longer file is a mistake in every use here, and would fill the memory
# Channels whose mean has less than this share of their power cancel each other out; for two independent ones the share
# is a half.
CANCELLED_SHARE = 0.01


def read_audio(path: str | Path, rate_hz: int = SAMPLE_RATE_HZ, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Read a file, or a pipe, as mono float32 (S,) at `rate_hz`; channels are averaged.

    AudioError if it is missing, cannot be read, is not audio, is empty, is truncated, is longer than `max_seconds`, has
    channels that cancel each other out, or holds samples that are not numbers.
    """
    samples, from_hz = read_file(path, max_seconds)
    return resample(mono(samples, from_hz, str(path)), from_hz, rate_hz)


def read_file(path: str | Path, max_seconds: float = MAX_SECONDS) -> tuple[np.ndarray, int]:
    """(samples (S, channels) float32, their rate in Hz) of a file or pipe. AudioError as `read_audio`."""
    try:
        with open_input(path) as file:
            return read_samples(file, str(path), max_seconds)
    except FileNotFoundError:
        remedy = "; download it first, and give the file" if re.match("[a-z]+:/", str(path)) else ""
        raise AudioError(f"audio file {path} does not exist{remedy}") from None
    except IsADirectoryError:
        raise AudioError(f"{path} is a folder, not an audio file") from None
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(f"{str(path)!r} is not the name of a file ({error})") from None  # a null byte


def read_samples(file: BinaryIO, name: str, max_seconds: float = MAX_SECONDS) -> tuple[np.ndarray, int]:
    """(samples (S, channels) float32, their rate in Hz) of an open seekable file. AudioError as `read_audio`."""
    if (kind := container_of(file)) is not None:
        file.seek(0)
        return read_container(file, kind, name, max_seconds)
    if missing := what_is_missing(file):
        raise _cut_off(name, missing)
    file.seek(0)
    opened = False
    try:
        with soundfile.SoundFile(file) as audio:
            opened = True
            seconds, rate_hz = audio.frames / audio.samplerate, audio.samplerate
            if seconds > max_seconds:
                raise AudioTooLongError(
                    f"{name} is {seconds:.1f} s long, the limit is {max_seconds:g} s; cut it to the part that is needed"
                )
            samples = audio.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        if opened:  # by its header it is audio
            raise _cut_off(name, error.error_string.strip(" .:")) from None
        raise AudioError(
            f"{name} cannot be read as audio ({error.error_string}); give a WAV, FLAC, OGG or MP3 file"
        ) from None
    except TypeError:  # by the end of its name it is raw, without a rate
        raise AudioError(f"{name} says neither its rate nor its channels; give a WAV, FLAC, OGG or MP3 file") from None
    if len(samples) < audio.frames and audio.format != "MP3":  # for which it may be a guess
        found = len(samples) / rate_hz
        raise _cut_off(name, f"it should last {seconds:.2f} s, but there are {found:.2f} s of it")
    if samples.size == 0:
        raise AudioError(f"{name} holds no samples")
    return samples, rate_hz


def mono(samples: np.ndarray, rate_hz: int, name: str) -> np.ndarray:
    """(S, channels) -> (S,): their mean. AudioError: samples are not numbers, or the channels cancel each other out."""
    waveform = samples.mean(axis=1)
    bad = np.flatnonzero(~np.isfinite(waveform))
    if len(bad):
        raise AudioError(
            f"{name} holds {len(bad)} samples that are not numbers (NaN or infinite), the first at "
            f"{bad[0] / rate_hz:.3f} s; export it again as 16-bit PCM"
        )
    if samples.shape[1] > 1:
        power, of_mean = float(samples.var(axis=0).mean()), float(waveform.var())
        if of_mean < CANCELLED_SHARE * power:
            raise AudioError(
                f"the {samples.shape[1]} channels of {name} are in anti-phase: their mean has {of_mean / power:.1%} of "
                "their power, and nothing would be left; export one of them as mono"
            )
    return waveform


def _cut_off(name: str, what: str) -> AudioError:
    return AudioError(f"{name} is cut off or damaged ({what}); copy, download or export it again")
