"""Reading and writing audio files, good and bad."""

import os
import socket
import threading

import numpy as np
import pytest
import soundfile

from ditar.audio import AudioError
from ditar.audio import write as write_module
from ditar.audio.read import read_audio
from ditar.audio.write import check_writable, write_audio


def tone(rate_hz=24_000, seconds=0.5):
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_what_is_written_is_read(tmp_path, ending):
    write_audio(tmp_path / f"a{ending}", tone(), 24_000)
    np.testing.assert_allclose(read_audio(tmp_path / f"a{ending}"), tone(), atol=1 / 32_000)
    assert os.listdir(tmp_path) == [f"a{ending}"]  # nothing left beside it


def test_samples_outside_are_clipped_not_wrapped(tmp_path):
    write_audio(tmp_path / "a.wav", np.array([1.5, -1.5, 0.0] * 100), 24_000)
    made = read_audio(tmp_path / "a.wav")
    assert made[0] > 0.99 and made[1] < -0.99


def test_stereo_at_48_khz_becomes_mono_at_24(tmp_path):
    left = tone(48_000)
    soundfile.write(tmp_path / "s.wav", np.stack([left, -left * 0.5], axis=1), 48_000)
    made = read_audio(tmp_path / "s.wav")
    assert made.ndim == 1 and made.dtype == np.float32 and abs(len(made) - 12_000) <= 1
    np.testing.assert_allclose(made[3000:9000], 0.25 * tone()[3000:9000], atol=1e-3)


def test_mp3(tmp_path):
    soundfile.write(tmp_path / "m.mp3", tone(), 24_000, format="MP3")
    made = read_audio(tmp_path / "m.mp3")
    assert abs(len(made) - 12_000) < 2400 and 0.3 < np.abs(made).max() < 0.7


def test_bad_files_are_named_with_a_remedy(tmp_path):
    (tmp_path / "text.wav").write_text("this is not audio\n" * 100)
    (tmp_path / "nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 24_000)
    broken = tone()
    broken[1200] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, 24_000, subtype="FLOAT")
    for name, message in [
        ("text.wav", "text.wav cannot be read as audio .*give a WAV"),
        ("nothing.wav", "cannot be read as audio"),
        ("empty.wav", "holds no samples"),
        ("nan.wav", "holds 1 samples that are not numbers .* at 0.050 s"),
        ("missing.wav", "missing.wav does not exist"),
        ("", "is a folder"),
    ]:
        with pytest.raises(AudioError, match=message):
            read_audio(tmp_path / name)


def test_channels_that_cancel_each_other_out_are_said_to(tmp_path):
    wave = tone(48_000)
    for name, other in (("anti.wav", -wave), ("nearly.wav", -0.95 * wave), ("offset.wav", 0.3 - wave)):
        soundfile.write(tmp_path / name, np.stack([wave, other], axis=1), 48_000, subtype="FLOAT")
        with pytest.raises(AudioError, match=rf"the 2 channels of .*{name} are in anti-phase.*export one of them"):
            read_audio(tmp_path / name)
    soundfile.write(tmp_path / "one.wav", np.stack([wave, 0 * wave], axis=1), 48_000)
    soundfile.write(tmp_path / "none.wav", np.zeros((4800, 2)), 48_000)
    assert np.abs(read_audio(tmp_path / "one.wav")).max() > 0.2 and not read_audio(tmp_path / "none.wav").any()


def test_what_cannot_be_opened_is_named_as_that(tmp_path, monkeypatch):
    """A socket cannot be opened, whoever asks: root may read every file."""
    with socket.socket(socket.AF_UNIX) as unix:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        unix.bind("s.wav")
        with pytest.raises(AudioError, match="s.wav cannot be read: No such device or address"):
            read_audio("s.wav")
    (tmp_path / "a.raw").write_bytes(bytes(4800))
    with pytest.raises(AudioError, match="a.raw says neither its rate nor its channels; give a WAV"):
        read_audio(tmp_path / "a.raw")
    with pytest.raises(AudioError, match="not the name of a file"):
        read_audio("a\0b.wav")


def test_a_pipe_is_a_file(tmp_path):
    os.mkfifo(tmp_path / "p.wav")
    write_audio(tmp_path / "a.wav", tone(), 24_000)
    content = (tmp_path / "a.wav").read_bytes()
    threading.Thread(target=(tmp_path / "p.wav").write_bytes, args=(content,), daemon=True).start()
    assert np.array_equal(read_audio(tmp_path / "p.wav"), read_audio(tmp_path / "a.wav"))


def test_a_file_that_is_too_long_is_refused_before_it_is_read(tmp_path):
    write_audio(tmp_path / "a.wav", tone(seconds=2.0), 24_000)
    with pytest.raises(AudioError, match="2.0 s long, the limit is 1 s"):
        read_audio(tmp_path / "a.wav", max_seconds=1.0)


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing/a.wav", "missing does not exist; create it with: mkdir -p"),
        ("a.xyz", "must end in one of .wav"),
        ("a", "no ending"),
        ("folder.wav", "is a folder"),
    ],
)
def test_places_that_cannot_be_written_are_known_beforehand(tmp_path, name, message):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=message):
        check_writable(tmp_path / name)


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path, monkeypatch):
    write_audio(tmp_path / "a.wav", tone(), 24_000)
    before = (tmp_path / "a.wav").read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_module.os, "fsync", full)
    with pytest.raises(AudioError, match="No space left on device; free space"):
        write_audio(tmp_path / "a.wav", tone(seconds=1.0), 24_000)
    assert (tmp_path / "a.wav").read_bytes() == before and os.listdir(tmp_path) == ["a.wav"]


def test_waveforms_that_are_none(tmp_path):
    with pytest.raises(AudioError, match=r"shape \(S,\)"):
        write_audio(tmp_path / "a.wav", np.zeros((2, 10)), 24_000)
    with pytest.raises(AudioError, match="NaN"):
        write_audio(tmp_path / "a.wav", np.full(10, np.nan), 24_000)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", ["mp3", "opus", "ogg"])
def test_minutes_of_speech_in_a_compressed_format(tmp_path, ending):
    """libsndfile ends the process where its encoder of Vorbis gets a minute at once."""
    waveform = tone(seconds=90.0)
    write_audio(tmp_path / f"a.{ending}", waveform, 24_000)
    audio, rate_hz = soundfile.read(tmp_path / f"a.{ending}", dtype="float32")
    assert rate_hz == 24_000 and 0 <= len(audio) - len(waveform) <= 4 * 576
    assert (tmp_path / f"a.{ending}").stat().st_size < len(waveform)
    assert abs(np.abs(audio[24_000:-24_000]).max() - np.abs(waveform).max()) < 0.05
