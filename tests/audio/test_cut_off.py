"""Half of a file is named as that, and a whole one never is."""

import io

import numpy as np
import pytest
import soundfile

from ditar.audio import AudioError
from ditar.audio.cut_off import what_is_missing
from ditar.audio.read import read_samples

FORMATS = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24"), ("AIFF", "PCM_16"), ("FLAC", "PCM_16"),
           ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]  # fmt: skip


def encoded(kind, subtype, seconds=3.0, rate_hz=24_000):
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    file = io.BytesIO()
    wave = 0.3 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * time)
    soundfile.write(file, wave, rate_hz, subtype, format=kind)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_half_a_file_is_named_as_that(kind, subtype):
    whole = encoded(kind, subtype)
    assert len(read_samples(io.BytesIO(whole), "x")[0]) == 72_000
    for share in (0.5, 0.9):
        with pytest.raises(AudioError, match=r"^x is cut off or damaged \(.*\); copy, download or export it again"):
            read_samples(io.BytesIO(whole[: int(share * len(whole))]), "x")


@pytest.mark.parametrize(("mode", "level"), [("CONSTANT", 0.0), ("VARIABLE", 0.5), ("AVERAGE", 0.9)])
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\1\x10" + bytes(144)])
def test_mp3s_of_every_kind_are_whole(mode, level, tag):
    file, time = io.BytesIO(), np.arange(48_000) / 24_000
    soundfile.write(file, np.sin(440 * time), 24_000, "MPEG_LAYER_III", format="MP3", bitrate_mode=mode,
                    compression_level=level)  # fmt: skip
    whole = tag + file.getvalue()
    assert what_is_missing(io.BytesIO(whole)) == what_is_missing(io.BytesIO(whole + b"TAG" + bytes(125))) == ""
    assert "promises" in what_is_missing(io.BytesIO(whole[: len(whole) * 2 // 3]))


def test_a_wav_that_was_streamed_says_no_length():
    whole = bytearray(encoded("WAV", "PCM_16"))
    place = whole.index(b"data") + 4
    for size in (0, 0xFFFFFFFF, 0x7FFFFFFF):
        whole[place : place + 4] = size.to_bytes(4, "little")
        assert what_is_missing(io.BytesIO(whole)) == ""


@pytest.mark.parametrize("content", [
    b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"OggS", b"OggS" + bytes(8), b"\xff\xfb" + bytes(30) + b"Info",
    b"ID3" + b"\x7f" * 20, b"some text " * 30,
])  # fmt: skip
def test_what_is_no_audio_is_somebody_elses_to_say(content):
    with pytest.raises(AudioError):
        read_samples(io.BytesIO(content), "x")
