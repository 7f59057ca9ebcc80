"""What extracting latents and codes has in common: dealing utterances to shards, processes, refusals.

A program provides an `Encoder`; the order of utterances and the files are the same for any number of processes, and a
run that was stopped resumes with the missing shards. A launcher (accelerate, torchrun) may start the program several
times, on one machine or on many that share the folder: these ranks divide the shards, and the first does the rest.

A scheduler of independent jobs (Slurm's arrays, Ray's tasks) needs no rank to wait for another: `--part begin`, then
`--part K/N` for every K in any order and at any time, and the command without --part, which makes what is missing and
closes the folder.
"""

import argparse
import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.distributed
from tqdm import tqdm

from ditar.audio.errors import AudioError
from ditar.config import DiTARConfig, load_config
from ditar.config.ranges import positive
from ditar.config.workers import WorkerPool
from ditar.data.errors import DataError
from ditar.data.shards import Latents, LatentWriter
from ditar.data.tables import LANGUAGE, read_languages, read_table, read_wav_scp
from ditar.storage.atomic_write import write_lines
from ditar.storage.json_lines import each_json_line
from ditar.storage.lock import only_writer
from ditar.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class ExtractionRow:
    """One utterance of wav.scp. `prepared` is JSON, [symbols, times]: as objects they would fill the memory. `bad` says
    why it cannot be used, as far as the tables tell."""

    utt: str
    path: Path
    speaker: str
    text: str
    prepared: str
    bad: str


class Encoder(Protocol):
    """Computes the values of an utterance. One process uses it for one shard at a time."""

    refuses: tuple[type[Exception], ...]  # raised for an utterance that cannot be used, besides AudioError

    def start_shard(self) -> None:
        """Forget what was remembered about the previous shard."""

    def encode(self, path: Path) -> np.ndarray:
        """(T, C) of an audio file."""

    def remember(self) -> dict[str, Any]:
        """What else goes into the shard's record, as JSON."""


@dataclass(frozen=True)
class Work:
    """What every process needs."""

    encoder: Encoder
    writer: LatentWriter
    shards: list[list[ExtractionRow]]
    skip: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every extraction program."""
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--nj", type=positive, default=1, help="processes, of one thread each")
    parser.add_argument("--config", type=Path, help="a file of configs/ditar whose vocabulary must be kept to")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="longer utterances are bad (default 60)")
    parser.add_argument("--shard-size", type=positive, default=500, help="utterances in a shard (default 500)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be used, and list it")
    parser.add_argument(
        "--part",
        type=part,
        metavar="begin|K/N",
        help="of jobs that know nothing of each other: begin, then 0/N to N-1/N, then the same command without --part",
    )


def part(text: str) -> str | tuple[int, int]:
    """--part on the command line: "begin", or (K, N)."""
    if text == "begin":
        return text
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise argparse.ArgumentTypeError(f"must be begin, or K/N with K from 0 to N - 1, got {text!r}")
    return int(number), int(of)


@contextlib.contextmanager
def alone(args: argparse.Namespace) -> Iterator[None]:
    """--out for this job alone, but for its other ranks, and for the parts of an array, which are many. InUseError if
    another job has it."""
    if isinstance(args.part, tuple) or int(os.environ.get("RANK", "0")) > 0:
        yield
        return
    args.out.mkdir(parents=True, exist_ok=True)
    with only_writer(args.out):
        yield


def rows_to_extract(args: argparse.Namespace) -> list[ExtractionRow]:
    """The utterances of --data, in the vocabulary of --config. DataError, before hours of work, for unusable ones,
    unless --skip-bad leaves them out."""
    symbols = load_config(args.config, DiTARConfig).model.symbols if args.config else ()
    rows = _read_rows(args.data, Vocabulary(symbols))
    bad = {row.utt: row.bad for row in rows if row.bad}
    if bad and not args.skip_bad:
        raise refusal(bad)
    return rows


def _read_rows(data: Path, vocabulary: Vocabulary) -> list[ExtractionRow]:
    """Every utterance of wav.scp, with the faults that the tables reveal."""
    texts, speakers = read_table(data / "text"), read_table(data / "utt2spk")
    prepared, unspeakable = {}, {}
    for row in each_json_line(data / "symbols", DataError):
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
        rows.append(ExtractionRow(utt, path, speakers.get(utt, ""), texts.get(utt, ""), prepared.get(utt, ""), bad))
    if not rows:
        raise DataError(f"{data / 'wav.scp'} is empty; make the data directory again (stage 0)")
    return rows


def describe_names(rows: list[ExtractionRow]) -> str:
    """A digest of the utterances of a folder."""
    return hashlib.sha256("\n".join(row.utt for row in rows).encode()).hexdigest()


def describe_shard(rows: list[ExtractionRow]) -> str:
    """A digest of what else a shard depends on: its lines of the tables, and the sizes and times of its audio files."""
    digest = hashlib.sha256()
    for row in rows:
        stat = row.path.stat() if row.path.is_file() else None
        file = [stat.st_size, stat.st_mtime_ns] if stat else []
        digest.update(json.dumps([row.utt, str(row.path), file, row.speaker, row.text, row.prepared, row.bad]).encode())
    return digest.hexdigest()


def deal(rows: list[ExtractionRow], size: int) -> list[list[ExtractionRow]]:
    """Shards of at most `size` utterances, as equal as possible, in a random order that is always the same."""
    order = np.random.default_rng(0).permutation(len(rows))
    return [[rows[i] for i in part] for part in np.array_split(order, math.ceil(len(rows) / size))]


def extract(work: Work, made_from: dict[str, Any], processes: int) -> tuple[int, bool]:
    """Write the missing shards; `made_from` as `LatentWriter.begin` takes it. Returns, when all ranks are done, the
    rank
    of this process and whether there was anything to do: reading the shards' records and closing the folder is for rank
    0. DataError if another rank failed."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks > 1:
        torch.distributed.init_process_group("gloo", timeout=timedelta(days=7))  # as long as the slowest may take
    rank, missing = torch.distributed.get_rank() if ranks > 1 else 0, None
    if rank == 0 and not work.writer.begin(made_from, [describe_shard(shard) for shard in work.shards]):
        missing = work.writer.unfinished(len(work.shards))
    missing = _agree(missing)
    if missing is not None:
        _extract_all(work, missing[rank::ranks], processes, rank)
        _agree()
    if ranks > 1:
        torch.distributed.destroy_process_group()
    return rank, missing is not None


