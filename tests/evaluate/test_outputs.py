import numpy as np
import pytest

from ditar.evaluate.outputs import inspect_output

RATE_HZ = 16_000


def tone(seconds, level=0.1):
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sqrt(2) * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def quiet(seconds):
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


def test_healthy_output():
    facts = inspect_output(np.concatenate([quiet(0.2), tone(1.0), quiet(0.3)]), RATE_HZ, "fifteen letters")
    assert facts.duration_s == pytest.approx(1.5)
    assert facts.active_s == pytest.approx(1.0, abs=0.03)
    assert facts.active_db == pytest.approx(-20.0, abs=0.2)
    assert not (facts.silent or facts.truncated or facts.too_long or facts.too_short)


@pytest.mark.parametrize("waveform", [quiet(0), quiet(2), 1e-4 * np.ones(RATE_HZ, np.float32), tone(0.05)])
def test_silent(waveform):
    facts = inspect_output(waveform, RATE_HZ)
    assert facts.silent and not facts.truncated and facts.active_db is None


def test_a_constant_offset_is_no_sound():
    speech = np.concatenate([quiet(0.2), tone(1.0), quiet(0.3)])
    plain, shifted = (inspect_output(x, RATE_HZ) for x in (speech, speech + 0.2))
    assert shifted.active_s == plain.active_s and shifted.active_db == pytest.approx(plain.active_db, abs=0.01)
    assert not shifted.truncated and inspect_output(quiet(1) + np.float32(0.2), RATE_HZ).silent


def test_truncated_is_a_loud_end_whatever_the_level():
    for level in (0.3, 0.01):
        assert inspect_output(tone(1, level), RATE_HZ).truncated
        faded = tone(1, level) * np.minimum(1, np.linspace(10, 0, RATE_HZ))
        assert not inspect_output(np.concatenate([faded, quiet(0.02)]), RATE_HZ).truncated


def test_lengths_are_judged_by_the_text_or_by_the_original():
    text = "a text of forty characters, that is all."
    assert len(text) == 40
    speech = {seconds: np.concatenate([tone(seconds), quiet(0.1)]) for seconds in (0.5, 3, 6, 10)}
    judged = {s: inspect_output(x, RATE_HZ, text) for s, x in speech.items()}
    assert [s for s, f in judged.items() if f.too_long] == [10]
    assert [s for s, f in judged.items() if f.too_short] == [0.5]
    by_original = {s: inspect_output(x, RATE_HZ, text, original_s=6.0) for s, x in speech.items()}
    assert [s for s, f in by_original.items() if f.too_long] == []
    assert [s for s, f in by_original.items() if f.too_short] == [0.5]
    assert not any(inspect_output(x, RATE_HZ).too_long for x in speech.values())


def test_real_speech_is_healthy_and_its_half_is_truncated(speak):
    import soundfile

    for voice in ("rms", "slt"):
        text = "We walked along the river until it got dark."
        waveform, rate_hz = soundfile.read(speak(text, voice), dtype="float32")
        facts = inspect_output(waveform, rate_hz, text)
        assert not (facts.silent or facts.truncated or facts.too_long or facts.too_short), facts
        loudest = int(np.argmax(np.abs(waveform)))
        assert inspect_output(waveform[:loudest], rate_hz, text).truncated
