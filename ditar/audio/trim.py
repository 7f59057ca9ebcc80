"""Silence and level of a reference clip: its ends trimmed to the speech, its loudness set, unusable clips refused."""

import numpy as np

from ditar.audio.errors import AudioError

FRAME_SECONDS = 0.01
SILENCE_PEAK = 10 ** (-60 / 20)  # below -60 dBFS there is nothing to clone
# Frames more than this below the loudest are pauses. In a noisy recording the threshold is 8 dB above its quietest
# tenth, but never higher than the second figure, which soft speech still exceeds.
BELOW_LOUDEST_DB = (40.0, 30.0)
ABOVE_NOISE_DB = 8.0
TARGET_DB = -23.0
PEAK_LIMIT = 0.99
MIN_REFERENCE_SECONDS = 0.5
MAX_REFERENCE_SECONDS = 30.0
# A clip that may be cut is, if it is longer than the first, at its last pause before the second, but not before the
# third: models hear examples of some 20 s, reference and text together.
LONG_REFERENCE_SECONDS, CUT_REFERENCE_SECONDS, LEAST_CUT_SECONDS = 15.0, 10.0, 3.0
LEAST_ACTIVE_DB = -52.0  # in a stream, whose loudest frame may be to come: 40 dB below that of most outputs
FADE_SECONDS = 0.005
KEEP_SECONDS = 0.03  # of silence, on both sides of the speech
MIN_PAUSE_SECONDS = 0.15  # shorter silence is part of a word: the closure of a plosive lasts 0.1 s


