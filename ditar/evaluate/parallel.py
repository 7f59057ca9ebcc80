"""An output against a recording of the same words: mel-cepstral distortion and F0 along the best alignment.

MCD = 10 / ln 10 * sqrt(2 sum_k (c_k - c'_k)^2) in dB (Kubichek 1993), k = 1 to 13, c_0 (the level) left out, mean over
a dynamic time warping path; silence at both ends is cut first, and the level set. log |H| = sum_k c_k cos is fitted to
40 log-mel magnitudes of 16 kHz audio, which makes MCD the root mean square difference of two smooth spectra in dB.
WORLD's mel-generalised cepstra differ: the figures compare only with each other.
"""

from dataclasses import dataclass

import numpy as np

from ditar.audio.trim import level, trim_silence
from ditar.evaluate.inputs import import_for_evaluation
from ditar.evaluate.pitch import PITCH_HOP_SAMPLES, PITCH_RATE_HZ, track_f0

METHOD = "ditar.evaluate.parallel 2"
MEL_BINS, CEPSTRA, N_FFT = 40, 13, 1024
SHORTEST_S = 0.1
FEWEST_VOICED = 10  # frames voiced in both; an error over fewer says nothing


@dataclass(frozen=True)
class Parallel:
    """mcd_db; f0_error_semitones: root mean square where both are voiced, with each median removed, so that another
    voice with the same melody has none; voicing_error: share of the path where only one is voiced."""

    mcd_db: float | None = None
    f0_error_semitones: float | None = None
    voicing_error: float | None = None


def compare_parallel(waveform: np.ndarray, original: np.ndarray) -> Parallel:
    """Two waveforms (S,), (S',) at 16 kHz of the same words; all None if one is silent."""
    pair = [level(trim_silence(x, PITCH_RATE_HZ), PITCH_RATE_HZ) for x in (waveform, original)]
    if min(len(x) for x in pair) < SHORTEST_S * PITCH_RATE_HZ:
        return Parallel()
    from scipy.spatial.distance import cdist

    cepstra = [mel_cepstra(x) for x in pair]
    distance = cdist(*cepstra)  # (T, T')
    _, path = import_for_evaluation("librosa").sequence.dtw(C=distance)  # (K, 2), steps (1, 1), (0, 1), (1, 0)
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
    from scipy.fft import dct

    from ditar.audio.spectra import log_mel

    samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))[None]
    mel = log_mel(samples, MEL_BINS, N_FFT, PITCH_HOP_SAMPLES, PITCH_RATE_HZ)[0].double().numpy()  # (mel, T)
    return dct(mel, axis=0)[1 : CEPSTRA + 1].T / MEL_BINS
