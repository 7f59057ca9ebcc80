"""Stage 1: audio as training reads it (mono, 24 kHz, 16 bit), from data directories with any audio files.

    python recipes/prepare_audio.py --data data/raw/train --out data/train --nj 8 --max-seconds 20 --skip-bad

Writes OUT/wav/<utt>.wav and a Kaldi data directory that names them; utt2bandwidth gives the bandwidth of recordings at
lower rates. Every utterance is prepared as a reference is at synthesis (ditar/audio/utterance.py): trimmed to its
sound, by phone times if the directory has them and by energy, levelled, with the same silence after it; the times in
`phones` and `symbol_times` move with it. --as-is leaves ends and level unchanged.

Utterances that are silent, cannot be read, or are shorter or longer than the limits are refused, or with --skip-bad
left out and listed in OUT/skipped_audio with the reason. A directory of audio without text (wav.scp, utt2spk) remains
one. A second run with the same times and options, recorded in OUT/prepared_audio, keeps existing files.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from ditar.audio.errors import AudioError, AudioWriteError
from ditar.audio.read import read_audio
from ditar.audio.utterance import prepare_utterance
from ditar.audio.write import write_audio
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.config.workers import WorkerPool
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_audio_dir, read_data_dir, write_audio_dir, write_data_dir
from ditar.data.times import shift_times, sound_seconds
from ditar.storage.atomic_write import naming, write_lines
from ditar.storage.json_lines import write_json_lines
from ditar.storage.lock import InUseError, only_writer
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds

JOURNAL = "prepared_audio"
TABLES = ("utt2dur", "utt2bandwidth", "phones", "symbol_times")  # optional in a run


def prepare(
    row: tuple[Utterance, dict[str, Any] | None], folder: Path, as_is: bool, shortest_s: float, longest_s: float
) -> tuple[Utterance, dict[str, Any] | None, str | None]:
    """Write one file. `row`: the utterance, and its line of the journal if its file exists already. Returns the new
    utterance with its line; or why it cannot be used. AudioWriteError: the disk is full."""
    utterance, done = row
    path = folder / f"{utterance.utt}.wav"
    try:
        if done is None:
            waveform, cut_s = read_audio(utterance.path), 0.0
            if not as_is:
                name = f"{utterance.utt} ({utterance.path})"
                waveform, cut_s = prepare_utterance(waveform, SAMPLE_RATE_HZ, sound_seconds(utterance), name)
            seconds = samples_to_seconds(len(waveform))
            if not shortest_s <= seconds <= longest_s:
                return utterance, None, _outside(seconds, shortest_s, longest_s)
            path.parent.mkdir(parents=True, exist_ok=True)  # an id may name folders
            write_audio(path, waveform, SAMPLE_RATE_HZ)
            done = _settings(utterance, as_is) | {"cut_s": cut_s}
        seconds = samples_to_seconds(soundfile.info(str(path)).frames)
        own_hz = soundfile.info(str(utterance.path)).samplerate / 2
    except AudioWriteError:
        raise
    except (AudioError, OSError, soundfile.LibsndfileError) as error:
        return utterance, None, str(error)
    if not shortest_s <= seconds <= longest_s:
        return utterance, None, _outside(seconds, shortest_s, longest_s)
    bandwidth_hz = utterance.bandwidth_hz or (own_hz if own_hz < SAMPLE_RATE_HZ / 2 else None)
    if not as_is:
        utterance = shift_times(utterance, done["cut_s"], seconds)
    return replace(utterance, path=path, duration_s=seconds, bandwidth_hz=bandwidth_hz), done, None


def _settings(utterance: Utterance, as_is: bool) -> dict[str, Any]:
    """What a file is made from, as in its line of the journal, which adds the seconds that were cut at the start."""
    sound_s = None if as_is else sound_seconds(utterance)
    return {"utt": utterance.utt, "from": str(utterance.path), "as_is": as_is, "sound_s": sound_s and list(sound_s)}


def _is_made(utterance: Utterance, line: dict[str, Any], args: argparse.Namespace) -> bool:
    """Whether the file of a line of the journal exists, is newer than its source and was made with these settings."""
    path = args.out / "wav" / f"{utterance.utt}.wav"
    if not path.exists() or not utterance.path.exists() or path.stat().st_mtime < utterance.path.stat().st_mtime:
        return False
    return line == _settings(utterance, args.as_is) | {"cut_s": line["cut_s"]}


def _outside(seconds: float, shortest_s: float, longest_s: float) -> str:
    return f"{seconds:.2f} s is not between {shortest_s:g} and {longest_s:g} s"


def prepare_all(
    rows: list[Utterance], args: argparse.Namespace
) -> Iterator[tuple[Utterance, dict[str, Any] | None, str | None]]:
    """What `prepare` returns, in the order of the rows; the journal grows meanwhile."""
    journal, lines = args.out / JOURNAL, {line["utt"]: line for line in _whole_lines(args.out / JOURNAL)}
    kept = {row.utt: lines[row.utt] for row in rows if row.utt in lines and _is_made(row, lines[row.utt], args)}
    write_json_lines(kept.values(), journal)  # invalid lines are removed before their files are written again
    work = partial(
        prepare,
        folder=args.out.absolute() / "wav",  # a table is read from anywhere
        as_is=args.as_is,
        shortest_s=args.min_seconds,
        longest_s=args.max_seconds,
    )
    with WorkerPool(args.nj, method="fork") as pool, open(journal, "a", encoding="utf-8") as file:
        done = pool.in_order(work, [(row, kept.get(row.utt)) for row in rows], at_once=16)
        for row, line, reason in tqdm(done, total=len(rows), desc=str(args.out), mininterval=5):
            if line is not None and row.utt not in kept:
                with naming(journal):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    file.flush()
            yield row, line, reason


def _whole_lines(journal: Path) -> list[dict[str, Any]]:
    """What a run has left; the last line of an interrupted one may be incomplete."""
    if not journal.is_file():
        return []
    return [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]]


def main() -> int:
    """Parse arguments and prepare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path, help="data directory to write")
    parser.add_argument("--nj", type=positive, default=2, help="processes (%(default)s)")
    parser.add_argument("--min-seconds", type=float, default=0.3)
    parser.add_argument("--max-seconds", type=float, default=30.0)
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be used and list it")
    parser.add_argument("--as-is", action="store_true", help="neither trim nor level: for audio prepared already")
    args = parser.parse_args()
    try:
        if args.out.resolve() == args.data.resolve():
            raise DataError(f"--out is --data ({args.data}); give another folder")
        (args.out / "wav").mkdir(parents=True, exist_ok=True)
        with only_writer(args.out):
            spoken = (args.data / "text").is_file() or not (args.data / "wav.scp").is_file()
            rows = read_data_dir(args.data) if spoken else read_audio_dir(args.data)
            done = list(prepare_all(rows, args))
            bad = [f"{row.utt} {reason}" for row, _, reason in done if reason]
            if bad and not args.skip_bad:
                shown = "\n  ".join(bad[:10])
                raise DataError(
                    f"{len(bad)} of {len(rows)} utterances cannot be used (--skip-bad leaves out):\n  {shown}"
                )
            write_lines(args.out / "skipped_audio", bad)
            for name in TABLES:  # left by an earlier run: this one may have none
                (args.out / name).unlink(missing_ok=True)
            (write_data_dir if spoken else write_audio_dir)(args.out, [row for row, _, reason in done if not reason])
            write_json_lines((line for _, line, _ in done if line), args.out / JOURNAL)
    except (DataError, AudioError, InUseError, OSError) as error:
        print(f"prepare_audio: error: {error}", file=sys.stderr)
        return 1
    seconds = sum(row.duration_s for row, _, reason in done if not reason)
    print(f"{args.out}: {len(rows) - len(bad)} utterances, {seconds / 3600:.2f} h; left out: {len(bad)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
