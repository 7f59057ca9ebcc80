"""Many files by one process and by several."""

import numpy as np
import pytest
import soundfile

from ditar.recognise import RecogniserError
from ditar.recognise.files import map_files, read_waveform


def count(waveform):
    assert waveform.dtype == np.float32
    return len(waveform)


@pytest.fixture
def audio(tmp_path):
    lengths = {f"u{n}": 1000 * n for n in (5, 3, 0, 4, 1, 2)}
    for utt, length in lengths.items():
        soundfile.write(tmp_path / f"{utt}.wav", np.full(length, 0.1), 16_000)
    return {utt: tmp_path / f"{utt}.wav" for utt in lengths}


def test_every_file_in_the_order_asked(audio):
    alone = map_files(audio, count, workers=1, progress=False)
    assert list(alone.items()) == [(utt, 1000 * int(utt[1])) for utt in audio]
    several = map_files(audio, len, workers=2, progress=False, fewest=3)
    assert list(several.items()) == list(alone.items())


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(RecogniserError, match="cannot judge '.*a.wav'.*synthesise it again or remove it"):
        map_files({"a": tmp_path / "a.wav"}, count, progress=False)


def test_another_rate_is_resampled(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(24_000), 24_000)
    assert len(read_waveform(tmp_path / "a.wav")) == 16_000
