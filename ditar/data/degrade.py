"""What happens to recordings before we get them: narrow bands, codecs, telephones, dither, noise, a little room.

The VAE's encoder is given a degraded crop and its decoder is compared with the clean one, so that latents hold the
voice and not the channel. Every function takes (S,) float32 at 24 kHz and returns the same shape, without a delay.
"""

import io
from collections.abc import Callable

import numpy as np
import soundfile

from ditar.audio.resample import low_pass, resample
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples

BAND_EDGES_HZ = (4_000, 8_000, 8_000, 11_000)  # telephone, 16 kHz recordings (most of them), low bit rates
STEP_16_BIT = 1.0 / 32_768


def degrade(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One or two degradations, each of its own kind."""
    kinds = random.permutation(len(DEGRADATIONS))[: 1 + int(random.random() < 0.3)]
    for kind in sorted(kinds):  # in the order of the real world: room and noise first, then the recorder
        waveform = DEGRADATIONS[kind](waveform, random)
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def room(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise that decays within 0.1 to 0.4 s (by 60 dB) after the direct sound, 8 to 18 dB below it in energy."""
    length = seconds_to_samples(random.uniform(0.1, 0.4))
    tail = random.standard_normal(length) * 10.0 ** (-3.0 * np.arange(length) / length)
    tail[: seconds_to_samples(0.003)] = 0.0  # the first reflection comes later
    tail *= 10.0 ** (-random.uniform(8.0, 18.0) / 20.0) / np.linalg.norm(tail)
    size = 1 << (len(waveform) + length).bit_length()
    echo = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(tail, size), size)[: len(waveform)]
    return waveform + echo


def noise(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Stationary noise, from white to falling by 6 dB an octave, 25 to 45 dB below the crop."""
    spectrum = np.fft.rfft(random.standard_normal(len(waveform)))
    bins = np.arange(1, len(spectrum) + 1)
    made = np.fft.irfft(spectrum * bins ** -random.uniform(0.0, 1.0), len(waveform))
    level = np.sqrt(np.mean(waveform**2)) * 10.0 ** (-random.uniform(25.0, 45.0) / 20.0)
    return waveform + level * made / max(np.sqrt(np.mean(made**2)), 1e-12)


def narrow(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Nothing above 4, 8 or 11 kHz."""
    return low_pass(waveform, float(random.choice(BAND_EDGES_HZ)), SAMPLE_RATE_HZ)


def telephone(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """8 kHz, 300 to 3,400 Hz, 8 bits by mu-law (ITU-T G.711)."""
    narrowed = resample(waveform, SAMPLE_RATE_HZ, 8_000)
    narrowed = narrowed - low_pass(narrowed, 300.0, 8_000)
    peak = max(float(np.abs(narrowed).max(initial=0.0)), 1e-6)
    mu = 255.0
    code = np.sign(narrowed) * np.log1p(mu * np.abs(narrowed) / peak) / np.log1p(mu)
    code = np.round(code * 127.0) / 127.0
    narrowed = peak * np.sign(code) * np.expm1(np.abs(code) * np.log1p(mu)) / mu
    return _fit(resample(narrowed, 8_000, SAMPLE_RATE_HZ), len(waveform))


def mp3(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """MP3 at a random quality."""
    return _through(waveform, "MP3", "MPEG_LAYER_III", random.uniform(0.3, 0.95))


def opus(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Opus at a random quality."""
    return _through(waveform, "OGG", "OPUS", random.uniform(0.6, 0.97))


def dither(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rounded to 16 bits with triangular dither of one to four steps."""
    step = STEP_16_BIT * random.uniform(1.0, 4.0)
    triangular = random.random(len(waveform)) - random.random(len(waveform))
    return np.round(waveform / step + triangular) * step


def _through(waveform: np.ndarray, kind: str, subtype: str, compression: float) -> np.ndarray:
    """Encoded by libsndfile and decoded again; `compression` from 0, best, to 1, smallest."""
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE_HZ, format=kind, subtype=subtype, compression_level=compression)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return _fit(decoded, len(waveform))


def _fit(waveform: np.ndarray, length: int) -> np.ndarray:
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))


DEGRADATIONS: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    room,
    noise,
    narrow,
    telephone,
    mp3,
    opus,
    dither,
)
