"""An output beside a recording of the same words: mel-cepstral distortion and F0 along the best alignment.

MCD = 10 / ln 10 * sqrt(2 sum_k (c_k - c'_k)^2) in dB (Kubichek 1993), k = 1 to 13, c_0 (the level) left out, mean over
a dynamic time warping path; silence at both ends is cut first, and the level set. log |H| = sum_k c_k cos is fitted to
40 log-mel magnitudes of 16 kHz audio, which makes MCD the root mean square difference of two smooth spectra in dB.
WORLD's mel-generalised cepstra read other values: the figures compare only with themselves.
"""

from dataclasses import dataclass

import numpy as np

from ditar.audio.trim import level, trim_silence
from ditar.evaluate.pitch import PITCH_HOP_SAMPLES, PITCH_RATE_HZ, track_f0

METHOD = "ditar.evaluate.parallel 1"
MEL_BINS, CEPSTRA, N_FFT = 40, 13, 1024
SHORTEST_S = 0.1
FEWEST_VOICED = 10  # frames that both voice; an error over less says nothing


@dataclass(frozen=True)
class Parallel:
    """mcd_db; f0_error_semitones: root mean square where both are voiced, after each one's median is taken away, so
    that another voice with the same melody has none; voicing_error: share of the path where only one is voiced."""

    mcd_db: float | None = None
    f0_error_semitones: float | None = None
    voicing_error: float | None = None


def compare_parallel(waveform: np.ndarray, original: np.ndarray) -> Parallel:
    """Two waveforms (S,), (S',) at 16 kHz of the same words; nothing is known where one is silent."""
    pair = [level(trim_silence(x, PITCH_RATE_HZ), PITCH_RATE_HZ) for x in (waveform, original)]
    if min(len(x) for x in pair) < SHORTEST_S * PITCH_RATE_HZ:
        return Parallel()
    cepstra = [mel_cepstra(x) for x in pair]
    distance = np.sqrt(_squared_distances(*cepstra))  # (T, T')
    path = warp(distance)  # (K, 2)
    mcd_db = float(10 / np.log(10) * np.sqrt(2) * distance[path[:, 0], path[:, 1]].mean())
    f0 = np.stack([track_f0(x)[path[:, side]] for side, x in enumerate(pair)])  # (2, K)
    both = (f0 > 0).all(axis=0)
    f0_error = None
    if both.sum() >= FEWEST_VOICED:
        semitones = 12 * np.log2(f0[:, both])
        semitones -= np.median(semitones, axis=1, keepdims=True)
        f0_error = float(np.sqrt(np.mean((semitones[0] - semitones[1]) ** 2)))
    return Parallel(mcd_db, f0_error, float(np.mean((f0[0] > 0) != (f0[1] > 0))))


def mel_cepstra(waveform: np.ndarray) -> np.ndarray:
    """(S,) at 16 kHz -> (S // 160, 13) cepstra c_1 to c_13 of frames of 10 ms."""
    import torch

    from ditar.audio.spectra import log_mel

    samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))[None]
    mel = log_mel(samples, MEL_BINS, N_FFT, PITCH_HOP_SAMPLES, PITCH_RATE_HZ)[0].double().numpy()  # (mel, T)
    order = np.arange(1, CEPSTRA + 1)[:, None]
    cosines = 2 / MEL_BINS * np.cos(np.pi * order * (np.arange(MEL_BINS) + 0.5) / MEL_BINS)
    return (cosines @ mel).T


def warp(distance: np.ndarray) -> np.ndarray:
    """The cheapest path through a table (T, T') from corner to corner -> (K, 2) indices; steps are (1,0), (0,1), (1,1).

    Filled along anti-diagonals, whose cells do not depend on one another: T + T' steps of numpy instead of T * T'.
    """
    rows, columns = distance.shape
    step = np.zeros((rows, columns), dtype=np.int8)
    before = np.full(rows + 1, np.inf)  # cost by row, shifted by one, on the last diagonal and on the one before it
    before_that = before.copy()
    for diagonal in range(rows + columns - 1):
        row = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        ways = np.stack([before_that[row], before[row], before[row + 1]])  # from (-1,-1), (-1,0), (0,-1)
        if diagonal == 0:
            ways[0] = 0.0
        choice = ways.argmin(axis=0)
        step[row, diagonal - row] = choice
        now = np.full(rows + 1, np.inf)
        now[row + 1] = ways[choice, np.arange(len(row))] + distance[row, diagonal - row]
        before_that, before = before, now
    at = (rows - 1, columns - 1)
    path = [at]
    while at != (0, 0):
        down, right = ((1, 1), (1, 0), (0, 1))[step[at]]
        at = (at[0] - down, at[1] - right)
        path.append(at)
    return np.array(path[::-1])


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T, D), (T', D) -> (T, T'). By differences: a matrix product would leave 1e-16 between equal frames, whose root
    is seen; one dimension at a time, since a long clip's (T, T', D) would fill the memory."""
    total = np.zeros((len(a), len(b)))
    for mine, other in zip(a.T, b.T):
        total += (mine[:, None] - other[None]) ** 2
    return total
