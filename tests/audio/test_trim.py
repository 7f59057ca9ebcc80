"""Reference clips: ends, level, and the ones that cannot be used."""

import numpy as np
import pytest

from ditar.audio import AudioError
from ditar.audio.trim import StreamTrimmer, fade, is_silent, level, prepare_reference, quantile, trim_silence

RATE_HZ = 24_000


def speech(seconds, amplitude=0.1, seed=0):
    return (amplitude * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def test_silence_at_both_ends_goes_and_the_pause_inside_stays():
    clip = np.concatenate([silence(1.0), speech(1.0), silence(0.5), speech(1.0), silence(2.0)])
    trimmed = trim_silence(clip, RATE_HZ)
    assert abs(len(trimmed) / RATE_HZ - 2.56) < 0.021  # 2.5 s and 30 ms on both sides


@pytest.mark.parametrize("noise", [0.0005, 0.0016])  # 46 dB and 36 dB below the speech
def test_background_noise_counts_as_silence(noise):
    clip = np.concatenate([speech(1.0, noise), speech(1.0), speech(1.0, noise)])
    assert abs(len(trim_silence(clip, RATE_HZ)) / RATE_HZ - 1.06) < 0.021


def test_a_soft_ending_is_kept_where_there_is_no_pause_to_measure_noise_in():
    clip = np.concatenate([speech(2.0), speech(0.5, 0.1 * 10 ** (-25 / 20))])
    assert len(trim_silence(clip, RATE_HZ)) == len(clip)


def test_level_sets_the_rms_of_the_speech_whatever_the_pauses():
    for pause in (0.0, 3.0):
        made = level(np.concatenate([speech(1.0, 0.01), silence(pause)]), RATE_HZ)
        rms = np.sqrt(np.mean(made[:RATE_HZ] ** 2))
        assert abs(20 * np.log10(rms) + 23.0) < 0.1


def test_level_never_clips():
    spike = speech(1.0, 0.0005)
    spike[100] = 0.05
    assert np.abs(level(spike, RATE_HZ)).max() <= 0.9901


def test_a_good_reference_comes_back_trimmed_and_levelled():
    made = prepare_reference(np.concatenate([silence(0.5), speech(2.0, 0.4), silence(0.5)]), RATE_HZ)
    assert 2.0 <= len(made) / RATE_HZ < 2.1
    assert made.dtype == np.float32 and not is_silent(made)


@pytest.mark.parametrize(
    "clip, message",
    [
        (silence(2.0), "mine.wav is silent"),
        (silence(2.0) + 0.3, r"is silent \(its loudest sample is .* besides a constant offset of \+0.30\)"),
        (speech(2.0, 1e-5), "is silent"),
        (speech(0.1), "holds 0.10 s of speech, at least 0.5 s"),
        (speech(0.498), "holds 0.49 s of speech, at least 0.5 s"),
        (np.concatenate([silence(3), speech(0.2), silence(3)]), "at least 0.5 s"),
        (speech(90.0), "holds 90.0 s of speech, the limit is 30 s"),
        (np.zeros(0, np.float32), "is silent"),
        (np.full(RATE_HZ, np.nan, np.float32), "not numbers"),
    ],
)
def test_unusable_references_are_refused_with_the_remedy(clip, message):
    with pytest.raises(AudioError, match=message):
        prepare_reference(clip, RATE_HZ, name="mine.wav")


def paused(*seconds, pause=0.4):
    return np.concatenate([part for s in seconds for part in (speech(s), silence(pause))])


def test_a_long_reference_is_cut_at_its_last_pause_where_it_may_be():
    clip = np.concatenate([silence(1.0), paused(12.0, 12.0, 12.0)])
    told = []
    made = prepare_reference(clip, RATE_HZ, "long.wav", cut=told)
    assert abs(len(made) / RATE_HZ - 24.46) < 0.05  # two parts, the pause between them, 30 ms on both sides
    assert len(told) == 1 and "long.wav holds 36." in told[0] and "only the first 24.4 s" in told[0]
    with pytest.raises(AudioError, match=r"36\.\d s of speech.*at a pause \(the last .* is at 25\.4\d s\), and its"):
        prepare_reference(clip, RATE_HZ)
    with pytest.raises(AudioError, match="cut it at a pause, and"):
        prepare_reference(paused(31.0, 2.0), RATE_HZ, cut=[])


def test_a_clip_that_may_be_cut_is_as_short_as_works_best():
    told = []
    assert abs(len(prepare_reference(paused(4.0, 5.0, 9.0), RATE_HZ, cut=told)) / RATE_HZ - 9.46) < 0.05
    assert len(told) == 1 and "holds 18.8 s of speech, and only the first 9.4 s" in told[0]
    assert abs(len(prepare_reference(paused(9.0, 6.2), RATE_HZ, cut=[])) / RATE_HZ - 9.06) < 0.05
    for parts in ((4.0, 5.0, 4.5), (2.5, 13.5), (14.0, 14.0)):  # short enough, or no pause where it should be
        told = []
        assert len(prepare_reference(paused(*parts), RATE_HZ, cut=told)) / RATE_HZ > sum(parts) and told == []
    for parts in ((14.0, 14.0), (4.0, 5.0, 9.0)):
        assert len(prepare_reference(paused(*parts), RATE_HZ)) / RATE_HZ > sum(parts)  # with its transcript


def test_a_fade_ends_at_nothing_and_leaves_the_rest_and_its_argument():
    whole = np.ones(1000, np.float32)
    for start in (True, False):
        faded = fade(whole, RATE_HZ, start)
        assert faded[-1] == 0 and faded[0] == (0 if start else 1) and (faded[120:880] == 1).all() and whole.min() == 1
        assert np.abs(np.diff(faded)).max() < 0.01  # 5 ms: nothing jumps
    assert fade(np.ones(1, np.float32), RATE_HZ).shape == (1,) and fade(np.zeros(0), RATE_HZ).shape == (0,)


@pytest.mark.parametrize("offset", [-0.3, 0.01, 0.3])
def test_a_constant_offset_changes_neither_silence_nor_ends_nor_level(offset):
    clip = np.concatenate([silence(1.0), speech(2.0), silence(1.0)])
    plain, made = prepare_reference(clip, RATE_HZ), prepare_reference(clip + np.float32(offset), RATE_HZ)
    assert len(plain) == len(made) and abs(len(made) / RATE_HZ - 2.06) < 0.021
    np.testing.assert_allclose(made, plain, atol=1e-4)
    assert is_silent(silence(1.0) + offset) and not is_silent(clip + offset)


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_a_quantile_is_that_of_numpy(count):
    values = np.random.default_rng(count).standard_normal(count)
    for share in (0.0, 0.05, 0.1, 0.95, 1.0):
        assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-12)


