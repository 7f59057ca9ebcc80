"""Stage 3: latents, phonemes and their times on disk, from a Kaldi data directory and a VAE.

    python recipes/extract_latents.py --vae exp/vae/final --data data/train --out exp/latents/train --statistics --nj 8
    accelerate launch --config_file configs/accelerate/processes.yaml --num_processes 4 recipes/extract_latents.py ...
    launch_config=configs/accelerate/processes.yaml gpus_per_node=8 srun --nodes=2 --ntasks-per-node=1 \\
        recipes/slurm_launch.sh recipes/extract_latents.py ...
    parts=1000 recipes/slurm_extract.sh recipes/extract_latents.py ...     # an array of jobs that do not wait for each other

Writes lhotse Shar (for the layout see ditar/data/latents.py). Utterances are dealt to shards at random, so that each
shard is a fair sample; the order and the files are the same for any --nj and any number of ranks that a launcher
starts, each with its own --nj processes, writing to a shared folder. An interrupted run resumes with the missing
shards. Unusable utterances are refused, or with --skip-bad left out and listed in OUT/skipped.

--statistics measures the mean and the total std of the latents of this split, and writes them next to the latents and
into the VAE's own checkpoint, from which synthesis normalises.

--poor-recordings SEED extracts the same utterances as poor recordings (noise, a room, a telephone:
ditar/data/degrade.py), drawn from the seed and the names of the file and its folder: what references may be in training
(`train_ditar.py --poor`, data.reference_poor).
"""

import argparse
import sys
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from ditar.config.numbers import MAX_SEED, check_whole
from ditar.config.program import exit_code
from ditar.data.degrade import poor_recording
from ditar.data.errors import DataError
from ditar.data.extraction import (
    ExtractionRow,
    Work,
    add_options,
    alone,
    deal,
    describe_names,
    extract,
    extract_part,
    keep_language,
    read_records,
    refusal,
    rows_to_extract,
)
from ditar.data.shards import LatentWriter
from ditar.units import frames_to_seconds
from ditar.vae import SpeechVAE
from ditar.vae.fingerprint import encoder_fingerprint
from ditar.vae.loading import load_vae
from ditar.vae.posterior_of_file import posterior_of_file


class Moments:
    """Running per-channel moments of posterior means and variances, in float64."""

    def __init__(self):
        self.count, self.first, self.second, self.noise = 0, np.zeros(1), np.zeros(1), np.zeros(1)

    def add(self, mean: np.ndarray, log_variance: np.ndarray) -> None:
        """Both (frames, C)."""
        mean = mean.astype(np.float64)
        noise = np.exp(log_variance.astype(np.float64))
        self._sum(len(mean), mean.sum(axis=0), np.square(mean).sum(axis=0), noise.sum(axis=0))

    def merge(self, stored: list) -> None:
        """Add what `stored` returned: exactly, since JSON keeps every bit of a float64."""
        self._sum(stored[0], *map(np.array, stored[1:]))

    def _sum(self, count: int, first: np.ndarray, second: np.ndarray, noise: np.ndarray) -> None:
        self.count += count
        self.first, self.second, self.noise = self.first + first, self.second + second, self.noise + noise

    def stored(self) -> list:
        """Plain values for a JSON file."""
        return [self.count, self.first.tolist(), self.second.tolist(), self.noise.tolist()]

    def statistics(self) -> dict[str, torch.Tensor]:
        """latent_mean (C,), and latent_std (C,) = sqrt(Var mean + E variance)."""
        mean = self.first / self.count
        std = np.sqrt(self.second / self.count - np.square(mean) + self.noise / self.count)
        return {"latent_mean": torch.from_numpy(mean).float(), "latent_std": torch.from_numpy(std).float()}


