"""References that can be used, and what a user should know of them. The voice is one that ships."""

import numpy as np
import pytest

from ditar.audio import faults as module
from ditar.audio.faults import band_range_db, decay_db_per_s, faults, loudness_range_db, unfit_to_learn
from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass, resample
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.reference import read_reference

RATE_HZ = 24_000


@pytest.fixture(scope="module")
def voice():
    return read_audio(ASSETS / "voices" / "heart.flac")


def noise(samples, db, seed=0):
    return 10 ** (db / 20) * np.random.default_rng(seed).standard_normal(samples)


@pytest.mark.parametrize(("made", "said"), [
    (lambda x: noise(48_000, -20), "sounds like noise or a tone and not like speech: its loudness varies by 1 dB"),
    (lambda x: 0.3 * np.sin(np.arange(48_000) * 0.1), "sounds like noise or a tone"),
    (lambda x: x + noise(len(x), -31), r"is noisy: its softest parts are only 1\d dB below its loudest"),
    (lambda x: np.clip(8 * x, -np.abs(x).max(), np.abs(x).max()), r"is clipped: 1\d\.\d % of its samples"),
    (lambda x: low_pass(x, 1000, RATE_HZ), r"has nothing above 1\.1 kHz: what is spoken may sound muffled"),
    (lambda x: low_pass(x, 3400, RATE_HZ), r"has nothing above 3\.4 kHz"),
    (lambda x: x + 0.2, r"had a constant offset of \+0\.20 of full scale, which was removed"),
])  # fmt: skip
def test_each_fault_is_said_and_no_other(voice, made, said):
    import re

    found = [line for line in faults(made(voice).astype(np.float32), RATE_HZ, "c.wav") if "offset of -" not in line]
    assert len(found) == 1 and re.match(f"c.wav {said}", found[0])


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_a_good_recording_has_none_at_any_rate(voice, rate_hz):
    assert faults(resample(voice, RATE_HZ, rate_hz), rate_hz, "c") == []
    assert faults(voice + noise(len(voice), -43), RATE_HZ, "c") == []  # 20 dB below the speech


def test_what_is_silent_or_too_short_is_not_judged(voice):
    for nothing in (np.zeros(9_000), np.full(9_000, 0.3), voice[:100], voice[:0]):
        assert faults(nothing, RATE_HZ, "c") == []


def test_a_reference_keeps_what_is_wrong_with_its_recording(voice):
    """At the rate of the file: a change of rate would round off what was clipped."""
    clipped = np.clip(8 * resample(voice, RATE_HZ, 44_100), -0.3, 0.3)
    assert [line for line in read_reference((44_100, clipped), "Hello there.").warnings if "is clipped" in line]
    assert read_reference(voice, "Hello there.").warnings == read_reference().warnings == ()


def echoed(voice, seconds, db, rate_hz=RATE_HZ):
    """With a room's echo that falls by 60 dB in so many seconds, at a level beside the voice's."""
    size = round(1.5 * seconds * rate_hz)
    room = noise(size, 0) * 10 ** (-3 * np.arange(size) / rate_hz / seconds)
    echo = np.convolve(voice, room)
    echo *= 10 ** (db / 20) * np.sqrt((voice**2).sum() / (echo**2).sum())
    echo[: len(voice)] += voice
    return 0.5 * echo


@pytest.mark.parametrize(("made", "said"), [
    (lambda x: x, ""),
    (lambda x: x + noise(len(x), -47), "its recording is not quiet enough"),  # 25 dB below
    (lambda x: echoed(x, 0.3, -10), ""),
    (lambda x: echoed(x, 0.5, -3), "its recording has the echo of a room"),
    (lambda x: low_pass(x, 3400, RATE_HZ), "its recording has nothing above 3."),
])  # fmt: skip
def test_what_a_voice_is_learnt_from_is_decided_by_the_recording(voice, made, said):
    """And not by its rate, its level, its length, or the silence before or in it."""
    recording = made(voice).astype(np.float32)
    silence, middle = np.zeros(RATE_HZ, np.float32), len(recording) // 2
    same = {
        "as it is": (recording, RATE_HZ),
        "48 kHz": (resample(recording, RATE_HZ, 48_000), 48_000),
        "192 kHz": (resample(recording, RATE_HZ, 192_000), 192_000),
        "soft": (0.01 * recording, RATE_HZ),
        "long": (np.tile(recording, 6), RATE_HZ),
        "silence before": (np.concatenate((silence, recording)), RATE_HZ),
        "silence in it": (np.concatenate((recording[:middle], silence, recording[middle:])), RATE_HZ),
    }
    for how, (waveform, rate_hz) in same.items():
        assert unfit_to_learn(waveform, rate_hz)[: len(said) or None] == said, how


