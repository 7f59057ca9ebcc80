"""Stage 3: latents, phonemes and their times on disk, from a Kaldi data directory and a VAE.

    python recipes/extract_latents.py --vae exp/vae/final --data data/train --out exp/latents/train --statistics --nj 8

Writes lhotse Shar (ditar/data/latents.py says what is where). Utterances are dealt to shards at random, so that each
shard is a fair sample; the order and the files are the same for any --nj. A run that was stopped goes on with the
shards that it lacks. What cannot be used is refused, or with --skip-bad left out and listed in OUT/skipped.

--statistics measures the mean and the total std of the latents of this split, writes them beside the latents and
into the VAE's own checkpoint, from where synthesis normalises.
"""

import argparse
import ctypes
import hashlib
import json
import math
import multiprocessing
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.data.errors import DataError
from ditar.data.shards import Latents, LatentWriter
from ditar.data.tables import each_json_line, read_table, read_wav_scp
from ditar.pretrained import load_vae
from ditar.text.vocabulary import Vocabulary
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ, frames_to_seconds, samples_to_frames
from ditar.vae import SpeechVAE

PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal to get when the parent dies


@dataclass(frozen=True)
class Row:
    """One utterance of wav.scp. `prepared` is JSON, [symbols, times]: as objects they would fill the memory.
    `bad` says why it cannot be used, as far as the tables tell."""

    utt: str
    path: Path
    speaker: str
    text: str
    prepared: str
    bad: str


@dataclass(frozen=True)
class Work:
    """What every process knows."""

    vae: SpeechVAE
    writer: LatentWriter
    shards: list[list[Row]]
    max_seconds: float
    skip: bool


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
        """Add what `stored` gave: exact, JSON keeps every bit of a float64."""
        self._sum(stored[0], *map(np.array, stored[1:]))

    def _sum(self, count: int, first: np.ndarray, second: np.ndarray, noise: np.ndarray) -> None:
        self.count += count
        self.first, self.second, self.noise = self.first + first, self.second + second, self.noise + noise

    def stored(self) -> list:
        """For a JSON file."""
        return [self.count, self.first.tolist(), self.second.tolist(), self.noise.tolist()]

    def statistics(self) -> dict[str, torch.Tensor]:
        """latent_mean (C,), and latent_std (C,) = sqrt(Var mean + E variance)."""
        mean = self.first / self.count
        std = np.sqrt(self.second / self.count - np.square(mean) + self.noise / self.count)
        return {"latent_mean": torch.from_numpy(mean).float(), "latent_std": torch.from_numpy(std).float()}


def read_rows(data: Path, vocabulary: Vocabulary) -> list[Row]:
    """Every utterance of wav.scp, with what the tables say is wrong with it."""
    texts, speakers = read_table(data / "text"), read_table(data / "utt2spk")
    prepared, unspeakable = {}, {}
    for row in each_json_line(data / "symbols"):
        prepared[row["utt"]] = json.dumps([row["symbols"], row["times"]], ensure_ascii=False)
        unknown = sorted({s for s in row["symbols"] if s not in vocabulary})
        if unknown or not row["symbols"]:
            unspeakable[row["utt"]] = f"the vocabulary lacks {unknown}" if unknown else "its text has no symbols"
    if not prepared:
        raise DataError(f"{data / 'symbols'} does not exist or is empty; run recipes/prepare_text.py first (stage 1)")
    rows = []
    for utt, path in read_wav_scp(data):
        bad = unspeakable.get(utt, "")
        if utt not in prepared:
            bad = f"not in {data / 'symbols'}: recipes/prepare_text.py (stage 1) left it out or has not seen it"
        elif utt not in speakers or utt not in texts:
            bad = f"not in {data / ('text' if utt in speakers else 'utt2spk')}"
        elif not path.is_file():
            bad = f"audio file {path} does not exist"
        rows.append(Row(utt, path, speakers.get(utt, ""), texts.get(utt, ""), prepared.get(utt, ""), bad))
    if not rows:
        raise DataError(f"{data / 'wav.scp'} is empty; make the data directory again (stage 0)")
    return rows


def describe(vae: SpeechVAE, rows: list[Row], args: argparse.Namespace) -> dict[str, Any]:
    """What all latents of a folder are a function of: the encoder, the names of the utterances, the options."""
    encoder, names = hashlib.sha256(), hashlib.sha256("\n".join(row.utt for row in rows).encode())
    for name, value in sorted(vae.encoder.state_dict().items()):
        encoder.update(name.encode() + value.numpy().tobytes())
    options = {"shard_size": args.shard_size, "max_seconds": args.max_seconds, "statistics": args.statistics}
    return {"encoder": encoder.hexdigest(), "utterances": names.hexdigest(), **options}


def describe_shard(rows: list[Row]) -> str:
    """What a shard is a function of beside: its lines of the tables, and its audio files by size and time."""
    digest = hashlib.sha256()
    for row in rows:
        stat = row.path.stat() if row.path.is_file() else None
        file = [stat.st_size, stat.st_mtime_ns] if stat else []
        digest.update(json.dumps([row.utt, str(row.path), file, row.speaker, row.text, row.prepared, row.bad]).encode())
    return digest.hexdigest()


