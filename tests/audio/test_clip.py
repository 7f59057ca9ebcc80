"""Clips as Python hands them over."""

import io

import numpy as np
import pytest
import soundfile
import torch

from ditar.audio import AudioError
from ditar.audio.clip import read_clip

WAVE = (0.5 * np.sin(np.arange(4_800) * 0.05)).astype(np.float32)


def as_wav(rate_hz=48_000):
    file = io.BytesIO()
    soundfile.write(file, WAVE, rate_hz, "FLOAT", format="WAV")
    return file


STEREO = np.stack([WAVE, 0.5 * WAVE])


@pytest.mark.parametrize("clip", [
    WAVE, WAVE.astype(np.float64), WAVE.tolist(), torch.from_numpy(WAVE), torch.from_numpy(WAVE).bfloat16(),
    torch.from_numpy(WAVE).requires_grad_(), torch.from_numpy(WAVE)[None], WAVE[:, None], STEREO, STEREO.T,
    STEREO.tolist(), STEREO[None], (WAVE * 32_767).astype(np.int16), (WAVE * (2**31 - 1)).astype(np.int32),
    (WAVE * 127 + 128).astype(np.uint8), (WAVE * 32_767).astype(int).tolist(),
    torch.from_numpy((WAVE * 32_767).astype(np.int16)),
], ids=lambda clip: f"{type(clip).__name__} {getattr(clip, 'dtype', '')} {np.shape(clip)}")  # fmt: skip
def test_samples_of_any_kind(clip):
    for given, rate_hz in ((read_clip(clip), 24_000), (read_clip(clip, 44_100), 44_100),
                           (read_clip((8_000, clip)), 8_000), (read_clip((clip, np.int64(8_000))), 8_000)):  # fmt: skip
        waveform, found_hz = given
        assert waveform.dtype == np.float32 and waveform.shape == WAVE.shape and found_hz == rate_hz
        share = 0.75 if np.ndim(clip) > 1 and min(np.shape(clip)[-2:]) == 2 else 1.0
        np.testing.assert_allclose(waveform, share * WAVE, atol=0.02)


def test_files_and_bytes_have_their_own_rate(tmp_path):
    (tmp_path / "a.wav").write_bytes(as_wav().getvalue())
    behind = as_wav()
    assert behind.tell() > 0  # as it is when it was just written
    with open(tmp_path / "a.wav", "rb") as file:
        for clip in (tmp_path / "a.wav", str(tmp_path / "a.wav"), behind, as_wav().getvalue(), file):
            waveform, rate_hz = read_clip(clip)
            assert rate_hz == 48_000 and np.array_equal(waveform, WAVE)
            with pytest.raises(AudioError, match="sample_rate.*44100.*files have their own"):
                read_clip(clip, 44_100)


@pytest.mark.parametrize(("clip", "rate_hz", "message"), [
    (None, None, "must be a file, a file object, bytes, samples .*got NoneType"),
    (3, None, "shape"),
    ({}, None, "got dict"),
    (["a", "b", "c"], None, "got list of <U1"),
    ([[0.1, 0.2], [0.1]], None, "must be a file"),
    (np.zeros(9, bool), None, "bool"),
    (np.zeros(9, complex), None, "complex"),
    (np.zeros((100, 100)), None, r"shape \(S,\), \(S, channels\) or \(channels, S\), got \(100, 100\)"),
    (np.zeros((2, 2, 99)), None, r"got \(2, 2, 99\)"),
    (np.zeros(0), None, "holds no samples"),
    (np.full(9, np.inf), None, "9 samples that are not numbers"),
    (WAVE, 0, "whole number from 1 to 768000 Hz, got 0"),
    (WAVE, 44.1, "got 44.1"),
    (WAVE, float("nan"), "got nan"),
    (WAVE, "44100", "got '44100'"),
    (WAVE, True, "got True"),
    ((WAVE, 8_000), 16_000, "comes with a rate of 8000 Hz, but sample_rate is 16000"),
    ((8_000, 16_000), None, "must be a file"),
    (b"junk", None, "the clip cannot be read as audio"),
    (io.BytesIO(b""), None, "the clip cannot be read as audio"),
])  # fmt: skip
def test_what_is_no_clip_is_named(clip, rate_hz, message):
    with pytest.raises(AudioError, match=message):
        read_clip(clip, rate_hz)
