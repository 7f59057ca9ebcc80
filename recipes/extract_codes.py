"""Stage 3 of the discrete baseline: a codec's codes, phonemes and their times on disk, from a Kaldi data directory.

    python recipes/extract_codes.py --codec exp/codec/final --data data/train --out exp/codes/train --nj 8
    python recipes/extract_codes.py --codec facebook/encodec_24khz --codebooks 8 --data data/train --out exp/codes/train

Writes lhotse Shar (for the layout see ditar/data/codes.py), dealt and resumed as by recipes/extract_latents.py.
codec.json holds the codec's fingerprint, by which a token LM refuses another codec's codes.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.codes import CodecInfo, write_codec
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
from ditar.vae.codec import Codec, CodecError
from ditar.vae.loading import load_codec

DTYPE = np.uint16


class CodeEncoder:
    """Codes of a codec (see `ditar.data.extraction.Encoder`)."""

    refuses = (CodecError,)

    def __init__(self, codec: Codec, max_seconds: float):
        self.codec, self.max_seconds = codec, max_seconds

    def start_shard(self) -> None:
        """Nothing is remembered."""

    def encode(self, path: Path) -> np.ndarray:
        """Codes (T, Q) of an audio file. AudioError or CodecError says why it cannot be used."""
        waveform = read_audio(path, self.codec.rate_hz, self.max_seconds)
        waveform = low_pass(waveform, self.codec.bandwidth_hz, self.codec.rate_hz)  # as references are
        return self.codec.encode(torch.from_numpy(waveform[None]))[0].T.numpy()

    def remember(self) -> dict[str, Any]:
        """Nothing."""
        return {}


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `exit_code` turns into a message."""
    rows = rows_to_extract(args)
    codec = load_codec(args.codec, args.codebooks)
    if codec.codebook_size > np.iinfo(DTYPE).max + 1:
        raise CodecError(f"codes are stored in {DTYPE.__name__}, which cannot hold {codec.codebook_size} of them")
    with alone(args):
        extract_rows(rows, codec, args)


def extract_rows(rows: list[ExtractionRow], codec: Codec, args: argparse.Namespace) -> None:
    """The same, with tables and codec read."""
    info = CodecInfo(codec.fingerprint, codec.rate_hz, codec.hop_samples, codec.codebooks, codec.codebook_size)
    writer = LatentWriter(args.out, "codes", DTYPE, info.frame_rate_hz)
    shards = deal(rows, args.shard_size)
    options = {"shard_size": args.shard_size, "max_seconds": args.max_seconds, "bandwidth_hz": codec.bandwidth_hz}
    made_from = {**asdict(info), "utterances": describe_names(rows), **options}
    work = Work(CodeEncoder(codec, args.max_seconds), writer, shards, args.skip_bad)
    if args.part is not None:
        extract_part(work, made_from, args.nj, args.part)
        return
    rank, extracted = extract(work, made_from, args.nj)
    if rank > 0:
        return
    keep_language(args.data, args.out)
    if not extracted:
        print(f"{args.out} is complete already")
        return
    write_codec(args.out, info)
    records, bad = read_records(work)
    frames = sum(entry["frames"] for record in records for entry in record["entries"])
    if not frames:
        raise refusal(bad, f"{args.data} has no others")
    writer.close(len(shards), None, bad)
    where = f", {len(bad)} left out: {args.out / 'skipped'}" if bad else ""
    print(f"{args.out}: {frames / info.frame_rate_hz / 3600:.2f} h of {info.codec} in {len(shards)} shards{where}")


def main() -> int:
    """Parse arguments and extract; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = "a VAE with a quantiser, an EnCodec, a Mimi or a SNAC"
    parser.add_argument("--codec", required=True, help=f"folder or hub name: {kinds}")
    parser.add_argument("--codebooks", type=positive, help="how many to use of an EnCodec's or a Mimi's")
    add_options(parser)
    args = parser.parse_args()
    errors = (ValueError, OSError)  # every error class of the package is a ValueError
    return exit_code(lambda: run(args), "extract_codes", errors, keeps=True)


if __name__ == "__main__":
    sys.exit(main())
