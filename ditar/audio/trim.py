"""Silence and level of a reference clip: its ends trimmed to the speech, its loudness set, what is unusable refused."""

import numpy as np

from ditar.audio.errors import AudioError

FRAME_SECONDS = 0.01
SILENCE_PEAK = 10 ** (-60 / 20)  # below -60 dBFS there is nothing to clone
# Frames more than this below the loudest are pauses. In a noisy recording the bar is 8 dB above its quietest tenth, but
# never higher than the second figure, which soft speech still passes.
BELOW_LOUDEST_DB = (40.0, 30.0)
ABOVE_NOISE_DB = 8.0
TARGET_DB = -23.0
PEAK_LIMIT = 0.99
MIN_REFERENCE_SECONDS = 0.5
MAX_REFERENCE_SECONDS = 30.0


def prepare_reference(waveform: np.ndarray, rate_hz: int, name: str = "the reference clip") -> np.ndarray:
    """Reference clip (S,) -> (S',): silence at both ends trimmed, level -23 dBFS where there is speech.

    AudioError, naming `name`, where it is silent, or where the speech in it is shorter than 0.5 s or longer than
    30 s: a long clip is refused rather than cut, because its transcript would not fit any more.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name} holds samples that are not numbers (NaN or infinite); export it again")
    if is_silent(waveform):
        peak = float(np.abs(waveform).max(initial=0.0))
        raise AudioError(f"{name} is silent (its loudest sample is {peak:.1e} of full scale); record it again, louder")
    trimmed = trim_silence(waveform, rate_hz)
    seconds = len(trimmed) / rate_hz
    if seconds < MIN_REFERENCE_SECONDS:
        raise AudioError(
            f"{name} holds {seconds:.2f} s of speech, at least {MIN_REFERENCE_SECONDS:g} s are needed; "
            "2 to 8 s work best"
        )
    if seconds > MAX_REFERENCE_SECONDS:
        raise AudioError(
            f"{name} holds {seconds:.1f} s of speech, the limit is {MAX_REFERENCE_SECONDS:g} s; cut it at a pause, and "
            "its transcript with it; 2 to 8 s work best"
        )
    return level(trimmed, rate_hz)


def is_silent(waveform: np.ndarray) -> bool:
    """True where no sample of (S,) is above -60 dBFS."""
    return bool(np.abs(waveform).max(initial=0.0) < SILENCE_PEAK)


def trim_silence(waveform: np.ndarray, rate_hz: int, keep_seconds: float = 0.03) -> np.ndarray:
    """(S,) -> (S',): cut before the first and behind the last active frame, `keep_seconds` kept on both sides."""
    active = np.flatnonzero(_active_frames(waveform, rate_hz))
    if not len(active):
        return waveform[:0]
    hop, keep = _frame_samples(rate_hz), round(keep_seconds * rate_hz)
    start = max(0, int(active[0]) * hop - keep)
    return waveform[start : (int(active[-1]) + 1) * hop + keep]


def level(waveform: np.ndarray, rate_hz: int, target_db: float = TARGET_DB) -> np.ndarray:
    """(S,) -> (S,): scaled so that the root mean square of its active frames is `target_db`, peaks below 0.99."""
    hop = _frame_samples(rate_hz)
    active = np.repeat(_active_frames(waveform, rate_hz), hop)[: len(waveform)]
    if not active.any():
        return waveform
    rms = float(np.sqrt(np.mean(np.square(waveform[active], dtype=np.float64))))
    gain = min(10 ** (target_db / 20) / rms, PEAK_LIMIT / float(np.abs(waveform).max()))
    return (waveform * gain).astype(np.float32)


def _frame_samples(rate_hz: int) -> int:
    return max(1, round(FRAME_SECONDS * rate_hz))


def _active_frames(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """(S,) -> (frames,) bool: which 10 ms hold speech. A last frame that is not full counts as one."""
    hop = _frame_samples(rate_hz)
    frames = -(-len(waveform) // hop)
    padded = np.zeros(frames * hop)
    padded[: len(waveform)] = waveform
    rms = np.sqrt(np.mean(padded.reshape(frames, hop) ** 2, axis=1))
    if not len(rms):
        return np.zeros(0, dtype=bool)
    lowest, highest = (rms.max() * 10 ** (-below / 20) for below in BELOW_LOUDEST_DB)
    noise = np.quantile(rms, 0.1) * 10 ** (ABOVE_NOISE_DB / 20)
    return rms > max(min(max(lowest, noise), highest), SILENCE_PEAK / 10)
