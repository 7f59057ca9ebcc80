"""Latents -> waveform, in numpy around the graph `vocoder`: STFT and its inverse, the source of harmonics and noise,
and streaming. `ditar.vae` says what they are, in torch; a test compares the two."""

from dataclasses import dataclass

import numpy as np

from ditar.onnx.folder import Model
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ


def hann(samples: int) -> np.ndarray:
    """A periodic window (samples,), float32."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples)).astype(np.float32)


def spectra(padded: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Windowed spectra (L, n_fft / 2 + 1) of samples (hop * (L - 1) + n_fft,), complex64."""
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    return np.fft.rfft(frames * hann(n_fft)).astype(np.complex64)


def inverse_stft(spectrum: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Spectra (L, n_fft / 2 + 1) -> (hop * L,) float32, frame i centred on its own samples."""
    window, count = hann(n_fft), len(spectrum)
    frames = np.fft.irfft(spectrum, n_fft).astype(np.float32) * window
    shares = -(-n_fft // hop)  # of a frame, each as long as a hop; overlapped and added share by share
    frames = np.pad(frames, ((0, 0), (0, shares * hop - n_fft))).reshape(count, shares, hop)
    squares = np.pad(window**2, (0, shares * hop - n_fft)).reshape(shares, hop)
    added, weight = (np.zeros((count + shares, hop), np.float32) for _ in range(2))
    for share in range(shares):
        added[share : share + count] += frames[:, share]
        weight[share : share + count] += squares[share]
    cut = (n_fft - hop) // 2
    return added.reshape(-1)[cut : cut + hop * count] / weight.reshape(-1)[cut : cut + hop * count]


@dataclass(frozen=True)
class SourceStart:
    """The window's first sample is sample `position` of the utterance, and at its sample `anchor` the harmonics have
    phase `turns`."""

    position: int = 0
    anchor: int = 0
    turns: float = 0.0


class Vocoder:
    """The vocoder of one model."""

    def __init__(self, model: Model):
        self._model, self.shape = model, model.vocoder

    def decode(self, latents: np.ndarray, start: SourceStart = SourceStart()) -> tuple[np.ndarray, np.ndarray | None]:
        """Normalised latents (T, C) -> waveform (600 T,) and, with a source, the phase of its harmonics at each sample,
        in turns."""
        found = self._model.run("vocoder", {"latents": latents[None]})
        gain, shape = found["real"][0] + 1j * found["imaginary"][0], self.shape  # (L, F)
        if not shape.source_filter:
            return inverse_stft(gain, shape.n_fft, shape.hop), None
        pitch_hz, turns = self._turns(self._pitch_hz(found["pitch_logits"][0]), start)
        harmonic = self._spectrum(_harmonics(pitch_hz, turns))
        noise = self._spectrum(noise_at(start.position + np.arange(len(turns))))
        spectrum = harmonic * gain + noise * found["noise_gain"][0]
        return inverse_stft(spectrum, shape.n_fft, shape.hop), turns

    def _pitch_hz(self, logits: np.ndarray) -> np.ndarray:
        """(L, bins) -> (L,)."""
        shape, bins = self.shape, np.arange(logits.shape[1], dtype=np.float32)
        near = np.abs(bins - logits.argmax(-1, keepdims=True)) <= shape.near_bins
        share = np.where(near, np.exp(logits - logits.max(-1, keepdims=True)), 0.0)
        mean = (share * bins).sum(-1) / share.sum(-1)
        return shape.lowest_hz * (shape.highest_hz / shape.lowest_hz) ** (mean / (len(bins) - 1))

    def _turns(self, pitch_hz: np.ndarray, start: SourceStart) -> tuple[np.ndarray, np.ndarray]:
        """Pitch of frames (L,) -> pitch and phase in turns of samples, (hop * L,) each, float64."""
        hop = self.shape.hop
        places = (np.arange(hop * len(pitch_hz)) + 0.5) / hop - 0.5
        of_samples = np.interp(places, np.arange(len(pitch_hz)), pitch_hz)  # level beyond the ends
        turns = np.cumsum(of_samples / SAMPLE_RATE_HZ)
        if start.anchor < len(turns):
            turns = turns - turns[start.anchor] + start.turns
        return of_samples, turns

    def _spectrum(self, source: np.ndarray) -> np.ndarray:
        n_fft, hop = self.shape.n_fft, self.shape.hop
        return spectra(np.pad(source, (n_fft - hop) // 2), n_fft, hop) / np.sqrt(np.square(hann(n_fft)).sum())


def _harmonics(pitch_hz: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """All harmonics below half the rate, of total power 1; (S,)."""
    count = np.floor(0.5 * SAMPLE_RATE_HZ / pitch_hz)
    half = np.pi * (turns - np.floor(turns))
    low = np.sin(half)
    pulse = np.sin((2 * count + 1) * half) / (2 * np.where(low != 0, low, 1.0)) - 0.5
    return (np.where(np.abs(low) < 1e-6, count, pulse) * np.sqrt(2 / count)).astype(np.float32)


def noise_at(positions: np.ndarray) -> np.ndarray:
    """White noise of power 1 as a function of the sample's number."""
    mask, x = 0xFFFFFFFF, positions.astype(np.int64) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x46CA68B5)):
        x = ((x ^ (x >> shift)) * factor) & mask
    x = x ^ (x >> 16)
    return (np.sqrt(12.0) * (x.astype(np.float64) / 2**32 - 0.5)).astype(np.float32)


class StreamingDecoder:
    """Decodes normalised latents (T, C) that arrive in pieces; together the audio is that of all at once. before
    (T0, C): what precedes them, whose audio is not returned."""

    def __init__(self, vocoder: Vocoder, before: np.ndarray):
        self._vocoder, self._reach = vocoder, vocoder.shape.context_latents
        self._kept = before[max(0, len(before) - self._reach) :]
        self._spent = len(self._kept)  # how many of the kept latents are decoded, and stay as context
        self._start = SourceStart(anchor=self._spent * HOP_SAMPLES)

    def add(self, latents: np.ndarray) -> None:
        """Append (T, C)."""
        self._kept = np.concatenate((self._kept, latents))

    @property
    def ready(self) -> int:
        """How many latents have final audio, whatever follows."""
        return max(0, len(self._kept) - self._spent - self._reach)

    def take(self, final: bool = False) -> np.ndarray:
        """The audio (S,) that is final and not yet returned; `final`: nothing follows, so all."""
        count = len(self._kept) - self._spent if final else self.ready
        if not count:
            return np.zeros(0, np.float32)
        waveform, turns = self._vocoder.decode(self._kept, self._start)
        end, dropped = (self._spent + count) * HOP_SAMPLES, max(0, self._spent + count - self._reach)
        if turns is not None and end < len(turns):
            position = self._start.position + dropped * HOP_SAMPLES
            self._start = SourceStart(position, end - dropped * HOP_SAMPLES, float(turns[end]))
        audio = waveform[self._spent * HOP_SAMPLES : end]
        self._kept, self._spent = self._kept[dropped:], self._spent + count - dropped
        return audio
