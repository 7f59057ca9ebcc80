"""Recordings of phones and browsers: read through PyAV, and named with a remedy where it is not."""

import io

import numpy as np
import pytest

from ditar.audio import AudioError, containers
from ditar.audio.errors import AudioTooLongError
from ditar.audio.read import read_audio, read_samples


def recorded(path, kind, codec, seconds=1.0, channels=1):
    """A tone in a container, at 48 kHz."""
    av = pytest.importorskip("av", reason="needs PyAV, of the extra `eval`")
    layout = {1: "mono", 2: "stereo"}[channels]
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(48_000 * seconds)) / 48_000, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([wave] * channels), format="fltp", layout=layout)
    frame.rate, frame.pts = 48_000, 0
    with av.open(str(path), "w", format=kind) as made:
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
