"""Noise taken out of clips by RNNoise, and where there is none."""

import numpy as np
import pytest
import soundfile

from ditar.audio import denoise
from ditar.audio.denoise import denoised
from ditar.audio.errors import AudioError
from ditar.audio.faults import band_range_db, is_noisy, unfit_to_learn
from ditar.audio.read import read_audio
from ditar.audio.resample import resample
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.reference import read_reference

RATE_HZ = 24_000


@pytest.fixture(scope="module")
def voice():
    return read_audio(ASSETS / "voices" / "heart.flac")


@pytest.fixture(scope="module")
def noisy(voice):
    return voice + 0.01 * np.random.default_rng(0).standard_normal(len(voice)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_the_pauses_are_quiet_and_the_words_where_they_were(voice, noisy, rate_hz):
    pytest.importorskip("pyrnnoise")
    given, wanted = resample(noisy, RATE_HZ, rate_hz), resample(voice, RATE_HZ, rate_hz)
    made = denoised(given, rate_hz, "c")
    assert made.shape == given.shape and made.dtype == np.float32
    assert band_range_db(made, rate_hz) > 1.5 * band_range_db(given, rate_hz)
    spectra = [np.fft.rfft(x, 2 * len(given)) for x in (made, wanted)]
    lag = int(np.argmax(np.fft.irfft(spectra[0] * spectra[1].conj())))
    assert min(lag, 2 * len(given) - lag) <= 0.001 * rate_hz
    assert np.corrcoef(made, wanted)[0, 1] > 0.95
    for gain in (0.001, 3.0):  # whatever the level
        again = denoised(gain * given, rate_hz, "c")  # rounding moves what it keeps a little
        assert np.abs(again / gain - made).mean() < 0.01 * np.abs(made).mean()


def test_a_clip_without_noise_stays(voice, noisy):
    assert not is_noisy(voice, RATE_HZ) and denoised(voice, RATE_HZ, "c") is None
    assert is_noisy(noisy, RATE_HZ) and "not quiet enough" in unfit_to_learn(noisy, RATE_HZ)
    noise = np.random.default_rng(0).standard_normal(48_000)
    assert denoised(noise, RATE_HZ, "c") is None  # nothing would be left
    assert denoised(np.zeros(9_000), RATE_HZ, "c") is None and denoised(noisy[:1_000], RATE_HZ, "c") is None


def test_without_the_extra_it_says_how_to_get_it(noisy, monkeypatch):
    monkeypatch.setattr(denoise, "is_installed", lambda: False)
    with pytest.raises(AudioError, match=r"c is noisy, and pyrnnoise.*the extra 'denoise'.*pip install '.\[denoise\]'"):
        denoised(noisy, RATE_HZ, "c")


def test_a_reference_says_what_became_of_its_noise(voice, noisy, tmp_path):
    pytest.importorskip("pyrnnoise")
    soundfile.write(tmp_path / "c.wav", noisy, RATE_HZ)
    kept, clean = (read_reference(str(tmp_path / "c.wav"), "Hello there.", denoise=one) for one in (False, True))
    assert "not quiet enough" in kept.unfit == clean.unfit and kept.warnings == ()
    assert clean.warnings == (f"the noise of {tmp_path / 'c.wav'} was taken out",)
    assert np.abs(clean.clip).max() > 0 and not np.array_equal(clean.clip, kept.clip)
    assert np.array_equal(read_reference(voice, "Hello.", denoise=True).clip, read_reference(voice, "Hello.").clip)
    with pytest.raises(ValueError, match="denoise must be True or False, got 1"):
        read_reference(voice, "Hello.", denoise=1)