def prepare_reference(
    waveform: np.ndarray, rate_hz: int, name: str = "the reference clip", cut: list[str] | None = None
) -> np.ndarray:
    """Reference clip (S,) -> (S',): silence at both ends trimmed, level -23 dBFS where there is speech.

    AudioError, naming `name`, if it is silent, if it holds less than 0.5 s of speech, and if it is longer than 30 s and
    has no pause or must not be cut.

    Args:
        cut: a clip of more than 15 s of speech is cut at its last pause before 10 s, and one of more than 30 s that has
            none there at its last before that; a message is appended here. None, for a clip with a transcript, which
            would not fit any more: such a clip stays, or is refused.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name} holds samples that are not numbers (NaN or infinite); export it again")
    waveform, offset = without_offset(waveform)
    if is_silent(waveform):
        raise AudioError(f"{name} is silent ({loudest(waveform, offset)}); record it again, louder")
    start, stop = speech_range(waveform, rate_hz)
    seconds, pause = (stop - start) / rate_hz, None
    if cut is not None and seconds > LONG_REFERENCE_SECONDS:
        pause = last_pause(waveform[start:stop], rate_hz, CUT_REFERENCE_SECONDS - KEEP_SECONDS)
        pause = None if pause is None or pause < LEAST_CUT_SECONDS * rate_hz else pause
    if pause is None and seconds > MAX_REFERENCE_SECONDS:
        pause = last_pause(waveform[start:stop], rate_hz, MAX_REFERENCE_SECONDS - KEEP_SECONDS)
        if pause is None or cut is None:
            where = "" if pause is None else f" (the last within the limit is at {(start + pause) / rate_hz:.2f} s)"
            raise AudioError(
                f"{name} holds {seconds:.1f} s of speech, the limit is {MAX_REFERENCE_SECONDS:g} s; "
                f"cut it at a pause{where}, and its transcript with it; 2 to 8 s work best"
            )
    if pause is not None:
        cut.append(
            f"{name} holds {seconds:.1f} s of speech, and only the first {pause / rate_hz:.1f} s, up "
            "to a pause, are used; give a shorter clip: 2 to 8 s work best"
        )
        stop = start + pause + round(KEEP_SECONDS * rate_hz)
    seconds = (stop - start) / rate_hz
    if seconds < MIN_REFERENCE_SECONDS:
        raise AudioError(
            f"{name} holds {int(100 * seconds) / 100:.2f} s of speech, at least {MIN_REFERENCE_SECONDS:g} s are needed; "
            "2 to 8 s work best"
        )
    return level(waveform[start:stop], rate_hz)


def without_offset(waveform: np.ndarray) -> tuple[np.ndarray, float]:
    """(S,) -> ((S,), offset): without its mean, if that is louder than -60 dBFS: a constant is inaudible, but would
    count as speech in every frame, and no waveform of a voice has one."""
    offset = float(np.mean(waveform, dtype=np.float64)) if len(waveform) else 0.0
    return (waveform, 0.0) if abs(offset) < SILENCE_PEAK else ((waveform - offset).astype(np.float32), offset)


def is_silent(waveform: np.ndarray) -> bool:
    """True if no sample of (S,) is further than -60 dBFS from their mean: a constant counts as silence too."""
    waveform = np.asarray(waveform)
    return not len(waveform) or bool(np.abs(waveform - waveform.mean()).max() < SILENCE_PEAK)


def loudest(waveform: np.ndarray, offset: float) -> str:
    """How loud a silent clip is, in words, with the offset that was removed."""
    peak = f"its loudest sample is {np.abs(waveform).max(initial=0.0):.1e} of full scale"
    return f"{peak}, besides a constant offset of {offset:+.2f}" if offset else peak


def trim_silence(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """(S,) -> (S',): cut before the first and after the last active frame, with 30 ms kept on both sides."""
    start, stop = speech_range(waveform, rate_hz)
    return waveform[start:stop]


class StreamTrimmer:
    """Cuts the silence at the start, at the end, or at both, of speech (S,) that arrives in pieces, as `trim_silence`
    cuts that of the whole, as far as it can be known by then: a frame is active if it is louder than LEAST_ACTIVE_DB
    and within 40 dB of the loudest so far, so that a noise above the first stays. Frames that are not numbers are
    active, for whoever looks for them. How the speech was cut into pieces changes nothing.

    Silence that may be the end is held back until something follows; speech without an active frame stays as it is.
    cut: samples that went from the start, known once there is a piece with any.
    """

    def __init__(self, rate_hz: int, start: bool, end: bool):
        self._rate_hz, self._hop = rate_hz, frame_samples(rate_hz)
        self._keep = round(KEEP_SECONDS / FRAME_SECONDS)  # frames
        self._start, self._end = start, end
        self._held, self._loudest, self._heard, self.cut = np.zeros(0, np.float32), 0.0, False, 0

    def __call__(self, audio: np.ndarray, final: bool = False) -> np.ndarray:
        """The next piece (S,): what can be had by now; `final`: nothing follows, so all that is kept."""
        if not self._end and (self._heard or not self._start):
            return audio
        held = np.concatenate((self._held, audio))
        whole = len(held) if final else len(held) // self._hop * self._hop
        active = self._active(held[:whole])
        if not self._heard and not len(active):
            self._held = held
            return held if final else held[:0]
        if self._start and not self._heard:
            gone = max(0, int(active[0]) - self._keep)
            held, active, self.cut = held[gone * self._hop :], active - gone, gone * self._hop
            held = fade(held, self._rate_hz, end=False) if gone else held
        self._heard = True
        if not self._end:
            self._held = held[:0]
            return held
        sound = (int(active[-1]) + 1) * self._hop if len(active) else 0
        if final:
            kept = held[: sound + self._keep * self._hop]
            return fade(kept, self._rate_hz, start=False) if len(kept) < len(held) else kept
        self._held = held[sound:]
        return held[:sound]

    def _active(self, audio: np.ndarray) -> np.ndarray:
        """The numbers of the active frames of (S,), which begins where a frame does."""
        rms = frame_rms(audio, self._rate_hz)
        finite = np.isfinite(rms)
        loudest = np.maximum.accumulate(np.append(self._loudest, np.where(finite, rms, 0.0)))[1:]
        self._loudest = max(self._loudest, float(loudest.max(initial=0.0)))
        bar = np.maximum(10 ** (LEAST_ACTIVE_DB / 20), loudest * 10 ** (-BELOW_LOUDEST_DB[0] / 20))
        return np.flatnonzero(~finite | (rms > bar))


def last_pause(waveform: np.ndarray, rate_hz: int, limit_seconds: float) -> int | None:
    """The sample of (S,) at which the last pause within the limit begins; None: there is none."""
    begins = [begin for begin, _ in pauses(waveform, rate_hz) if begin <= limit_seconds * rate_hz]
    return begins[-1] if begins else None


def pauses(waveform: np.ndarray, rate_hz: int) -> list[tuple[int, int]]:
    """First and last sample, exclusive, of the pauses of (S,), each with speech on both sides."""
    hop, speech = frame_samples(rate_hz), np.flatnonzero(_active_frames(waveform, rate_hz))
    gaps = np.flatnonzero(np.diff(speech) - 1 >= round(MIN_PAUSE_SECONDS / FRAME_SECONDS))
    return [(int(speech[gap] + 1) * hop, int(speech[gap + 1]) * hop) for gap in gaps]


def level(waveform: np.ndarray, rate_hz: int, target_db: float = TARGET_DB) -> np.ndarray:
    """(S,) -> (S,): scaled so that the root mean square of its active frames is `target_db`, peaks below 0.99."""
    hop = frame_samples(rate_hz)
    active = np.repeat(_active_frames(waveform, rate_hz), hop)[: len(waveform)]
    if not active.any():
        return waveform
    rms = float(np.sqrt(np.mean(np.square(waveform[active], dtype=np.float64))))
    gain = min(10 ** (target_db / 20) / rms, PEAK_LIMIT / float(np.abs(waveform).max()))
    return (waveform * gain).astype(np.float32)


def fade(waveform: np.ndarray, rate_hz: int, start: bool = True, end: bool = True) -> np.ndarray:
    """(S,) -> (S,), a copy: faded in and out within 5 ms, so that neither end clicks, or at one end only."""
    faded = np.array(waveform, dtype=np.float32)
    ramp = np.linspace(0.0, 1.0, min(round(FADE_SECONDS * rate_hz), len(faded)), dtype=np.float32)
    if start:
        faded[: len(ramp)] *= ramp
    if end:
        faded[len(faded) - len(ramp) :] *= ramp[::-1]
    return faded


def speech_range(waveform: np.ndarray, rate_hz: int) -> tuple[int, int]:
    """First and last sample, exclusive, of the speech and a little silence around it; (0, 0) if there is none."""
    active = np.flatnonzero(_active_frames(waveform, rate_hz))
    if not len(active):
        return 0, 0
    hop, keep = frame_samples(rate_hz), round(KEEP_SECONDS * rate_hz)
    return max(0, int(active[0]) * hop - keep), min(len(waveform), (int(active[-1]) + 1) * hop + keep)


def frame_samples(rate_hz: int) -> int:
    return max(1, round(FRAME_SECONDS * rate_hz))


def _active_frames(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """(S,) -> (frames,) bool: which 10 ms hold speech. An incomplete last frame counts as one."""
    rms = frame_rms(waveform, rate_hz)
    return rms > active_bar(rms) if len(rms) else np.zeros(0, dtype=bool)


def frame_rms(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """(S,) -> (frames,): root mean square of every 10 ms; an incomplete last frame is padded with silence."""
    hop = frame_samples(rate_hz)
    frames = -(-len(waveform) // hop)
    padded = np.zeros(frames * hop)
    padded[: len(waveform)] = waveform
    return np.sqrt(np.mean(padded.reshape(frames, hop) ** 2, axis=1))


def noise_bar(rms: np.ndarray) -> float:
    """Threshold above which frames with the given root mean squares are more than the recording's noise."""
    return quantile(rms, 0.1) * 10 ** (ABOVE_NOISE_DB / 20)


def quantile(values: np.ndarray, share: float) -> float:
    """Of values (N,), by a straight line between neighbours, as numpy's, which imports its masked arrays for it."""
    return float(np.interp(share * (len(values) - 1), np.arange(len(values)), np.sort(values)))


def active_bar(rms: np.ndarray) -> float:
    """Threshold above which frames with the given root mean squares count as speech."""
    lowest, highest = (rms.max() * 10 ** (-below / 20) for below in BELOW_LOUDEST_DB)
    return max(min(max(lowest, noise_bar(rms)), highest), SILENCE_PEAK / 10)
