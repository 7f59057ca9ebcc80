import io

import numpy as np
import pytest
import soundfile

from ditar.audio.encode import Pipe, encoder
from ditar.audio.formats import STREAMED

RATE_HZ = 24_000


def tone(seconds):
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("name", [name for name in STREAMED if name != "pcm"])
@pytest.mark.parametrize("step", [700, 9600, 10**6])
def test_what_is_encoded_in_parts_is_one_file(name, step):
    audio, encoded = tone(2.5), encoder(name)
    parts = [encoded.add(audio[i : i + step]) for i in range(0, len(audio), step)]
    parts.append(encoded.finish())
    heard, rate_hz = soundfile.read(io.BytesIO(b"".join(parts)))
    late = {"mp3": 3 * 576 + 529}.get(name, 0)  # an empty frame in front, a coder's delay, and frames are whole
    assert rate_hz == RATE_HZ and 0 <= len(heard) - len(audio) <= late + 576 * bool(late)
    spectrum = np.abs(np.fft.rfft(heard[RATE_HZ // 2 : RATE_HZ // 2 + RATE_HZ]))
    assert spectrum.argmax() == 440 and 0.2 < np.abs(heard[5000:50_000]).max() < 0.4
    if name == "wav":
        np.testing.assert_allclose(heard, audio, atol=1e-4)


@pytest.mark.parametrize("name, share", [("mp3", 0.5), ("opus", 0.3), ("ogg", 0.3), ("wav", 0.9), ("pcm", 0.9), ("flac", 0.0)])
def test_it_leaves_while_it_is_made(name, share):
    """But for flac, whose header must say how long it is."""
    encoded = encoder(name)
    early = [encoded.add(tone(0.4)) for _ in range(10)]
    late = encoded.finish()
    assert sum(map(len, early)) >= share * (sum(map(len, early)) + len(late))
    assert (len(early[0]) > 0) == (name != "flac")


def test_a_pipe_gets_the_file_as_it_is_made():
    for name in STREAMED:
        pipe, whole = io.BytesIO(), encoder(name)
        sink = Pipe(pipe, name)
        for _ in range(3):
            sink.write(tone(0.4))
        sink.finish()
        assert len(pipe.getvalue()) > 1000 and sink.samples == 3 * 9600
        expected = [whole.add(tone(0.4)) for _ in range(3)] + [whole.finish()]
        assert name in ("opus", "ogg") or pipe.getvalue() == b"".join(expected)  # those have a random serial number


def test_samples_outside_are_clipped_and_no_numbers_refused():
    assert encoder("pcm").add(np.array([2.0, -2.0])) == b"\xff\x7f\x01\x80"
    assert encoder("pcm").add(np.array([0.0, 0.5])) == b"\x00\x00\x00\x40"
    with pytest.raises(ValueError, match="NaN"):
        encoder("wav").add(np.array([np.nan]))
    for name in STREAMED:
        assert isinstance(encoder(name).finish(), bytes)