def deal(rows: list[Row], size: int) -> list[list[Row]]:
    """Shards of at most `size` utterances, as equal as can be, in a random order that is always the same."""
    order = np.random.default_rng(0).permutation(len(rows))
    return [[rows[i] for i in part] for part in np.array_split(order, math.ceil(len(rows) / size))]


@torch.inference_mode()
def encode(vae: SpeechVAE, path: Path, max_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and log-variance, both (T, C), of an audio file. AudioError or DataError says why it cannot be used."""
    waveform = read_audio(path, max_seconds=max_seconds)
    frames = samples_to_frames(len(waveform))
    if frames == 0:
        raise DataError(f"{path} has {len(waveform)} samples at 24 kHz, less than one latent frame ({HOP_SAMPLES})")
    waveform = low_pass(waveform, vae.config.bandwidth_hz, SAMPLE_RATE_HZ)  # as references are
    posterior = vae.encode(torch.from_numpy(waveform[None, : frames * HOP_SAMPLES]))
    mean, log_variance = posterior.mean[0].numpy(), posterior.log_variance[0].numpy()
    if not np.isfinite(mean.astype(np.float16)).all():
        raise DataError(f"the VAE's latents of {path} are not finite numbers in float16")
    return mean, log_variance


_work: Work | None = None  # of a process of the pool


def _start(work: Work) -> None:
    global _work
    _work = work
    torch.set_num_threads(1)  # a process is one thread, and results do not depend on how many there are
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # or it would wait for ever for a program that was killed


def _extract(number: int) -> None:
    """Encode and write one shard."""
    made, skipped, moments = [], {}, Moments()
    for row in _work.shards[number]:
        try:
            if row.bad:
                raise DataError(row.bad)
            mean, log_variance = encode(_work.vae, row.path, _work.max_seconds)
        except (DataError, AudioError) as error:
            if not _work.skip:
                raise refusal({row.utt: str(error)}) from None
            skipped[row.utt] = str(error)
            continue
        symbols, times = json.loads(row.prepared)
        made.append(Latents(row.utt, row.speaker, mean, symbols, times, row.text))
        moments.add(mean, log_variance)
    _work.writer.write(number, made, {"skipped": skipped, "moments": moments.stored()})


def extract(work: Work, processes: int) -> None:
    """Write the shards that are not there yet."""
    missing = [number for number in range(len(work.shards)) if not work.writer.done(number)]
    context = multiprocessing.get_context("fork")  # the tables and the VAE are there already
    with ProcessPoolExecutor(min(processes, len(missing) or 1), context, _start, (work,)) as pool:
        running = [pool.submit(_extract, number) for number in missing]
        try:
            for one in tqdm(as_completed(running), total=len(running), desc="shards", mininterval=10):
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def refusal(bad: dict[str, str], remedy: str = "repair them, or leave them out with --skip-bad") -> DataError:
    """Why utterances are refused, and what to do."""
    shown = "".join(f"\n  {utt}: {why}" for utt, why in list(bad.items())[:20])
    return DataError(f"{len(bad)} utterances cannot be used; {remedy}:{shown}")


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises what `main` turns into a message."""
    symbols = load_config(args.config, DiTARConfig).model.symbols if args.config else ()
    rows = read_rows(args.data, Vocabulary(symbols))
    bad = {row.utt: row.bad for row in rows if row.bad}
    if bad and not args.skip_bad:
        raise refusal(bad)  # before hours of work
    vae, writer = load_vae(args.vae).eval(), LatentWriter(args.out)
    shards = deal(rows, args.shard_size)
    if writer.begin(describe(vae, rows, args), [describe_shard(shard) for shard in shards]):
        print(f"{args.out} is complete already")
    else:
        work = Work(vae, writer, shards, args.max_seconds, args.skip_bad)
        extract(work, args.nj)
        moments, bad = Moments(), {}
        for number in range(len(work.shards)):
            record = writer.record(number)
            moments.merge(record["moments"])
            bad |= record["skipped"]
        if moments.count == 0:
            raise refusal(bad, f"{args.data} has no others")
        writer.close(len(work.shards), moments.statistics() if args.statistics else None, bad)
        where = f", {len(bad)} left out: {args.out / 'skipped'}" if bad else ""
        print(f"{args.out}: {frames_to_seconds(moments.count) / 3600:.2f} h in {len(work.shards)} shards{where}")
    if args.statistics:
        for name, value in load_file(args.out / "statistics.safetensors").items():
            vae.get_buffer(name).copy_(value)
        vae.save_pretrained(args.vae)


def positive(text: str) -> int:
    """A count on the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text!r}")
    return int(text)


def main() -> int:
    """Parse arguments and extract; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--statistics", action="store_true", help="measure statistics and store them in the VAE too")
    parser.add_argument("--nj", type=positive, default=1, help="processes, of one thread each")
    parser.add_argument("--config", type=Path, help="a file of configs/ditar with a vocabulary of its own to keep to")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="longer utterances are bad (default 60)")
    parser.add_argument("--shard-size", type=positive, default=500, help="utterances in a shard (default 500)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be used, and list it")
    args = parser.parse_args()
    try:
        run(args)
    except BrokenProcessPool:
        print("extract_latents: error: a process was killed (is the memory full?); the same command goes on where it "
              "stopped", file=sys.stderr)  # fmt: skip
        return 1
    except (ConfigError, DataError, OSError) as error:
        print(f"extract_latents: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
