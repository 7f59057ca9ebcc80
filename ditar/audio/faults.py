"""Faults of a reference that can still be used, and how they will affect the speech.

The bounds lie between recordings (360 clips of LibriSpeech, LibriTTS, speechocean and a neural teacher: loudness varies
by at least 20 dB, at most 0.08 % of the samples are at the top, at least 5.8 kHz of bandwidth) and degraded versions of
one of them: with noise 10 dB lower (14 dB), clipping by 6 dB (2.4 %), a telephone's band.
"""

from math import floor  # of figures beside the bound that they miss, which rounding would bring up to it

import numpy as np

from ditar.audio.trim import frame_rms, quantile, trim_silence, without_offset

NO_SPEECH_DB, NOISY_DB = 5.0, 17.0  # between the loudest and the softest twentieth of the frames
TOP, TOP_SHARE = 0.98, 0.005  # share of the samples that are within this factor of the loudest one
BAND_DB, LEAST_BAND_HZ = 60.0, 4500.0  # anything further below the loudest frequency counts as nothing
LEAST_OFFSET = 0.02  # less is not worth a word
# Of what is learnt from. 20 recordings of eight validation speakers have ranges from 37.5 dB on and decays from 268 dB
# a second on; with noise 25 dB below 28 to 36 dB, with an echo of 0.5 s, 5 dB below the voice, 148 to 205 dB a second:
# learnt from, both cost words (egs/natural/RESULTS.md). An echo of 0.3 s, 10 dB below (209 to 307), costs none.
LEARNT_RANGE_DB, LEARNT_DECAY_DB_PER_S = 37.0, 220.0
NOTHING_DB = 90.0  # frames further below the loudest one hold nothing: silence that was put in, or a gate's
BANDS_HZ = (100, 200, 400, 700, 1100, 1700, 2500, 3600, 5200, 7400)
WINDOW_SECONDS = 0.04
MOST_SECONDS = 60.0  # of audio for these figures; no reference is longer


def faults(waveform: np.ndarray, rate_hz: int, name: str) -> list[str]:
    """Of a clip (S,) at the rate of its recording, before any processing: an offset, no speech, noise, clipping, a
    narrow band. Nothing for a silent clip."""
    waveform, offset = without_offset(np.asarray(waveform, dtype=np.float32))
    speech = trim_silence(waveform, rate_hz)[: round(MOST_SECONDS * rate_hz)]
    if len(speech) < WINDOW_SECONDS * rate_hz:
        return []
    found = []
    if abs(offset) >= LEAST_OFFSET:
        found.append(f"{name} had a constant offset of {offset:+.2f} of full scale, which was removed")
    if (varies_db := loudness_range_db(speech, rate_hz)) < NO_SPEECH_DB:
        return [
            *found,
            f"{name} sounds like noise or a tone and not like speech: its loudness varies by {varies_db:.0f} dB, and "
            "that of speech by 20 or more; there is no voice in it, and what is spoken may be noise",
        ]
    if varies_db < NOISY_DB:
        found.append(
            f"{name} is noisy: its softest parts are only {varies_db:.0f} dB below its loudest; the noise will be "
            "heard in what is spoken, and words may go wrong; give a quieter recording"
        )
    if (share := top_share(speech)) > TOP_SHARE:
        found.append(
            f"{name} is clipped: {100 * share:.1f} % of its samples are as loud as any; what is spoken may sound "
            "harsh; record it again with less gain"
        )
    if (edge_hz := band_edge_hz(speech, rate_hz)) < LEAST_BAND_HZ:
        found.append(
            f"{name} has nothing above {edge_hz / 1000:.1f} kHz: what is spoken may sound muffled, and words may go "
            "wrong; give a recording with 8 kHz of bandwidth or more"
        )
    return found


def unfit_to_learn(waveform: np.ndarray, rate_hz: int) -> str:
    """Why a voice should not be learnt from a clip (S,) at the rate of its recording, or nothing: noise, an echo or a
    narrow band would be learnt with it, and then words go wrong that would not if it were only heard."""
    speech = _speech(waveform, rate_hz)
    if len(speech) < 10 * WINDOW_SECONDS * rate_hz:
        return ""
    if found := faults(speech, rate_hz, "its recording"):
        return found[0].split(";")[0]  # the fault without its remedy; a denoised clip has no warning that names it
    if (range_db := band_range_db(speech, rate_hz)) < LEARNT_RANGE_DB:
        return (
            f"its recording is not quiet enough: in its bands the softest parts are {floor(range_db)} dB below the "
            f"loudest, and {LEARNT_RANGE_DB:.0f} or more in clean ones"
        )
    if (decay := decay_db_per_s(speech, rate_hz)) < LEARNT_DECAY_DB_PER_S:
        return (
            f"its recording has the echo of a room: sounds die away by {floor(decay)} dB a second, and by "
            f"{LEARNT_DECAY_DB_PER_S:.0f} or more close to a microphone"
        )
    return ""


