"""Voices of other languages that speak English in the generated corpus."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

LOCAL = Path(__file__).parents[2] / "egs/generated/local"


@pytest.fixture(scope="module")
def corpus():
    """The programs of egs/generated/local, as modules."""
    sys.path.insert(0, str(LOCAL))
    try:
        import make_corpus

        yield make_corpus
    finally:
        sys.path.remove(str(LOCAL))


def test_every_english_phone_has_sounds_that_the_voice_has(corpus):
    accents = corpus.engines.accents
    for name, accent in accents.ACCENTS.items():
        assert set(accents.ENGLISH) == set(accent.sounds), name
        if not (accents.VOICES / accent.index).exists():
            continue  # the alternatives can only be looked up where the voice is
        known = accents.diphones(name)
        for phone, spelled in accent.sounds.items():
            for unit in spelled.split():
                assert any(f"{a}-" in pair[: len(a) + 1] for a in unit.split("/") for pair in known), (name, phone)


def test_sounds_share_the_time_and_join_by_pairs_that_exist(corpus):
    accents = corpus.engines.accents
    accent = accents.Accent("", "", "#", ("_",), {"ay": "a: j", "d": "d/t", "s": "s", "k": "k"})
    phones = [("pau", 0.0, 0.1), ("d", 0.1, 0.2), ("ay", 0.2, 0.4), ("d", 0.4, 0.5), ("s", 0.5, 0.6), ("k", 0.6, 0.7)]
    known = frozenset({"#-t", "d-a:", "a:-j", "j-d", "t-s", "s-_", "_-k"})
    made = [
        (s.right, s.left, round(s.seconds, 4)) for s in accents.respell([*phones, ("pau", 0.7, 0.8)], accent, known)
    ]
    assert made == [
        ("#", "#", 0.1), ("t", "d", 0.1), ("a:", "a:", 0.1), ("j", "j", 0.1), ("d", "t", 0.1), ("s", "s", 0.1),
        ("_", "_", 0.015), ("k", "k", 0.085), ("#", "#", 0.1),
    ]  # fmt: skip


def test_pitch_targets_stay_with_their_time(corpus):
    accents = corpus.engines.accents
    segments = [accents.Segment("#", "#", 0.1), accents.Segment("a", "a:", 0.2)]
    made = accents.script("dita", [(segments, [(0.05, 210.0), (0.25, 190.0), (0.4, 180.0)], Path("x.wav"))])
    assert '("#" 0.1000 (0.0500 210.0)) ("a" 0.2000 (0.1500 190.0) (0.2000 180.0))' in made and '\'("#" "a:")' in made


def test_accents_are_a_quarter_of_the_training_set_and_espeak_a_twelfth(corpus):
    training = corpus.voices.training_voices(0)
    share = dict.fromkeys(corpus.SHARES, 0.0)
    for voice, weight in zip(training, corpus._weights(training), strict=True):
        share[voice.kind] += weight
    assert share == pytest.approx({"english": 0.67, "accent": 0.25, "espeak": 0.08})
    by_base = dict.fromkeys(corpus.voices.ACCENTED, 0.0)
    for voice, weight in zip(training, corpus._weights(training), strict=True):
        if voice.kind == "accent":
            by_base[voice.base] += weight
    assert len(by_base) >= 5 and max(by_base.values()) == pytest.approx(min(by_base.values()))


@pytest.mark.parametrize("base", ["cdi", "ipc", "fmv"])
def test_a_voice_of_another_language_speaks_english_phones(corpus, base):
    engines = corpus.engines
    accent = engines.accents.ACCENTS[corpus.voices.BASES[base].name]
    for path, package in ((engines.accents.VOICES / accent.index, accent.package),
                          (engines.accents.VOICES / "english/kal_diphone", "festvox-kallpc16k")):  # fmt: skip
        if shutil.which("festival") is None or not path.exists():
            pytest.skip(f"{package} is not installed")
    (speech,) = engines.synthesise(corpus.voices.base_voice(base), ["Good morning."])
    assert [name for name, _, _ in speech.phones][:3] == ["g", "uh", "d"]
    assert len(speech.waveform) / 24_000 == pytest.approx(speech.phones[-1][2] + 0.15, abs=2e-3)
    spoken = speech.waveform[round(0.1 * 24_000) : -round(0.2 * 24_000)]
    spoken = spoken[: len(spoken) // 24 * 24].reshape(-1, 24)
    assert (np.abs(spoken).max(axis=1) > 1e-3).mean() > 0.7  # sound all along, so the voice's pairs were found


def test_articulation_takes_on_movements_and_keeps_the_mean_envelope(corpus):
    timbre, rate = corpus.voices.timbre, 24_000

    def speaker(first_hz, second_hz, period):
        pulses = np.zeros(rate, dtype=np.float32)
        pulses[::period] = 1.0
        halves = []
        for formant_hz, part in ((first_hz, pulses[: rate // 2]), (second_hz, pulses[rate // 2 :])):
            pole = 0.97 * np.exp(2j * np.pi * formant_hz / rate)
            halves.append(lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], part))
        return np.concatenate(halves).astype(np.float32)

    still, moving = speaker(1000, 1000, 200), speaker(700, 1500, 150)

    def level(wave, frequency_hz, half):  # dB around a frequency
        piece = wave[half * 12_000 + 2000 :][:8000]
        power = np.abs(np.fft.rfft(piece * np.hanning(8000))) ** 2
        middle = frequency_hz // 3
        return 10 * np.log10(power[middle - 50 : middle + 50].sum())

    same, made = (timbre.articulate(still, moving, rate, share) for share in (0.0, 1.0))
    assert np.abs(same - still)[500:-500].max() < 1e-4 * np.abs(still).max()
    swing = [level(made, hz, 1) - level(made, hz, 0) for hz in (700, 1500)]
    theirs = [level(moving, hz, 1) - level(moving, hz, 0) for hz in (700, 1500)]
    assert swing[0] < -3 and swing[1] > 3 and np.allclose(np.sign(swing), np.sign(theirs))
    assert abs(level(still, 1500, 1) - level(still, 1500, 0)) < 1
    for hz in (700, 1500):  # over both halves the level is still the speaker's own
        assert np.mean([level(made, hz, h) for h in (0, 1)]) == pytest.approx(level(still, hz, 0), abs=4)
