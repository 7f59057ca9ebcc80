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


def test_the_same_names_with_other_sounds_are_other_data(tmp_path):
    folder = write_data(tmp_path / "data")
    before = AudioCrops([folder], (0, 0), seed=0).sound()
    assert AudioCrops([folder], (0, 0), seed=1).sound() == before
    path = next(folder.parent.rglob("*.wav"))
    samples, rate = soundfile.read(path)
    soundfile.write(path, -samples, rate)
    assert AudioCrops([folder], (0, 0), seed=0).sound() != before


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


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_rows_of_all_ranks_are_the_batch(ranks, tmp_path):
    crops = AudioCrops([write_data(tmp_path / "data")], (-6.0, 3.0), seed=0, speed=(0.8, 1.25))
    whole = crops.batch(5, 1, 7, 1.0)
    parts = [crops.batch(5, 1, 7, 1.0, rank, ranks) for rank in range(ranks)]
    for rank, part in enumerate(parts):
        assert torch.equal(part.waveform, whole.waveform[rank::ranks])
        assert part.examples == whole.examples[rank::ranks]
    assert len(set(whole.examples)) == 7


def write_tone(folder, hz):
    folder.mkdir()
    soundfile.write(folder / "u.wav", 0.3 * np.sin(2 * np.pi * hz * np.arange(4 * RATE) / RATE), RATE)
    (folder / "wav.scp").write_text(f"u {folder / 'u.wav'}\n")
    return folder


def loudest_hz(waveform):
    spectrum = torch.fft.rfft(waveform * torch.hann_window(waveform.shape[-1])).abs()
    return spectrum.argmax(-1) * RATE / waveform.shape[-1]


def test_speed_moves_the_pitch_and_keeps_the_length(tmp_path):
    crops = AudioCrops([write_tone(tmp_path / "tone", 1000)], (0, 0), seed=0, speed=(0.8, 1.25))
    found = loudest_hz(crops.batch(0, 0, 24, 1.0).waveform)
    assert found.min() > 795 and found.max() < 1255 and found.max() - found.min() > 250


def test_nothing_is_left_above_the_bandwidth(tmp_path):
    folder = write_tone(tmp_path / "tone", 9000)
    wide, narrow = (
        AudioCrops([folder], (0, 0), seed=0, bandwidth_hz=edge).batch(0, 0, 1, 1.0).waveform for edge in (12_000, 8000)
    )
    assert wide.std() > 0.2 and narrow[:, 2000:-2000].std() < 1e-3


def test_a_share_of_the_crops_is_heard_degraded_and_bands_go_along(tmp_path):
    folder = write_tone(tmp_path / "tone", 440)
    (folder / "utt2bandwidth").write_text("u 8000\n")
    clean = AudioCrops([folder], (0.0, 0.0), seed=0).batch(0, 0, 16, 0.5)
    assert torch.equal(clean.heard, clean.waveform) and clean.bandwidth_hz.tolist() == [8000.0] * 16
    mixed = AudioCrops([folder], (0.0, 0.0), seed=0, degraded_share=0.5).batch(0, 0, 16, 0.5)
    assert torch.equal(mixed.waveform, clean.waveform)
    changed = (mixed.heard != mixed.waveform).any(dim=1).sum()
    assert 3 <= changed <= 13
    faster = AudioCrops([folder], (0.0, 0.0), seed=0, speed=(1.2, 1.2)).batch(0, 0, 2, 0.5)
    assert faster.bandwidth_hz.tolist() == [9600.0] * 2


def test_a_bandwidth_that_is_no_number_is_named(tmp_path):
    folder = write_tone(tmp_path / "tone", 440)
    (folder / "utt2bandwidth").write_text("u wide\n")
    with pytest.raises(DataError, match="utt2bandwidth: .*wide"):
        AudioCrops([folder], (0.0, 0.0), seed=0)
