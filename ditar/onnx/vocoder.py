"""Latents -> waveform, in numpy around the graph `vocoder`: STFT and its inverse, the source of harmonics and noise,
and streaming. `ditar.vae` says what they are, in torch; a test compares the two."""

from collections.abc import Sequence
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


@dataclass(frozen=True)
class Frames:
    """What the head makes frame by frame: gain (L, F), complex spectra or, with a source, the gain of its harmonics;
    then noise_gain (L, F) and pitch_hz (L,)."""

    gain: np.ndarray
    noise_gain: np.ndarray | None = None
    pitch_hz: np.ndarray | None = None

    def __getitem__(self, part: slice) -> "Frames":
        return Frames(*(None if values is None else values[part] for values in self._values))

    def followed_by(self, further: "Frames") -> "Frames":
        """Both, one after the other."""
        pairs = zip(self._values, further._values)
        return Frames(*(None if one is None else np.concatenate((one, other)) for one, other in pairs))

    @property
    def _values(self) -> tuple[np.ndarray | None, ...]:
        return self.gain, self.noise_gain, self.pitch_hz


class Vocoder:
    """The vocoder of one model."""

    def __init__(self, model: Model):
        self._model, self.shape = model, model.vocoder

    def further_frames(
        self, latents: np.ndarray, kept: Sequence[np.ndarray] | None, within: bool, final: bool
    ) -> tuple[Frames, list[np.ndarray]]:
        """Further normalised latents (T, C) -> those frames that are final by now, and what to give to the next call.
        kept: None in the first call; within: whether it begins within an utterance; final: nothing follows."""
        shape = self.shape
        edge = np.zeros((1, shape.width, shape.half), np.float32)  # beyond the ends of an utterance
        if kept is None:
            kept = [edge[..., : 0 if within else None]] * shape.convolutions
        inputs = {"latents": latents[None], "edge": edge[..., : None if final else 0]}
        found = self._model.run("vocoder", inputs | {f"kept_{index}": values for index, values in enumerate(kept)})
        frames = Frames(found["real"][0] + 1j * found["imaginary"][0])
        if shape.source_filter:
            frames = Frames(frames.gain, found["noise_gain"][0], self._pitch_hz(found["pitch_logits"][0]))
        return frames, [found[f"new_kept_{index}"] for index in range(shape.convolutions)]

    def sound(self, frames: Frames, start: SourceStart) -> tuple[np.ndarray, np.ndarray | None]:
        """Successive frames -> waveform (hop * L,) and, with a source, the phase of its harmonics at each sample, in
        turns."""
        shape = self.shape
        if not shape.source_filter:
            return inverse_stft(frames.gain, shape.n_fft, shape.hop), None
        pitch_hz, turns = self._turns(frames.pitch_hz, start)
        harmonic = self._spectrum(_harmonics(pitch_hz, turns))
        noise = self._spectrum(noise_at(start.position + np.arange(len(turns))))
        spectrum = harmonic * frames.gain + noise * frames.noise_gain
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
    (T0, C): what precedes them, whose audio is not returned. The layers go on where they were, as in
    `ditar.vae.streaming`."""

    def __init__(self, vocoder: Vocoder, before: np.ndarray):
        shape = vocoder.shape
        self._vocoder, self._reach, self._per_latent = vocoder, shape.context_latents, HOP_SAMPLES // shape.hop
        self._waiting = before[max(0, len(before) - self._reach) :]  # what no layer has seen
        self._within = len(self._waiting) == self._reach  # there may be more before, whose lack no audio shows
        self._kept: list[np.ndarray] | None = None
        self._frames: Frames | None = None  # of which `_context` precede the next audio
        skipped = shape.backbone_reach if self._within else 0
        self._context = len(self._waiting) * self._per_latent - skipped
        self._coming = 0  # latents whose audio is not returned
        self._start = SourceStart(skipped * shape.hop, self._context * shape.hop)

    def add(self, latents: np.ndarray) -> None:
        """Append (T, C)."""
        self._waiting = np.concatenate((self._waiting, latents))
        self._coming += len(latents)

    @property
    def ready(self) -> int:
        """How many latents have final audio, whatever follows."""
        return max(0, self._coming - self._reach)

    def take(self, final: bool = False) -> np.ndarray:
        """The audio (S,) that is final and not yet returned; `final`: nothing follows, so all."""
        count, hop = self._coming if final else self.ready, self._vocoder.shape.hop
        if not count:
            return np.zeros(0, np.float32)
        further, self._kept = self._vocoder.further_frames(self._waiting, self._kept, self._within, final)
        self._waiting, self._coming = self._waiting[:0], self._coming - count
        frames = further if self._frames is None else self._frames.followed_by(further)
        waveform, turns = self._vocoder.sound(frames, self._start)
        end = self._context + count * self._per_latent
        audio = waveform[self._context * hop : end * hop]
        dropped = max(0, end - self._vocoder.shape.head_context_frames)
        self._frames, self._context = frames[dropped:], end - dropped
        if turns is not None and not final:
            position = self._start.position + dropped * hop
            self._start = SourceStart(position, self._context * hop, float(turns[end * hop]))
        return audio
