"""Audio that grows: readable at any time, resumable, never half a file under its final name."""

import os

import numpy as np
import pytest
import soundfile

from ditar.audio import AudioError, growing
from ditar.audio.growing import GrowingWav, assemble
from ditar.audio.write import write_audio
from ditar.storage.lock import InUseError

RATE_HZ = 24_000
WAVE = (0.5 * np.sin(np.arange(30_000) / 10)).astype(np.float32)


def test_every_reader_in_between_finds_what_was_written_so_far(tmp_path):
    with GrowingWav(tmp_path / "a.wav", RATE_HZ) as file:
        for end in (0, 1000, 1001, 30_000):
            file.write(WAVE[file.samples : end])
            audio, rate_hz = soundfile.read(tmp_path / "a.wav", dtype="float32")
            assert rate_hz == RATE_HZ and len(audio) == end == file.samples
            np.testing.assert_allclose(audio, WAVE[:end], atol=1e-4)


def test_it_goes_on_where_it_was_and_cuts_what_came_after(tmp_path):
    with GrowingWav(tmp_path / "a.wav", RATE_HZ) as file:
        file.write(WAVE)
    with GrowingWav(tmp_path / "a.wav", RATE_HZ, keep_samples=10_000) as file:
        assert soundfile.info(tmp_path / "a.wav").frames == 10_000
        file.write(WAVE[10_000:])
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav")[0], WAVE, atol=1e-4)
    with pytest.raises(AudioError, match="fewer than the 40000"):
        GrowingWav(tmp_path / "a.wav", RATE_HZ, keep_samples=40_000)


def test_a_second_writer_is_refused_before_it_cuts_anything_off(tmp_path):
    with GrowingWav(tmp_path / "a.wav", RATE_HZ) as file:
        file.write(WAVE)
        with pytest.raises(InUseError, match="a.wav is being written by another program"):
            GrowingWav(tmp_path / "a.wav", RATE_HZ)
        assert soundfile.info(tmp_path / "a.wav").frames == len(WAVE)
    GrowingWav(tmp_path / "a.wav", RATE_HZ).write(WAVE[:10])
    assert soundfile.info(tmp_path / "a.wav").frames == 10


def test_an_existing_file_stays_until_the_first_samples_are_there(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"of the user")
    with pytest.raises(KeyboardInterrupt), GrowingWav(path, RATE_HZ) as file:
        file.write(WAVE[:0])
        raise KeyboardInterrupt
    assert path.read_bytes() == b"of the user"
    with GrowingWav(path, RATE_HZ) as file:
        file.write(WAVE[:10])
    assert soundfile.info(path).frames == 10
    with pytest.raises(KeyboardInterrupt), GrowingWav(tmp_path / "new.wav", RATE_HZ):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "opus"])
def test_a_file_of_parts_of_a_grown_one_in_their_order(tmp_path, ending):
    with GrowingWav(tmp_path / "grown.wav", RATE_HZ) as file:
        file.write(np.tile(WAVE, 5))
    samples = assemble(tmp_path / "grown.wav", [(30_000, 90_000, 100), (0, 10, 0)], tmp_path / f"a.{ending}")
    audio, rate_hz = soundfile.read(tmp_path / f"a.{ending}")
    expected = np.concatenate([np.tile(WAVE, 3), np.zeros(100), WAVE[:10]])
    assert rate_hz == RATE_HZ and samples == len(expected)
    assert len(audio) - len(expected) in range(4 * 576 if ending == "mp3" else 1)  # a coder's delay and frames
    exact = 0.1 if ending in ("ogg", "mp3", "opus") else 1e-4
    if ending != "mp3":
        np.testing.assert_allclose(audio, expected, atol=exact)
    write_audio(tmp_path / f"at_once.{ending}", expected, RATE_HZ)
    np.testing.assert_allclose(audio, soundfile.read(tmp_path / f"at_once.{ending}")[0], atol=exact)
    (tmp_path / f"at_once.{ending}").unlink()
    assert sorted(os.listdir(tmp_path)) == [f"a.{ending}", "grown.wav"]


def test_parts_that_cannot_be_joined_leave_the_speech_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "a.partial.wav").write_bytes(b"not audio")
    with pytest.raises(AudioError, match="the speech is in .*a.partial.wav"):
        assemble(tmp_path / "a.partial.wav", [(0, 1, 0)], tmp_path / "a.flac")
    with GrowingWav(tmp_path / "a.partial.wav", RATE_HZ) as file:
        file.write(WAVE)
    with pytest.raises(AudioError, match="shorter than it should be; the speech is in"):
        assemble(tmp_path / "a.partial.wav", [(29_000, 2_000, 0)], tmp_path / "a.flac")
    monkeypatch.setattr(growing, "MAX_BYTES", 100)
    with pytest.raises(AudioError, match="4 GiB.; give a .flac. The speech is in"):
        assemble(tmp_path / "a.partial.wav", [(0, 51, 0)], tmp_path / "a.wav")
    assert os.listdir(tmp_path) == ["a.partial.wav"]


def test_what_cannot_be_written(tmp_path, monkeypatch):
    with GrowingWav(tmp_path / "a.wav", RATE_HZ) as file:
        with pytest.raises(AudioError, match="NaN"):
            file.write(np.array([np.nan]))
        monkeypatch.setattr(growing, "MAX_BYTES", 100)
        with pytest.raises(AudioError, match="4 GiB"):
            file.write(WAVE)
    assert soundfile.info(tmp_path / "a.wav").frames == 0
    with pytest.raises(AudioError, match="does not exist"):
        GrowingWav(tmp_path / "no" / "a.wav", RATE_HZ)
