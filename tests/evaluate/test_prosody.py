import numpy as np
import pytest

from ditar.evaluate.prosody import Prosody, describe_prosody
from tests.evaluate.sounds import RATE_HZ, buzz, hiss, quiet

pytest.importorskip("parselmouth", reason="parselmouth is not installed (pip install '.[eval]')")


def test_a_monotone_between_silences():
    found = describe_prosody(np.concatenate([quiet(0.5), buzz(2.0, 140.0), quiet(1.0)]), "one two three four")
    assert found.f0_median_hz == pytest.approx(140, rel=0.01)
    assert found.f0_std_semitones < 0.2 and found.f0_range_semitones < 0.2
    assert found.voiced_share > 0.95 and found.level_std_db < 1
    assert found.speech_s == pytest.approx(2.0, abs=0.03)
    assert found.words_per_s == pytest.approx(2.0, rel=0.02)
    assert found.characters_per_s == pytest.approx(7.5, rel=0.02)  # blanks not counted


def test_melody_and_level_show_in_their_spreads():
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    swing = buzz(4.0, 150 * 2 ** (0.25 * np.sin(2 * np.pi * time)))  # 3 semitones up and down
    found = describe_prosody(swing)
    assert found.f0_std_semitones == pytest.approx(3 / np.sqrt(2), rel=0.1)
    assert found.f0_range_semitones == pytest.approx(6, rel=0.1)
    assert found.words_per_s is None
    stepped = np.concatenate([swing, swing * 10 ** (-12 / 20)])  # half of it 12 dB softer
    assert describe_prosody(stepped).level_std_db == pytest.approx(6, rel=0.1)


def test_what_cannot_be_known_is_none():
    assert describe_prosody(quiet(1.0), "words") == Prosody() == describe_prosody(quiet(0), "words")
    noise = describe_prosody(hiss(1.0), "words")
    assert noise.f0_median_hz is None and noise.f0_std_semitones is None
    assert noise.voiced_share < 0.1 and noise.words_per_s == pytest.approx(1.0, rel=0.05)
