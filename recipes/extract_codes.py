"""Stage 3 of the discrete baseline: a codec's codes, phonemes and their times on disk, from a Kaldi data directory.

    python recipes/extract_codes.py --codec exp/codec/final --data data/train --out exp/codes/train --nj 8
    python recipes/extract_codes.py --codec facebook/encodec_24khz --codebooks 8 --data data/train --out exp/codes/train

Writes lhotse Shar (ditar/data/codes.py says what is where), dealt and resumed as recipes/extract_latents.py does it.
codec.json holds the codec's fingerprint, by which a token LM refuses codes of another one.
"""

import argparse
import ctypes
import hashlib
import json
import multiprocessing
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from extract_latents import PR_SET_PDEATHSIG, Row, deal, describe_shard, positive, read_rows, refusal
from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.data.codes import CodecInfo, write_codec
from ditar.data.errors import DataError
from ditar.data.shards import Latents, LatentWriter
from ditar.text.vocabulary import Vocabulary
from ditar.vae.codec import Codec, CodecError, load_codec

DTYPE = np.uint16


@dataclass(frozen=True)
class Work:
    """What every process knows."""

    codec: Codec
    writer: LatentWriter
    shards: list[list[Row]]
    max_seconds: float
    skip: bool


_work: Work | None = None  # of a process of the pool


def _start(work: Work) -> None:
    global _work
    _work = work
    torch.set_num_threads(1)  # a process is one thread, and results do not depend on how many there are
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # or it would wait for ever for a program that was killed


def encode(codec: Codec, path: Path, max_seconds: float) -> np.ndarray:
    """Codes (T, Q) of an audio file. AudioError or CodecError says why it cannot be used."""
    waveform = read_audio(path, codec.rate_hz, max_seconds)
    waveform = low_pass(waveform, codec.bandwidth_hz, codec.rate_hz)  # as references are
    return codec.encode(torch.from_numpy(waveform[None]))[0].T.numpy()


def _extract(number: int) -> None:
    """Encode and write one shard."""
    made, skipped = [], {}
    for row in _work.shards[number]:
        try:
            if row.bad:
                raise DataError(row.bad)
            codes = encode(_work.codec, row.path, _work.max_seconds)
        except (DataError, AudioError, CodecError) as error:
            if not _work.skip:
                raise refusal({row.utt: str(error)}) from None
            skipped[row.utt] = str(error)
            continue
        symbols, times = json.loads(row.prepared)
        made.append(Latents(row.utt, row.speaker, codes, symbols, times, row.text))
    _work.writer.write(number, made, {"skipped": skipped})


def extract(work: Work, processes: int) -> None:
    """Write the shards that are not there yet."""
    missing = [number for number in range(len(work.shards)) if not work.writer.done(number)]
    context = multiprocessing.get_context("fork")  # the tables and the codec are there already
    with ProcessPoolExecutor(min(processes, len(missing) or 1), context, _start, (work,)) as pool:
        running = [pool.submit(_extract, number) for number in missing]
        try:
            for one in tqdm(as_completed(running), total=len(running), desc="shards", mininterval=10):
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises what `main` turns into a message."""
    symbols = load_config(args.config, DiTARConfig).model.symbols if args.config else ()
    rows = read_rows(args.data, Vocabulary(symbols))
    bad = {row.utt: row.bad for row in rows if row.bad}
    if bad and not args.skip_bad:
        raise refusal(bad)  # before hours of work
    codec = load_codec(args.codec, args.codebooks)
    if codec.codebook_size > np.iinfo(DTYPE).max + 1:
        raise CodecError(f"codes are stored in {DTYPE.__name__}, which cannot hold {codec.codebook_size} of them")
    info = CodecInfo(codec.fingerprint, codec.rate_hz, codec.hop_samples, codec.codebooks, codec.codebook_size)
    writer = LatentWriter(args.out, "codes", DTYPE, info.frame_rate_hz)
    shards = deal(rows, args.shard_size)
    names = hashlib.sha256("\n".join(row.utt for row in rows).encode()).hexdigest()
    options = {"shard_size": args.shard_size, "max_seconds": args.max_seconds, "bandwidth_hz": codec.bandwidth_hz}
    made_from = {**asdict(info), "utterances": names, **options}
    if writer.begin(made_from, [describe_shard(shard) for shard in shards]):
        print(f"{args.out} is complete already")
        return
    write_codec(args.out, info)
    extract(Work(codec, writer, shards, args.max_seconds, args.skip_bad), args.nj)
    frames, bad = 0, {}
    for record in map(writer.record, range(len(shards))):
        frames += sum(entry["frames"] for entry in record["entries"])
        bad |= record["skipped"]
    if not frames:
        raise refusal(bad, f"{args.data} has no others")
    writer.close(len(shards), None, bad)
    where = f", {len(bad)} left out: {args.out / 'skipped'}" if bad else ""
    print(f"{args.out}: {frames / info.frame_rate_hz / 3600:.2f} h of {info.codec} in {len(shards)} shards{where}")


def main() -> int:
    """Parse arguments and extract; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", required=True, help="folder or hub name: a VAE with a quantiser, an EnCodec, a SNAC")
    parser.add_argument("--codebooks", type=positive, help="how many to use of an EnCodec's")
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--nj", type=positive, default=1, help="processes, of one thread each")
    parser.add_argument("--config", type=Path, help="a file of configs/ditar with a vocabulary of its own to keep to")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="longer utterances are bad (default 60)")
    parser.add_argument("--shard-size", type=positive, default=500, help="utterances in a shard (default 500)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be used, and list it")
    args = parser.parse_args()
    try:
        run(args)
    except BrokenProcessPool:
        print("extract_codes: error: a process was killed (is the memory full?); the same command goes on where it "
              "stopped", file=sys.stderr)  # fmt: skip
        return 1
    except (ConfigError, CodecError, DataError, OSError) as error:
        print(f"extract_codes: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
