"""Audio files -> mono float32, through libsndfile (WAV, FLAC, OGG, MP3): no FFmpeg, no torchaudio.load."""

from pathlib import Path

import numpy as np
import soundfile

from ditar.audio.errors import AudioError
from ditar.audio.resample import resample
from ditar.units import SAMPLE_RATE_HZ

MAX_SECONDS = 3600.0  # a file longer than this is a mistake in every use here, and would fill the memory


def read_audio(path: str | Path, rate_hz: int = SAMPLE_RATE_HZ, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Read a file as mono float32 (S,) at `rate_hz`; channels are averaged.

    AudioError where the file is missing, is not audio, is empty, is longer than `max_seconds`, or holds samples that
    are not numbers.
    """
    path = Path(path)
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not an audio file")
    if not path.exists():
        raise AudioError(f"audio file {path} does not exist")
    try:
        with soundfile.SoundFile(path) as file:
            seconds = file.frames / file.samplerate
            if seconds > max_seconds:
                raise AudioError(
                    f"{path} is {seconds:.1f} s long, the limit is {max_seconds:g} s; cut it to the part that is needed"
                )
            from_hz = file.samplerate
            samples = file.read(dtype="float32", always_2d=True)  # (S, channels)
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path} cannot be read as audio ({error.error_string}); give a WAV, FLAC, OGG or MP3 file"
        ) from None
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror or error}") from None
    if samples.size == 0:
        raise AudioError(f"{path} holds no samples")
    waveform = samples.mean(axis=1)
    bad = np.count_nonzero(~np.isfinite(waveform))
    if bad:
        raise AudioError(
            f"{path} holds {bad} samples that are not numbers (NaN or infinite), the first at "
            f"{np.flatnonzero(~np.isfinite(waveform))[0] / from_hz:.3f} s; export it again as 16-bit PCM"
        )
    return resample(waveform, from_hz, rate_hz)
