"""Utterances to train on: what is cut, what is kept, the level, and the silence at the end."""

import numpy as np
import pytest

from ditar.audio import AudioError
from ditar.audio.trim import level
from ditar.audio.utterance import prepare_utterance, sound_range

RATE_HZ = 24_000


def noise(seconds, amplitude=0.1, seed=0):
    return (amplitude * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def join(*parts):
    return np.concatenate(parts)


def seconds_of(waveform):
    return len(waveform) / RATE_HZ


@pytest.mark.parametrize("sound_s", [None, (0.4, 1.4)])
def test_it_begins_just_before_the_first_sound_and_ends_with_silence(sound_s):
    made, cut_s = prepare_utterance(join(silence(0.4), noise(1.0), silence(1.0)), RATE_HZ, sound_s)
    assert cut_s == pytest.approx(0.35) and seconds_of(made) == pytest.approx(0.05 + 1.0 + 0.15)
    assert made.dtype == np.float32 and not made[-round(0.15 * RATE_HZ) :].any()


def test_an_utterance_that_ends_tight_gets_the_same_silence():
    made, cut_s = prepare_utterance(noise(1.0), RATE_HZ)
    assert cut_s == 0.0 and seconds_of(made) == pytest.approx(1.15)
    assert not made[RATE_HZ:].any() and np.abs(made[RATE_HZ - 4 : RATE_HZ]).max() < 0.01  # without a click
    assert np.allclose(made[: RATE_HZ - 480], level(noise(1.0), RATE_HZ)[: RATE_HZ - 480])


def test_what_follows_the_last_sound_fades_out():
    room = 0.0005  # 46 dB below the speech
    made, _ = prepare_utterance(join(noise(0.5, room, 1), noise(1.0), noise(1.0, room, 2)), RATE_HZ)
    assert seconds_of(made) == pytest.approx(1.2)
    tail = made[round(1.05 * RATE_HZ) :]
    assert tail[: round(0.03 * RATE_HZ)].std() > 0 and not tail[round(0.05 * RATE_HZ) :].any()


@pytest.mark.parametrize("amplitude", [0.002, 0.1, 0.5])
def test_levels_are_those_of_references(amplitude):
    made, _ = prepare_utterance(join(silence(0.3), noise(1.0, amplitude), silence(0.3)), RATE_HZ)
    spoken = made[round(0.05 * RATE_HZ) : round(1.05 * RATE_HZ)]
    assert 20 * np.log10(np.sqrt(np.mean(spoken**2))) == pytest.approx(-23.0, abs=0.1)


def test_peaks_stay_below_full_scale():
    spiked = noise(1.0, 0.0005)
    spiked[5000] = 0.05
    assert np.abs(prepare_utterance(spiked, RATE_HZ)[0]).max() <= 0.9901


def test_the_samples_themselves_are_moved_and_scaled_alone():
    waveform = join(silence(0.4), noise(1.0), silence(0.4))
    before = waveform.copy()
    made, cut_s = prepare_utterance(waveform, RATE_HZ)
    start = round(cut_s * RATE_HZ)
    one, other = made[1200 : 1200 + RATE_HZ], waveform[start + 1200 : start + 1200 + RATE_HZ]
    assert np.allclose(one, other * (one @ other / (other @ other)), atol=1e-6) and (waveform == before).all()


def test_soft_sounds_at_both_ends_are_kept():
    soft = 0.1 * 10 ** (-42 / 20)  # below the bar for speech, above that for the end of a sound
    waveform = join(silence(0.3), noise(0.1, soft, 1), noise(1.0), noise(0.1, soft, 2), silence(0.5))
    for sound_s in (None, (0.3, 1.5)):
        first, last = sound_range(waveform, RATE_HZ, sound_s)
        assert first / RATE_HZ == pytest.approx(0.3) and last / RATE_HZ == pytest.approx(1.5)


def test_times_that_claim_silence_are_not_believed():
    waveform = join(silence(0.5), noise(1.0), silence(0.5))
    assert sound_range(waveform, RATE_HZ, (0.0, 2.0)) == (round(0.5 * RATE_HZ), round(1.5 * RATE_HZ))


@pytest.mark.parametrize(
    "extra, seconds_before, kept",
    [
        (noise(0.2, 0.05), 1.0, True),  # a word that an aligner missed
        (noise(0.2, 0.01), 1.0, False),  # a breath
        (noise(0.2, 0.01), 0.3, True),  # the same where it may be part of the first word
        (noise(0.01, 0.1), 1.0, False),  # a click
    ],
)
def test_sounds_outside_the_times(extra, seconds_before, kept):
    gap = silence(seconds_before - len(extra) / RATE_HZ)
    waveform = join(silence(0.5), extra, gap, noise(1.0), gap, extra, silence(0.5))
    start = 0.5 + seconds_before
    first, last = sound_range(waveform, RATE_HZ, (start, start + 1.0))
    assert first / RATE_HZ == pytest.approx(0.5 if kept else start)
    assert last / RATE_HZ == pytest.approx(start + 1.0 + (seconds_before if kept else 0))


def test_without_times_breaths_are_kept_and_clicks_are_not():
    for extra, begins in ((noise(0.2, 0.01), 0.5), (noise(0.01, 0.1), 1.5)):
        waveform = join(silence(0.5), extra, silence(1.0 - len(extra) / RATE_HZ), noise(1.0), silence(0.5))
        assert sound_range(waveform, RATE_HZ)[0] / RATE_HZ == pytest.approx(begins)


def test_in_noise_the_times_decide():
    """The noise is 20 dB below the speech: by energy alone it would be all speech."""
    waveform = noise(3.0, 0.01, 1)
    waveform[RATE_HZ : 2 * RATE_HZ] += noise(1.0, seed=2)
    waveform[RATE_HZ + 4800 : RATE_HZ + 9600] *= 3  # the loudest part, by which the bar is set
    first, last = sound_range(waveform, RATE_HZ, (1.0, 2.0))
    assert 0.94 <= first / RATE_HZ <= 1.0 and 2.0 <= last / RATE_HZ <= 2.06


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100])
def test_any_rate(rate_hz):
    sound = 0.1 * np.random.default_rng(0).standard_normal(rate_hz)
    waveform = np.pad(sound, rate_hz // 2)
    made, cut_s = prepare_utterance(waveform, rate_hz, (0.5, 1.5))
    assert cut_s == pytest.approx(0.45, abs=0.011) and len(made) / rate_hz == pytest.approx(1.2, abs=0.021)


@pytest.mark.parametrize("waveform", [silence(1.0), silence(0.0), noise(1.0, 1e-5)])
def test_silence_is_refused_by_name(waveform):
    with pytest.raises(AudioError, match="s1-04 holds only silence"):
        prepare_utterance(waveform, RATE_HZ, name="s1-04")


def test_a_single_sample_is_no_sound():
    waveform = silence(1.0)
    waveform[500] = 0.0012
    with pytest.raises(AudioError, match="only silence"):
        prepare_utterance(waveform, RATE_HZ)


def test_what_is_no_number_is_refused():
    with pytest.raises(AudioError, match="s1-04 .*not numbers"):
        prepare_utterance(np.full(RATE_HZ, np.nan), RATE_HZ, name="s1-04")


def test_a_constant_offset_changes_nothing():
    clip = join(silence(0.5), noise(1.0), silence(0.5))
    (plain, cut), (made, made_cut) = (prepare_utterance(clip + np.float32(offset), RATE_HZ) for offset in (0.0, 0.2))
    assert cut == made_cut and plain.shape == made.shape
    np.testing.assert_allclose(made, plain, atol=1e-3)  # of the noise's own mean
    with pytest.raises(AudioError, match=r"holds only silence .* besides a constant offset of \+0.20"):
        prepare_utterance(silence(1.0) + 0.2, RATE_HZ)