def extract_part(work: Work, made_from: dict[str, Any], processes: int, which: str | tuple[int, int]) -> None:
    """One part of a job, see `part`, which says what it did. DataError: a part of what was not begun, or was begun from
    something else."""
    count = len(work.shards)
    if which == "begin":
        done = work.writer.begin(made_from, [describe_shard(shard) for shard in work.shards])
        print(f"{work.writer.folder}: {count} shards, {'all there' if done else 'begun'}; give --part K/N next")
        return
    number, of = which
    mine = range(number, count, of)
    begun = work.writer.begun(made_from, count)
    if begun is None:
        print(f"{work.writer.folder} is complete already")
        return
    if changed := [k for k in mine if begun[k] != describe_shard(work.shards[k])]:
        raise DataError(
            f"shard {changed[0]} of {work.writer.folder} was begun from other files or texts; run --part begin again, "
            "which keeps the shards that have not changed"
        )
    _extract_all(work, sorted({*work.writer.unfinished(count)} & {*mine}), processes, number)
    print(f"{work.writer.folder}: part {number}/{of}, {len(mine)} of {count} shards")


def read_records(work: Work) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The record of every shard, and what was left out and why."""
    records = [work.writer.record(number) for number in range(len(work.shards))]
    return records, {utt: why for record in records for utt, why in record["skipped"].items()}


def _agree(value: list[int] | None = None) -> list[int] | None:
    """Rank 0's value on every rank, once all have reached this point."""
    if not torch.distributed.is_initialized():
        return value
    told = [value]
    try:
        torch.distributed.broadcast_object_list(told)
        torch.distributed.barrier()
    except RuntimeError as error:
        raise DataError(
            "another process of this job has ended, its message says why; the same command resumes where it stopped"
        ) from error
    return told[0]


def _extract_all(work: Work, numbers: list[int], processes: int, rank: int) -> None:
    # A fork shares the tables and the encoder.
    with WorkerPool(min(processes, len(numbers) or 1), _start, (work,), method="fork") as pool:
        made = pool.as_done(_extract, numbers)
        for _ in tqdm(made, total=len(numbers), desc="shards", mininterval=10, disable=rank > 0):
            pass


def keep_language(data: Path, out: Path) -> None:
    """The language of the texts goes from a data directory to what is extracted from it."""
    if languages := read_languages(data):
        write_lines(out / LANGUAGE, languages)


def refusal(bad: dict[str, str], remedy: str = "repair them, or leave them out with --skip-bad") -> DataError:
    """Why utterances are refused, and what to do."""
    shown = "".join(f"\n  {utt}: {why}" for utt, why in list(bad.items())[:20])
    return DataError(f"{len(bad)} utterances cannot be used; {remedy}:{shown}")


_work: Work | None = None  # of a pool process


def _start(work: Work) -> None:
    global _work
    _work = work
    torch.set_num_threads(1)  # one thread per process, and results do not depend on their number


def _extract(number: int) -> None:
    """Encode and write one shard."""
    made, skipped = [], {}
    _work.encoder.start_shard()
    for row in _work.shards[number]:
        try:
            if row.bad:
                raise DataError(row.bad)
            values = _work.encoder.encode(row.path)
        except (DataError, AudioError, *_work.encoder.refuses) as error:
            if not _work.skip:
                raise refusal({row.utt: str(error)}) from None
            skipped[row.utt] = str(error)
            continue
        symbols, times = json.loads(row.prepared)
        made.append(Latents(row.utt, row.speaker, values, symbols, times, row.text))
    _work.writer.write(number, made, {"skipped": skipped, **_work.encoder.remember()})