def test_how_fast_sounds_die_away_is_the_same_at_any_rate_and_level(voice):
    """Sums of many samples lose what is soft, unless they have more digits than the samples."""
    expected = decay_db_per_s(voice, RATE_HZ)
    for rate_hz, gain in ((48_000, 1.0), (192_000, 1.0), (RATE_HZ, 0.003)):
        assert decay_db_per_s(gain * resample(voice, RATE_HZ, rate_hz), rate_hz) == pytest.approx(expected, rel=0.02)


def test_silence_that_was_put_in_hides_no_fault(voice):
    gap = np.zeros(RATE_HZ, np.float32)
    for made in (voice + noise(len(voice), -31).astype(np.float32), 0.3 * np.sin(np.arange(48_000) * 0.1)):
        told = [line.partition(":")[0] for line in faults(made.astype(np.float32), RATE_HZ, "c")]
        split = np.concatenate((made[:24_000], gap, made[24_000:])).astype(np.float32)
        assert told and [line.partition(":")[0] for line in faults(split, RATE_HZ, "c")] == told


@pytest.mark.parametrize(("figure", "value", "said"), [
    ("band_range_db", 36.8, "are 36 dB below the loudest, and 37 or more in clean ones"),
    ("decay_db_per_s", 219.7, "by 219 dB a second, and by 220 or more close to a microphone"),
])  # fmt: skip
def test_a_figure_is_not_rounded_up_to_the_bound_that_it_misses(voice, monkeypatch, figure, value, said):
    assert unfit_to_learn(voice, RATE_HZ) == ""
    monkeypatch.setattr(module, figure, lambda *_: value)
    assert said in unfit_to_learn(voice, RATE_HZ)


def test_range_and_decay_of_what_is_known():
    """Bursts of noise that die away by 300 dB a second, whatever is above 3,500 Hz and in what is quiet; a noise that
    falls by 40 dB, at any rate; a hum, alone in its band, that is nearly all of the loudness."""
    at_s = np.arange(3 * RATE_HZ) / RATE_HZ
    bursts = noise(len(at_s), -20) * 10 ** (-300 * (at_s % 0.3) / 20)
    decay = decay_db_per_s(bursts, RATE_HZ)
    assert decay == pytest.approx(300, rel=0.1)
    hiss, quiet = noise(len(at_s), -10, 1), noise(len(at_s), -60) * 10 ** (-900 * (at_s % 0.1) / 20)
    for more in (bursts + hiss - low_pass(hiss, 4000, RATE_HZ), np.concatenate((bursts, quiet, quiet))):
        assert decay_db_per_s(more, RATE_HZ) == pytest.approx(decay, rel=0.02)
    for rate_hz in (8000, RATE_HZ):
        halves = np.where(np.arange(3 * rate_hz) < 1.5 * rate_hz, 1.0, 0.01) * noise(3 * rate_hz, -20)
        assert band_range_db(halves, rate_hz) == pytest.approx(44, abs=2)
    hum = np.sin(2 * np.pi * 150 * at_s) * (at_s < 1.5) + noise(len(at_s), -60)
    assert band_range_db(hum, RATE_HZ) < 25 < loudness_range_db(hum, RATE_HZ)


def test_what_is_too_short_to_be_judged_is_fit(voice):
    assert unfit_to_learn(voice[:5_000], RATE_HZ) == unfit_to_learn(np.zeros(9_000), RATE_HZ) == ""