def is_noisy(waveform: np.ndarray, rate_hz: int) -> bool:
    """Whether a clip (S,) has more noise than a voice should be learnt with."""
    speech = _speech(waveform, rate_hz)
    return len(speech) >= 10 * WINDOW_SECONDS * rate_hz and band_range_db(speech, rate_hz) < LEARNT_RANGE_DB


def _speech(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    """What is judged of a clip: without an offset and the silence around it."""
    waveform, _ = without_offset(np.asarray(waveform, dtype=np.float32))
    return trim_silence(waveform, rate_hz)[: round(MOST_SECONDS * rate_hz)]


def band_range_db(waveform: np.ndarray, rate_hz: int) -> float:
    """From the 5th to the 95th percentile of the frames of a band, by level, in the mean over bands: unlike that of all
    frequencies together, it is small where noise fills the bands in which a sound has nothing. Frames of nothing at all
    do not count: they are no pauses of the recording."""
    size, hop = round(0.032 * rate_hz), round(0.01 * rate_hz)
    windows = np.lib.stride_tricks.sliding_window_view(waveform, size)[::hop]
    power = np.abs(np.fft.rfft(windows * np.hanning(size))) ** 2
    power = power[_sounds(power.sum(axis=1))]
    frequency_hz = np.fft.rfftfreq(size, 1 / rate_hz)
    ranges = []
    for low, high in zip(BANDS_HZ, BANDS_HZ[1:]):
        if high <= rate_hz / 2:
            inside = (frequency_hz >= low) & (frequency_hz < high)
            level_db = 10 * np.log10(power[:, inside].sum(axis=1) + 1e-12)
            ranges.append(quantile(level_db, 0.95) - quantile(level_db, 0.05))
    return float(np.mean(ranges))


def decay_db_per_s(waveform: np.ndarray, rate_hz: int) -> float:
    """How fast the fastest twentieth of loud sounds die away, over 80 ms, between 500 and 3,500 Hz; an echo that falls
    by 60 dB in T seconds lets none be much faster than 60 / T."""
    spectrum = np.fft.rfft(waveform.astype(np.float64))  # sums of 30 s in float32 lose what is 50 dB below
    frequency_hz = np.fft.rfftfreq(len(waveform), 1 / rate_hz)
    spectrum[(frequency_hz < 500) | (frequency_hz > 3500)] = 0
    hop = round(0.01 * rate_hz)
    sums = np.concatenate(([0.0], np.cumsum(np.fft.irfft(spectrum, len(waveform)) ** 2)))
    power = (sums[2 * hop :: hop] - sums[: -2 * hop : hop]).clip(0.0)  # of 20 ms each
    level_db = 10 * np.log10(power / max(power.max(), 1e-30) + 1e-10)
    steps = np.arange(8) - 3.5
    slopes = np.lib.stride_tricks.sliding_window_view(level_db, 8) @ (steps / (steps @ steps)) / 0.01
    return -quantile(slopes[level_db[: len(slopes)] > quantile(level_db, 0.95) - 25], 0.05)


def loudness_range_db(waveform: np.ndarray, rate_hz: int) -> float:
    """From the 5th to the 95th percentile of frames of 10 ms, by loudness, but for those of nothing at all."""
    rms = frame_rms(waveform, rate_hz)
    loudness_db = 20 * np.log10(rms[_sounds(rms**2)] + 1e-6)
    return quantile(loudness_db, 0.95) - quantile(loudness_db, 0.05)


def _sounds(power: np.ndarray) -> np.ndarray:
    """(frames,) -> (frames,) bool: which hold more than nothing."""
    return power >= power.max() * 10 ** (-NOTHING_DB / 10)


def top_share(waveform: np.ndarray) -> float:
    """The share of samples within 2 % of the highest or of the lowest one, whichever is larger."""
    return float(max(np.mean(waveform >= TOP * waveform.max()), np.mean(waveform <= TOP * waveform.min())))


def band_edge_hz(waveform: np.ndarray, rate_hz: int) -> float:
    """The highest frequency whose mean power is within 60 dB of the loudest one's."""
    size = max(64, round(WINDOW_SECONDS * rate_hz))
    windows = np.lib.stride_tricks.sliding_window_view(waveform, min(size, len(waveform)))[:: size // 2]
    power = (np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]))) ** 2).mean(axis=0)
    loud = np.flatnonzero(power > power.max() * 10 ** (-BAND_DB / 10))
    return float(loud[-1] / (len(power) - 1) * rate_hz / 2)
