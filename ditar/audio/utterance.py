"""A training utterance, prepared as references are at synthesis: ends trimmed, level set, silence after it."""

import numpy as np

from ditar.audio.errors import AudioError
from ditar.audio.trim import (
    ABOVE_NOISE_DB,
    FRAME_SECONDS,
    KEEP_SECONDS,
    MIN_PAUSE_SECONDS,
    SILENCE_PEAK,
    active_bar,
    frame_rms,
    frame_samples,
    is_silent,
    level,
    loudest,
    noise_bar,
    without_offset,
)
from ditar.units import seconds_to_samples

LEAD_SECONDS = 0.05  # before the first sound, at most
TAIL_SECONDS = 0.15  # after the last sound, exactly: what the stop head hears before every end
TAIL_FADE_SECONDS = 0.02  # after KEEP_SECONDS of it, from the recording into digital silence
WIDEN_SECONDS = 0.05  # of phone times on both sides: aligners move in steps of 10 ms and cut soft beginnings
# A sound may begin or fade out this far below the threshold for speech: h and f, aspiration, a room's response. How far
# below, and how far above a recording's noise at least.
SOFT_SECONDS = 0.15
SOFT_DB = 10.0
SOFT_ABOVE_NOISE_DB = 4.0
LEAST_SOUND_SECONDS = 0.05  # anything shorter, and a pause away from the speech, is a click
# Given times, a sound that is a pause away from them is a missed word only if it has a vowel; breaths, lips and bumps
# of the microphone are softer than this, relative to the level of the speech.
WORD_DB = -15.0


def prepare_utterance(
    waveform: np.ndarray, rate_hz: int, sound_s: tuple[float, float] | None = None, name: str = "the utterance"
) -> tuple[np.ndarray, float]:
    """Training utterance (S,) -> ((S',), seconds cut at its start).

    It begins at most 50 ms before the first sound, has the level of references (-23 dBFS where there is speech, peaks
    below 0.99), and ends 150 ms after the last sound: 30 ms of the recording, 20 ms in which it fades out, and digital
    silence, or less of the recording if it ends before that.

    `sound_s`: where the first sound begins and the last one ends, by phone times, in seconds; None: by energy only.
    AudioError, naming `name`, if the utterance is silent or holds samples that are not numbers.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name} holds samples that are not numbers (NaN or infinite); export it again")
    waveform, offset = without_offset(waveform)
    if is_silent(waveform) or not _rises(waveform, rate_hz):
        raise AudioError(f"{name} holds only silence ({loudest(waveform, offset)}); leave it out")
    first, last = sound_range(waveform, rate_hz, sound_s)
    start = max(0, first - seconds_to_samples(LEAD_SECONDS, rate_hz))
    stop = min(len(waveform), last + seconds_to_samples(KEEP_SECONDS + TAIL_FADE_SECONDS, rate_hz))
    # The level is that of the speech only, as in a reference, which has no silence after it either.
    made = level(waveform[start:stop], rate_hz)
    fade = min(seconds_to_samples(TAIL_FADE_SECONDS, rate_hz), len(made))
    made[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    padding = last + seconds_to_samples(TAIL_SECONDS, rate_hz) - stop
    return np.pad(made, (0, padding)), start / rate_hz


def sound_range(waveform: np.ndarray, rate_hz: int, sound_s: tuple[float, float] | None = None) -> tuple[int, int]:
    """First and last sample, exclusive, of the sound in (S,), in which at least one frame must exceed the threshold for
    speech.

    Given times, sound that is clearly above the noise and less than a pause away from them belongs to the range too,
    and further away what is loud enough for a word; without times, all that exceeds the threshold and is not a click.
    """
    rms = frame_rms(waveform, rate_hz)
    bar, noise = active_bar(rms), noise_bar(rms)
    inside = np.ones(len(rms), dtype=bool)
    if sound_s is not None:
        middles = (np.arange(len(rms)) + 0.5) * frame_samples(rate_hz) / rate_hz
        inside = (middles > sound_s[0] - WIDEN_SECONDS) & (middles < sound_s[1] + WIDEN_SECONDS)
        # Without times soft speech must exceed the threshold, and in a noisy recording some noise does, too.
    loud = (rms > bar) & (inside | (rms > noise))
    if sound_s is None:
        speech = _without_clicks(loud, loud)
    else:
        words = rms > np.sqrt(np.mean(rms[rms > bar] ** 2)) * 10 ** (WORD_DB / 20)
        speech = _without_clicks(loud, words, inside)
    if not speech.any():  # only a click, or soft speech in noise without times
        speech = rms > bar
    first, last = np.flatnonzero(speech)[[0, -1]]
    above_noise = noise * 10 ** ((SOFT_ABOVE_NOISE_DB - ABOVE_NOISE_DB) / 20)
    soft_bar = max(bar * 10 ** (-SOFT_DB / 20), min(above_noise, bar), SILENCE_PEAK / 10)
    soft = np.flatnonzero((rms > soft_bar) & inside)
    reach = round(SOFT_SECONDS / FRAME_SECONDS)
    first = min([first, *soft[soft >= first - reach][:1]])
    last = max([last, *soft[soft <= last + reach][-1:]])
    hop = frame_samples(rate_hz)
    return int(first) * hop, min(len(waveform), (int(last) + 1) * hop)


def _rises(waveform: np.ndarray, rate_hz: int) -> bool:
    """Whether any frame of (S,) is loud enough to be speech: a single sample is not."""
    rms = frame_rms(waveform, rate_hz)
    return bool((rms > active_bar(rms)).any())


def _without_clicks(loud: np.ndarray, words: np.ndarray, trusted: np.ndarray | None = None) -> np.ndarray:
    """(frames,) -> (frames,): the loud frames, without those groups a pause away from all others that have no `trusted`
    frame and too few loud ones that are `words`."""
    frames = np.flatnonzero(loud)
    made = np.zeros_like(loud)
    least = round(LEAST_SOUND_SECONDS / FRAME_SECONDS)
    for group in np.split(frames, np.flatnonzero(np.diff(frames) - 1 >= round(MIN_PAUSE_SECONDS / FRAME_SECONDS)) + 1):
        if words[group].sum() >= least or (trusted is not None and trusted[group].any()):
            made[group] = True
    return made