class MeanEncoder:
    """Posterior means of a VAE (see `ditar.data.extraction.Encoder`), and their moments."""

    refuses = ()

    def __init__(self, vae: SpeechVAE, max_seconds: float, poor_seed: int | None = None):
        self.vae, self.max_seconds, self.poor_seed = vae, max_seconds, poor_seed
        self.moments = Moments()

    def start_shard(self) -> None:
        """Reset the moments."""
        self.moments = Moments()

    def encode(self, path: Path) -> np.ndarray:
        """Means (T, C) of an audio file. AudioError says why it cannot be used."""
        change = None
        if self.poor_seed is not None:
            random = np.random.default_rng([self.poor_seed, zlib.crc32("/".join(path.parts[-2:]).encode())])
            change = partial(poor_recording, random=random)
        mean, log_variance = posterior_of_file(self.vae, path, self.max_seconds, change)
        self.moments.add(mean, log_variance)
        return mean

    def remember(self) -> dict[str, Any]:
        """The moments."""
        return {"moments": self.moments.stored()}


def describe(vae: SpeechVAE, rows: list[ExtractionRow], args: argparse.Namespace) -> dict[str, Any]:
    """What all latents of a folder depend on: the encoder, the names of the utterances, the options."""
    options = {"shard_size": args.shard_size, "max_seconds": args.max_seconds, "statistics": args.statistics}
    if args.poor_recordings is not None:
        options["poor_recordings"] = args.poor_recordings
    return {"encoder": encoder_fingerprint(vae), "utterances": describe_names(rows), **options}


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `exit_code` turns into a message."""
    if args.poor_recordings is not None:
        check_whole(args.poor_recordings, "--poor-recordings", 0, MAX_SEED)
    if args.statistics and args.poor_recordings is not None:
        raise DataError(
            "--statistics are those of the recordings as they are: extract these first, without --poor-recordings"
        )
    rows = rows_to_extract(args)
    vae = load_vae(args.vae).eval()
    with alone(args):
        extract_rows(rows, vae, args)


def extract_rows(rows: list[ExtractionRow], vae: SpeechVAE, args: argparse.Namespace) -> None:
    """The same, with tables and VAE read."""
    writer, shards = LatentWriter(args.out), deal(rows, args.shard_size)
    work = Work(MeanEncoder(vae, args.max_seconds, args.poor_recordings), writer, shards, args.skip_bad)
    if args.part is not None:
        extract_part(work, describe(vae, rows, args), args.nj, args.part)
        return
    rank, extracted = extract(work, describe(vae, rows, args), args.nj)
    if rank > 0:
        return
    keep_language(args.data, args.out)
    if not extracted:
        print(f"{args.out} is complete already")
    else:
        records, bad = read_records(work)
        moments = Moments()
        for record in records:
            moments.merge(record["moments"])
        if moments.count == 0:
            raise refusal(bad, f"{args.data} has no others")
        writer.close(len(shards), moments.statistics() if args.statistics else None, bad)
        where = f", {len(bad)} left out: {args.out / 'skipped'}" if bad else ""
        print(f"{args.out}: {frames_to_seconds(moments.count) / 3600:.2f} h in {len(shards)} shards{where}")
    if args.statistics:
        give_statistics(vae, load_file(args.out / "statistics.safetensors"), args)


def give_statistics(vae: SpeechVAE, measured: dict[str, torch.Tensor], args: argparse.Namespace) -> None:
    """Write them into the VAE's checkpoint. DataError if it has others: models expect latents normalised by those."""
    if not vae.measured:
        for name, value in measured.items():
            vae.get_buffer(name).copy_(value)
        vae.save_pretrained(args.vae)
    elif not all(torch.allclose(value, vae.get_buffer(name), rtol=1e-6) for name, value in measured.items()):
        raise DataError(
            f"{args.vae} has the statistics of other latents, and models trained on them would speak noise with those "
            f"of {args.data}; it is left unchanged: extract again without --statistics, or with a VAE that no "
            "model uses, as training wrote it"
        )


def main() -> int:
    """Parse arguments and extract; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", required=True, type=Path)
    add_options(parser)
    parser.add_argument("--statistics", action="store_true", help="measure statistics and store them in the VAE too")
    parser.add_argument(
        "--poor-recordings", type=int, metavar="SEED", help="of poor recordings of the utterances, drawn from this seed"
    )
    args = parser.parse_args()
    errors = (ValueError, OSError)  # every error class of the package is a ValueError
    return exit_code(lambda: run(args), "extract_latents", errors, keeps=True)


if __name__ == "__main__":
    sys.exit(main())
