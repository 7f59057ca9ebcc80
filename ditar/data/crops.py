"""Random crops of audio for the VAE: a pure function of (seed, step), read straight from the files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from ditar.data.errors import DataError
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples


@dataclass(frozen=True)
class AudioBatch:
    """Waveforms (B, S) at 24 kHz and the names of their utterances."""

    waveform: torch.Tensor
    utterances: list[str]

    def to(self, device: torch.device) -> "AudioBatch":
        """The same on another device."""
        return AudioBatch(self.waveform.to(device), self.utterances)


def read_wav_scp(data_dir: str | Path) -> list[tuple[str, Path]]:
    """(utterance, file) of a Kaldi data directory's `wav.scp`. Relative files are relative to the working folder."""
    path = Path(data_dir) / "wav.scp"
    if not path.is_file():
        raise DataError(f"{path} does not exist; make the data directory first (stage 0 of the recipe)")
    rows = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or row[1].endswith("|"):
            raise DataError(f"{path}:{number}: expected '<utterance> <audio file>', got {' '.join(row)!r}")
    return [(utterance, Path(file.strip())) for utterance, file in rows]


class AudioCrops:
    """Equally likely utterances of a data directory, a random place in each, a random gain."""

    def __init__(self, data_dirs: list[str], level_db: tuple[float, float], seed: int):
        self.files, self.lengths = [], []
        for utterance, path in [row for folder in data_dirs for row in read_wav_scp(folder)]:
            try:
                info = soundfile.info(str(path))
            except (OSError, soundfile.LibsndfileError) as error:
                raise DataError(f"{utterance}: {path} cannot be read ({error})") from None
            if info.samplerate != SAMPLE_RATE_HZ or info.channels != 1:
                raise DataError(
                    f"{utterance}: {path} is {info.samplerate} Hz with {info.channels} channel(s); stage 1 of the "
                    f"recipe resamples to mono {SAMPLE_RATE_HZ} Hz"
                )
            self.files.append((utterance, path))
            self.lengths.append(info.frames)
        if not self.files:
            raise DataError(f"no audio in {', '.join(map(str, data_dirs))}")
        self.level_db, self.seed = level_db, seed

    def batch(self, step: int, part: int, size: int, seconds: float) -> AudioBatch:
        """`size` crops of `seconds`; shorter utterances are padded with silence at a random side."""
        random = np.random.default_rng([self.seed, step, part])
        samples = seconds_to_samples(seconds)
        crops = np.zeros((size, samples), dtype=np.float32)
        names = []
        for row in range(size):
            index = int(random.integers(len(self.files)))
            utterance, path = self.files[index]
            spare = self.lengths[index] - samples
            start = int(random.integers(abs(spare) + 1))
            with soundfile.SoundFile(str(path)) as file:
                file.seek(max(0, start if spare > 0 else 0))
                audio = file.read(min(samples, self.lengths[index]), dtype="float32")
            gain = 10.0 ** (random.uniform(*self.level_db) / 20.0)
            offset = start if spare < 0 else 0
            crops[row, offset : offset + len(audio)] = np.clip(gain * audio, -1.0, 1.0)
            names.append(utterance)
        return AudioBatch(torch.from_numpy(crops), names)
