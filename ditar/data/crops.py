"""Random crops of audio for the VAE: a pure function of (seed, step), read straight from the files."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from ditar.audio.pitch import pitch_of_frames
from ditar.audio.resample import low_pass, resample
from ditar.data.degrade import degrade
from ditar.data.errors import DataError
from ditar.data.tables import read_table, read_wav_scp
from ditar.nn.movable import Movable
from ditar.storage.digests import digest_file, digest_lines
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples

SOME = 64  # files whose content tells whether data are the same


@dataclass(frozen=True)
class AudioBatch(Movable):
    """Waveforms (B, S) at 24 kHz, `heard` (B, S) as the encoder hears them, `bandwidth_hz` (B,) up to which they hold
    recorded sound, the names of their utterances, and a unique name for each row. `pitch_hz` (B, S / hop), where asked
    for: that of each frame of the vocoder, 0 where unvoiced."""

    waveform: torch.Tensor
    heard: torch.Tensor
    bandwidth_hz: torch.Tensor
    utterances: list[str]
    examples: list[str]
    pitch_hz: torch.Tensor | None = None


class AudioCrops:
    """Equally likely utterances of data directories, a random position in each, a random gain and speed.

    Args:
        data_dirs: one that is named twice is twice as likely.
        level_db: range of the gain, in dB.
        seed: of all draws, with the step.
        speed: range of plain resampling, which changes pitch and formants too.
        bandwidth_hz: what lies above is removed, as it is from references when the VAE is used. A table `utt2bandwidth`
            gives the bandwidth of utterances recorded at lower rates.
        degraded_share: of the crops in [0, 1], which are heard as `ditar.data.degrade` changes them.
        pitch_hop: samples of the frames whose pitch batches hold; None: no pitch.
    """

    def __init__(
        self,
        data_dirs: list[str],
        level_db: tuple[float, float],
        seed: int,
        speed: tuple[float, float] = (1.0, 1.0),
        bandwidth_hz: float = SAMPLE_RATE_HZ / 2,
        degraded_share: float = 0.0,
        pitch_hop: int | None = None,
    ):
        self.files, self.lengths, self.bands_hz = [], [], []
        for utterance, path, band_hz in [row for folder in data_dirs for row in _audio(folder)]:
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
            self.bands_hz.append(band_hz)
        if not self.files:
            raise DataError(f"no audio in {', '.join(map(str, data_dirs))}")
        self.level_db, self.seed, self.speed, self.bandwidth_hz = level_db, seed, speed, bandwidth_hz
        self.degraded_share, self.pitch_hop = degraded_share, pitch_hop

    def sound(self) -> str:
        """Differs for other utterances, and if most of the same sound otherwise: of the content of a few."""
        some = self.files[:: -(-len(self.files) // SOME)]
        return digest_lines([*map(str, self.lengths), *(f"{u} {digest_file(path)}" for u, path in some)])

    def batch(
        self, step: int, part: int, size: int, seconds: float, rank: int = 0, ranks: int = 1
    ) -> AudioBatch:
        """Rows rank::ranks of `size` crops of `seconds`; shorter utterances are padded with silence on a random side.

        A row is keyed by (seed, step, part, row), so it does not depend on the number of ranks.
        """
        samples = seconds_to_samples(seconds)
        rows = range(rank, size, ranks)
        crops = np.zeros((len(rows), samples), dtype=np.float32)
        heard = np.zeros_like(crops)
        bands_hz, names = [], []
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
            heard[place] = crops[place]
            if self.degraded_share and random.random() < self.degraded_share:
                heard[place] = degrade(crops[place], random)
            bands_hz.append(min(SAMPLE_RATE_HZ / 2, self.bands_hz[index] * rate_hz / SAMPLE_RATE_HZ))
            names.append(utterance)
        examples = [f"{name}/{part}/{row}" for name, row in zip(names, rows)]
        bands_hz = torch.tensor(bands_hz, dtype=torch.float32)
        pitch_hz = None
        if self.pitch_hop:
            pitch_hz = torch.from_numpy(np.stack([pitch_of_frames(crop, self.pitch_hop) for crop in crops]))
        return AudioBatch(torch.from_numpy(crops), torch.from_numpy(heard), bands_hz, names, examples, pitch_hz)


def _audio(folder: str) -> list[tuple[str, Path, float]]:
    """(utterance, file, bandwidth in Hz) of a data directory."""
    table = Path(folder) / "utt2bandwidth"
    bands_hz = read_table(table) if table.is_file() else {}
    rows = read_wav_scp(folder)
    try:
        return [(utt, path, float(bands_hz.get(utt, SAMPLE_RATE_HZ / 2))) for utt, path in rows]
    except ValueError as error:
        raise DataError(f"{table}: a bandwidth must be a number of Hz ({error})") from None
