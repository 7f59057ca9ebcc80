"""Pieces of all recordings, what of them is held out, and their latents, by the base's VAE."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ditar.config.workers import WorkerPool
from ditar.data.errors import DataError
from ditar.data.extraction import ExtractionRow, Work, deal, describe_names, extract, read_records
from ditar.data.kaldi import Utterance
from ditar.data.latents import LatentStore
from ditar.data.shards import LatentWriter
from ditar.data.tables import LANGUAGE
from ditar.finetune.pieces import PieceMaker, TrainingPiece
from ditar.storage.atomic_write import write_lines
from ditar.storage.digests import digest_file, digest_values
from ditar.storage.json_lines import append_json_lines, read_log
from ditar.vae.fingerprint import encoder_fingerprint
from ditar.vae.posterior_of_file import posterior_of_file
from ditar.vae.speech_vae import SpeechVAE

LEAST_PIECES = 4  # two to listen to, and two to train on
HELD_OUT_SHARE, HELD_OUT_LEAST, HELD_OUT_MOST = 0.15, 2, 9  # of the pieces; one is the reference of the others
SHARD_SIZE = 500


def make_pieces(
    rows: Sequence[Utterance], maker: PieceMaker, journal: Path, processes: int, skip_bad: bool
) -> tuple[list[TrainingPiece], list[str]]:
    """The pieces of all recordings, and why others are lacking. What the journal has of the same recordings is not made
    again, nor where they have been written anew in the same place: training resumes with the same data only.
    DataError: one cannot be used, unless `skip_bad` leaves it out; or too few can."""
    made_from = {row.utt: _digest(row, maker) for row in rows}
    lines = {line["recording"]: line for line in read_log(journal)}
    lines = {name: line for name, line in lines.items() if line["made_from"] == made_from.get(name)}
    left = [row for row in rows if row.utt not in lines]
    with tqdm(total=len(rows), initial=len(rows) - len(left), desc="recordings", mininterval=5) as bar:
        for line in _made(left, maker, processes):
            line |= {"made_from": made_from[line["recording"]]}
            append_json_lines([line], journal)
            lines[line["recording"]] = line
            bar.update()
    found = [TrainingPiece(**piece) for row in rows for piece in lines[row.utt]["pieces"]]
    bad = [why for row in rows if not lines[row.utt]["pieces"] for why in lines[row.utt]["why"]]
    if bad and not skip_bad:
        shown = "".join(f"\n  {why}" for why in [*bad[:10], *([f"and {len(bad) - 10} more"] if len(bad) > 10 else [])])
        raise DataError(f"{len(bad)} of {len(rows)} recordings cannot be used (--skip-bad leaves them out):{shown}")
    if len(found) < LEAST_PIECES:
        seconds = sum(piece.seconds for piece in found)
        raise DataError(
            f"{len(rows)} recording{'s' * (len(rows) != 1)} gave {len(found)} piece{'s' * (len(found) != 1)} of speech, "
            f"{seconds:.1f} s, and at least {LEAST_PIECES} are needed, since some are held out to tell when to stop; add "
            "recordings: a few minutes of a voice are a good beginning"
        )
    return found, [why for row in rows for why in lines[row.utt]["why"]]


def _digest(row: Utterance, maker: PieceMaker) -> str:
    return digest_values([str(row), content(row), str(maker)])


def content(row: Utterance) -> str:
    """A digest of its file, empty if there is none: neither a time nor a size says what is in it."""
    return digest_file(row.path) if row.path.is_file() else ""


def _made(rows: Sequence[Utterance], maker: PieceMaker, processes: int):
    processes = min(processes, len(rows))
    if processes <= 1:
        yield from map(maker.line, rows)
        return
    with WorkerPool(processes, _start, (maker,)) as pool:
        yield from pool.in_order(_line, rows)


_maker: PieceMaker | None = None  # a worker process's


def _start(maker: PieceMaker) -> None:
    global _maker
    _maker = maker
    torch.set_num_threads(1)


def _line(row: Utterance) -> dict[str, Any]:
    return _maker.line(row)


def hold_out(pieces: Sequence[TrainingPiece], seed: int) -> tuple[list[TrainingPiece], list[TrainingPiece]]:
    """(to train on, to listen to): of each speaker in turn, those with most pieces first, two pieces or more, drawn as
    whole recordings if there are enough of them, until a share of all is held out. Every speaker keeps half of his own.
    DataError: no speaker has enough."""
    wanted = min(max(round(HELD_OUT_SHARE * len(pieces)), HELD_OUT_LEAST), HELD_OUT_MOST)
    speakers: dict[str, list[TrainingPiece]] = {}
    for piece in pieces:
        speakers.setdefault(piece.speaker, []).append(piece)
    held: set[str] = set()
    for speaker, own in sorted(speakers.items(), key=lambda item: (-len(item[1]), item[0])):
        groups: dict[str, list[TrainingPiece]] = {}
        whole = len({piece.recording for piece in own}) >= LEAST_PIECES
        for piece in own:
            groups.setdefault(piece.recording if whole else piece.utt, []).append(piece)
        names, mine = sorted(groups), []
        random.Random(f"{seed} {speaker}").shuffle(names)
        enough = max(HELD_OUT_LEAST, wanted if len(speakers) == 1 else 0)
        for name in names:
            if len(mine) < enough and len(mine) + len(groups[name]) <= len(own) // 2:
                mine += groups[name]
        if len(mine) >= HELD_OUT_LEAST:
            held |= {piece.utt for piece in mine}
        if len(held) >= wanted:
            break
    if not held:
        most = max(map(len, speakers.values()))
        raise DataError(
            f"no speaker has {LEAST_PIECES} pieces of speech in recordings of similar length, and the one with most "
            f"has {most}; some are held out to tell when to stop: add recordings"
        )
    return [p for p in pieces if p.utt not in held], [p for p in pieces if p.utt in held]


class _Means:
    """Posterior means of a VAE, see `ditar.data.extraction.Encoder`."""

    refuses = ()

    def __init__(self, vae: SpeechVAE):
        self.vae = vae

    def start_shard(self) -> None:
        pass

    def encode(self, path: Path) -> np.ndarray:
        return posterior_of_file(self.vae, path, max_seconds=60.0)[0]

    def remember(self) -> dict[str, Any]:
        return {}


def extract_latents(
    vae: SpeechVAE, pieces: Sequence[TrainingPiece], language: str, out: Path, processes: int
) -> LatentStore:
    """The latents of pieces in a folder, normalised as the VAE's; what is there already is kept."""
    rows = [
        ExtractionRow(p.utt, Path(p.path), p.speaker, p.text, json.dumps([p.symbols, p.times], ensure_ascii=False), "")
        for p in pieces
    ]
    writer, shards = LatentWriter(out), deal(rows, SHARD_SIZE)
    work = Work(_Means(vae), writer, shards, skip=False)
    made_from = {"encoder": encoder_fingerprint(vae), "utterances": describe_names(rows)}
    if extract(work, made_from, processes)[1]:
        _, bad = read_records(work)
        writer.close(len(shards), None, bad)
    write_lines(out / LANGUAGE, [language])
    return LatentStore(out, vae.latent_mean, vae.latent_std)
