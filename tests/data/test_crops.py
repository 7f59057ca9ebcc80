"""Audio crops for the VAE."""

import numpy as np
import pytest
import soundfile
import torch

from ditar.data.crops import AudioCrops
from ditar.data.errors import DataError

RATE = 24_000


def write_data(folder, lengths=(0.5, 1.5, 3.0), rate=RATE):
    """A data directory whose utterance k is the constant 0.1 (k + 1)."""
    folder.mkdir(exist_ok=True)
    lines = []
    for number, seconds in enumerate(lengths):
        path = folder / f"u{number}.wav"
        soundfile.write(path, np.full(int(seconds * rate), 0.1 * (number + 1), dtype=np.float32), rate)
        lines.append(f"u{number} {path}\n")
    (folder / "wav.scp").write_text("".join(lines))
    return folder


def test_a_batch_is_a_function_of_seed_and_step(tmp_path):
    folder = write_data(tmp_path / "data")
    one, two = (AudioCrops([folder], (-6.0, 3.0), seed=1) for _ in range(2))
    two.batch(3, 0, 4, 1.0)
    a, b = one.batch(7, 0, 4, 1.0), two.batch(7, 0, 4, 1.0)
    assert torch.equal(a.waveform, b.waveform) and a.utterances == b.utterances
    assert not torch.equal(a.waveform, one.batch(8, 0, 4, 1.0).waveform)
    assert not torch.equal(a.waveform, AudioCrops([folder], (-6.0, 3.0), seed=2).batch(7, 0, 4, 1.0).waveform)


def test_short_utterances_are_padded_and_levels_stay_in_range(tmp_path):
    crops = AudioCrops([write_data(tmp_path / "data")], (-6.0, 3.0), seed=0)
    batch = crops.batch(0, 0, 32, 1.0)
    assert batch.waveform.shape == (32, RATE)
    for waveform, name in zip(batch.waveform, batch.utterances):
        voiced = waveform[waveform > 0]
        assert len(voiced) == (RATE // 2 if name == "u0" else RATE)
        gain = voiced[0].item() / (0.1 * (int(name[1]) + 1))
        assert 0.5 < gain < 1.42
    assert len(set(batch.utterances)) == 3


def test_other_rates_are_refused(tmp_path):
    with pytest.raises(DataError, match="u0.*16000 Hz.*24000"):
        AudioCrops([write_data(tmp_path / "data", rate=16_000)], (0, 0), seed=0)


@pytest.mark.parametrize(("line", "word"), [("u0\n", "u0"), ("u0 sox x.wav -t wav - |\n", "sox")])
def test_broken_wav_scp_names_the_line(tmp_path, line, word):
    (tmp_path / "wav.scp").write_text(line)
    with pytest.raises(DataError, match=f"wav.scp:1.*{word}"):
        AudioCrops([tmp_path], (0, 0), seed=0)


def test_missing_folder_and_missing_file_are_named(tmp_path):
    with pytest.raises(DataError, match="stage 0"):
        AudioCrops([tmp_path / "none"], (0, 0), seed=0)
    (tmp_path / "wav.scp").write_text(f"u0 {tmp_path}/gone.wav\n")
    with pytest.raises(DataError, match="u0.*gone.wav"):
        AudioCrops([tmp_path], (0, 0), seed=0)
