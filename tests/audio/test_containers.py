"""Recordings of phones and browsers: read through PyAV, and named with a remedy where it is not."""

import io
import subprocess
import sys

import numpy as np
import pytest

from ditar.audio import AudioError, containers
from ditar.audio.errors import AudioTooLongError
from ditar.audio.read import read_audio, read_samples


def recorded(path, kind, codec, seconds=1.0, channels=1, title=None):
    """A tone in a container, at 48 kHz."""
    av = pytest.importorskip("av", reason="needs PyAV, of the extra `eval`")
    layout = {1: "mono", 2: "stereo"}[channels]
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(48_000 * seconds)) / 48_000, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([wave] * channels), format="fltp", layout=layout)
    frame.rate, frame.pts = 48_000, 0
    with av.open(str(path), "w", format=kind) as made:
        made.metadata.update({} if title is None else {"title": title})
        stream = made.add_stream(codec, rate=48_000, layout=layout)
        size = stream.codec_context.frame_size or 960
        for piece in av.AudioResampler(stream.codec_context.format, layout, 48_000, size).resample(frame):
            made.mux(stream.encode(piece))
        made.mux(stream.encode(None))
    return path


FORMS = [("m.m4a", "ipod", "aac"), ("w.webm", "webm", "libopus")]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_what_phones_and_browsers_record_is_read(tmp_path, form, channels):
    path = recorded(tmp_path / form[0], *form[1:], channels=channels)
    made = read_audio(path)
    assert abs(len(made) - 24_000) < 1200 and made.dtype == np.float32
    tone = np.abs(np.fft.rfft(made[6000:18_000]))
    assert tone.argmax() == 220 and np.sqrt(np.mean(made[6000:18_000] ** 2)) == pytest.approx(0.3535, rel=0.05)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_cut_off_or_too_long_is_named(tmp_path, form):
    data = recorded(tmp_path / form[0], *form[1:], seconds=2.0).read_bytes()
    for end in (20, 200, len(data) // 2):
        with pytest.raises(AudioError, match="the clip is cut off or damaged .*export it again"):
            read_samples(io.BytesIO(data[:end]), "the clip")
    with pytest.raises(AudioTooLongError, match="the clip is longer than 1.5 s, the limit"):
        read_samples(io.BytesIO(data), "the clip", max_seconds=1.5)


@pytest.mark.parametrize("channels, rate_hz", [(8, 48_000), (1, 384_000)])
def test_strange_forms_are_refused_before_they_are_read(tmp_path, channels, rate_hz):
    """In a process of its own: frames of 8 channels end it."""
    av = pytest.importorskip("av", reason="needs PyAV, of the extra `eval`")
    path = tmp_path / "strange.mp4"
    with av.open(str(path), "w", format="mov") as made:
        stream = made.add_stream("pcm_s16le", rate=rate_hz, layout=f"{channels}c" if channels == 8 else "mono")
        frame = av.AudioFrame(format="s16", layout=stream.layout, samples=1000)
        frame.sample_rate, frame.pts = rate_hz, 0
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    code = f"from ditar.audio.read import read_audio; read_audio({str(path)!r})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1
    assert f"has {channels} channels at {rate_hz} Hz, and up to 6 at up to 192000 Hz are read" in ended.stderr


def test_small_files_do_not_become_large_ones(tmp_path):
    """Of the channels together, and of other decoders than those of recordings."""
    av = pytest.importorskip("av", reason="needs PyAV, of the extra `eval`")
    for name, kind, codec, seconds, message in (
        ("long.webm", "matroska", "flac", 30.0, "longer than .* s of 6 channels at 96000 Hz, the limit; .* make it mono"),
        ("ac3.mp4", "mp4", "ac3", 1.0, "holds ac3, which is not read; convert it"),
    ):
        rate_hz, layout = (96_000, "5.1") if codec == "flac" else (48_000, "mono")
        with av.open(str(tmp_path / name), "w", format=kind) as made:
            stream = made.add_stream(codec, rate=rate_hz, layout=layout)
            frame = av.AudioFrame(stream.codec_context.format.name, layout, round(rate_hz * seconds))
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = rate_hz, 0
            size = stream.codec_context.frame_size or 4096
            for piece in av.AudioResampler(frame.format, layout, rate_hz, size).resample(frame):
                made.mux(stream.encode(piece))
            made.mux(stream.encode(None))
        with pytest.raises(AudioError, match=message):
            read_samples(io.BytesIO((tmp_path / name).read_bytes()), "the clip", max_seconds=60.0)


@pytest.mark.parametrize("form", FORMS)
def test_a_title_in_another_encoding_changes_nothing(tmp_path, form):
    data = recorded(tmp_path / form[0], *form[1:], title="CafeQQQQ").read_bytes()
    assert b"CafeQQQQ" in data
    samples, rate_hz = read_samples(io.BytesIO(data.replace(b"CafeQQQQ", b"Caf\xe9QQQQ")), "the clip")
    assert abs(len(samples) / rate_hz - 1.0) < 0.05


def test_the_sound_of_a_film_may_be_shorter_than_its_picture(tmp_path):
    av = pytest.importorskip("av", reason="needs PyAV, of the extra `eval`")
    with av.open(str(tmp_path / "f.mp4"), "w") as made:
        sound, picture = made.add_stream("aac", rate=48_000, layout="mono"), made.add_stream("mpeg4", rate=5)
        picture.width = picture.height = 32
        for _ in range(10):
            made.mux(picture.encode(av.VideoFrame(32, 32, "yuv420p")))
        for number in range(48):
            frame = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts = 48_000, 1024 * number
            made.mux(sound.encode(frame))
        for stream in (sound, picture):
            made.mux(stream.encode(None))
    assert abs(len(read_audio(tmp_path / "f.mp4")) / 24_000 - 1.024) < 0.05


def test_without_the_package_a_remedy_is_named(monkeypatch):
    monkeypatch.setattr(containers, "is_installed", lambda: False)
    for head, kind in ((b"\0\0\0\x20ftypM4A ", "MP4"), (b"\x1a\x45\xdf\xa3" + bytes(8), "WebM")):
        with pytest.raises(AudioError, match=f"the clip is {kind}.*pip install av; or convert it: ffmpeg -i IN OUT.wav"):
            read_samples(io.BytesIO(head), "the clip")


def test_a_film_without_sound(tmp_path):
    av = pytest.importorskip("av", reason="needs PyAV, of the extra `eval`")
    with av.open(str(tmp_path / "f.mp4"), "w") as made:
        stream = made.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        made.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        made.mux(stream.encode(None))
    with pytest.raises(AudioError, match="f.mp4 holds no sound"):
        read_audio(tmp_path / "f.mp4")