@pytest.mark.parametrize("piece", [1, 37, 240, 1000, 9600, 10**6])
@pytest.mark.parametrize("start, end", [(True, True), (True, False), (False, True), (False, False)])
def test_a_stream_is_trimmed_as_the_whole_is_however_it_was_cut(piece, start, end):
    clip = np.concatenate([silence(0.31), speech(0.5), silence(0.4), speech(0.2), silence(0.27)])
    if piece == 1:  # sample by sample takes long
        clip = clip[round(0.2 * RATE_HZ) : round(0.36 * RATE_HZ)]
    trimmer, made = StreamTrimmer(RATE_HZ, start, end), []
    for at in range(0, len(clip), piece):
        made.append(trimmer(clip[at : at + piece]))
    made = np.concatenate([*made, trimmer(clip[:0], final=True)])
    whole = trim_silence(clip, RATE_HZ)
    first = len(clip) - len(clip[np.flatnonzero(clip)[0] :])
    cut = (first // 240 - 3) * 240 if start else 0
    assert trimmer.cut == cut
    expected = whole if start else np.concatenate([clip[: (first // 240 - 3) * 240], whole])
    expected = expected if end else np.concatenate([expected, clip[cut + len(expected) :]])
    np.testing.assert_array_equal(made, expected)


def test_the_ends_of_a_trimmed_stream_do_not_click():
    noise = 1e-3
    clip = np.concatenate([speech(0.3, noise), speech(0.5), speech(0.3, noise)])
    trimmer = StreamTrimmer(RATE_HZ, start=True, end=True)
    made = np.concatenate([trimmer(clip[:10_000]), trimmer(clip[10_000:]), trimmer(clip[:0], final=True)])
    assert abs(len(made) / RATE_HZ - 0.56) < 0.011 and made[0] == made[-1] == 0
    np.testing.assert_array_equal(made[120:-120], clip[trimmer.cut :][120 : len(made) - 120])


def test_what_may_be_the_end_waits_and_what_has_no_end_is_released_at_once():
    trimmer = StreamTrimmer(RATE_HZ, start=False, end=True)
    assert len(trimmer(np.concatenate([speech(0.5), silence(1.0)]))) == round(0.5 * RATE_HZ)
    assert len(trimmer(speech(0.1))) == round(1.1 * RATE_HZ)
    assert len(trimmer(silence(0.5), final=True)) == round(0.03 * RATE_HZ)
    for start, end in ((True, False), (False, False)):
        trimmer = StreamTrimmer(RATE_HZ, start, end)
        assert len(trimmer(np.concatenate([speech(0.5), silence(1.0)]))) == round(1.5 * RATE_HZ)


@pytest.mark.parametrize("start, end", [(True, True), (True, False), (False, True)])
def test_a_stream_that_is_nothing_but_silence_is_kept(start, end):
    trimmer, clip = StreamTrimmer(RATE_HZ, start, end), speech(1.0, 1e-4)
    made = np.concatenate([trimmer(clip[:5000]), trimmer(clip[5000:], final=True)])
    np.testing.assert_array_equal(made, clip)
    assert trimmer.cut == 0


def test_what_is_40_db_below_the_loudest_so_far_is_silence():
    loud, soft = speech(0.5, 0.3), speech(0.5, 0.3 * 10 ** (-42 / 20))
    made = StreamTrimmer(RATE_HZ, start=False, end=True)(np.concatenate([soft, loud, soft]))
    assert len(made) == RATE_HZ  # before the loud part it was the loudest


def test_what_is_no_number_is_kept_for_those_who_look_for_it():
    clip = np.concatenate([speech(0.3), silence(0.1), speech(0.3), silence(0.1)])
    clip[round(0.35 * RATE_HZ)] = np.nan
    trimmer = StreamTrimmer(RATE_HZ, start=True, end=True)
    made = np.concatenate([trimmer(clip), trimmer(clip[:0], final=True)])
    np.testing.assert_array_equal(made[: round(0.7 * RATE_HZ)], clip[: round(0.7 * RATE_HZ)])
    assert np.isnan(made).sum() == 1 and len(made) == round(0.73 * RATE_HZ)
