"""What happens to recordings before we get them: narrow bands, codecs, telephones, dither, noise, rooms.

The VAE's encoder is given a degraded crop and its decoder is compared with the clean one, so that latents hold the
voice and not the channel. What is too much for that, `poor_recording` does to references of DiTAR, which is to go on in
the clean voice. Every function takes (S,) float32 at 24 kHz and returns the same shape, without a delay.
"""

import io
from collections.abc import Callable

import numpy as np
import soundfile

from ditar.audio.resample import low_pass, resample
from ditar.audio.trim import level
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples

BAND_EDGES_HZ = (4_000, 8_000, 8_000, 11_000)  # telephone, 16 kHz recordings (most of them), low bit rates
STEP_16_BIT = 1.0 / 32_768
# Living rooms and halls up to some metres away; fans and streets. Beyond these little of the voice is left.
POOR_ROOM_SECONDS, POOR_ROOM_DB, POOR_NOISE_DB = (0.15, 0.9), (-4.0, 14.0), (5.0, 32.0)


def degrade(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One or two degradations, each of its own kind."""
    kinds = random.permutation(len(DEGRADATIONS))[: 1 + int(random.random() < 0.3)]
    for kind in sorted(kinds):  # in the order of the real world: room and noise first, then the recorder
        waveform = DEGRADATIONS[kind](waveform, random)
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def poor_recording(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As a phone or a laptop records across a room: an echo, a noise, or both, and a third of them through a telephone
    or a codec, at the level of references."""
    kind = random.random()
    if kind < 0.7:
        waveform = room(waveform, random, POOR_ROOM_SECONDS, POOR_ROOM_DB)
    if kind > 0.35:
        waveform = noise(waveform, random, POOR_NOISE_DB)
    if random.random() < 1 / 3:
        waveform = (narrow, telephone, mp3, opus)[int(random.integers(4))](waveform, random)
    return level(waveform, SAMPLE_RATE_HZ)


def room(
    waveform: np.ndarray,
    random: np.random.Generator,
    seconds: tuple[float, float] = (0.1, 0.4),
    below_db: tuple[float, float] = (8.0, 18.0),
) -> np.ndarray:
    """Noise that decays within so many seconds (by 60 dB) after the direct sound, so far below it in energy."""
    length = seconds_to_samples(random.uniform(*seconds))
    tail = random.standard_normal(length) * 10.0 ** (-3.0 * np.arange(length) / length)
    tail[: seconds_to_samples(0.003)] = 0.0  # the first reflection comes later
    tail *= 10.0 ** (-random.uniform(*below_db) / 20.0) / np.linalg.norm(tail)
    size = 1 << (len(waveform) + length).bit_length()
    echo = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(tail, size), size)[: len(waveform)]
    return waveform + echo


def noise(
    waveform: np.ndarray, random: np.random.Generator, below_db: tuple[float, float] = (25.0, 45.0)
) -> np.ndarray:
    """Stationary noise, from white to falling by 6 dB an octave, so far below the crop."""
    spectrum = np.fft.rfft(random.standard_normal(len(waveform)))
    bins = np.arange(1, len(spectrum) + 1)
    made = np.fft.irfft(spectrum * bins ** -random.uniform(0.0, 1.0), len(waveform))
    loudness = np.sqrt(np.mean(waveform**2)) * 10.0 ** (-random.uniform(*below_db) / 20.0)
    return waveform + loudness * made / max(np.sqrt(np.mean(made**2)), 1e-12)


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
