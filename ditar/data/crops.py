"""Random crops of audio for the VAE: a pure function of (seed, step), read straight from the files."""

import math
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import torch

from ditar.audio.resample import low_pass, resample
from ditar.data.errors import DataError
from ditar.data.tables import read_wav_scp
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples


@dataclass(frozen=True)
class AudioBatch:
    """Waveforms (B, S) at 24 kHz, the names of their utterances, and a name for each row that no other has."""

    waveform: torch.Tensor
    utterances: list[str]
    examples: list[str]

    def to(self, device: torch.device) -> "AudioBatch":
        """The same on another device."""
        return replace(self, waveform=self.waveform.to(device))


class AudioCrops:
    """Equally likely utterances of data directories, a random place in each, a random gain and speed.

    A directory that is named twice is twice as likely. Speed is plain resampling: pitch and formants move with it.
    What lies above `bandwidth_hz` is removed, as it is from references when the VAE is used.
    """

    def __init__(
        self,
        data_dirs: list[str],
        level_db: tuple[float, float],
        seed: int,
        speed: tuple[float, float] = (1.0, 1.0),
        bandwidth_hz: float = SAMPLE_RATE_HZ / 2,
    ):
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
        self.level_db, self.seed, self.speed, self.bandwidth_hz = level_db, seed, speed, bandwidth_hz

    def batch(
        self, step: int, part: int, size: int, seconds: float, rank: int = 0, ranks: int = 1
    ) -> AudioBatch:
        """Rows rank::ranks of `size` crops of `seconds`; shorter utterances are padded with silence at a random side.

        A row is keyed by (seed, step, part, row), so it does not depend on the number of ranks.
        """
        samples = seconds_to_samples(seconds)
        rows = range(rank, size, ranks)
        crops = np.zeros((len(rows), samples), dtype=np.float32)
        names = []
        for place, row in enumerate(rows):
            random = np.random.default_rng([self.seed, step, part, row])
            index = int(random.integers(len(self.files)))
            utterance, path = self.files[index]
            rate_hz = SAMPLE_RATE_HZ
            if self.speed != (1.0, 1.0):
                rate_hz = round(SAMPLE_RATE_HZ * random.uniform(*self.speed))
            wanted = math.ceil(samples * rate_hz / SAMPLE_RATE_HZ)
            spare = self.lengths[index] - wanted
            start = int(random.integers(abs(spare) + 1))
            with soundfile.SoundFile(str(path)) as file:
                file.seek(max(0, start if spare > 0 else 0))
                audio = file.read(min(wanted, self.lengths[index]), dtype="float32")
            audio = resample(audio, rate_hz, SAMPLE_RATE_HZ)[:samples]
            audio = low_pass(audio, self.bandwidth_hz, SAMPLE_RATE_HZ)
            gain = 10.0 ** (random.uniform(*self.level_db) / 20.0)
            offset = min(start, samples - len(audio)) if spare < 0 else 0
            crops[place, offset : offset + len(audio)] = np.clip(gain * audio, -1.0, 1.0)
            names.append(utterance)
        examples = [f"{name}/{part}/{row}" for name, row in zip(names, rows)]
        return AudioBatch(torch.from_numpy(crops), names, examples)
