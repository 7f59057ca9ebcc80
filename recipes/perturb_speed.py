"""More voices from the same people: every utterance resampled, so that pitch, formants and pace change together.

    python recipes/perturb_speed.py --data data/real/train --out data/real/train_sp --factors 0.9 1.1 --nj 2

Kaldi's speed perturbation: OUT holds, for each factor, the utterances under the names of new speakers
(sp0.9-SPEAKER), with phone and symbol times, lengths and bandwidth adjusted; the original directory is left unchanged
(recipes/combine_data.py joins both). A second run keeps files of the same recordings, which OUT/perturbed_audio names.
"""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.read import read_audio
from ditar.audio.resample import resample
from ditar.audio.write import write_audio
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.config.workers import WorkerPool
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from ditar.storage.json_lines import append_json_lines, read_log, write_json_lines
from ditar.storage.lock import InUseError, only_writer
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds

FACTORS = (0.7, 1.4)  # beyond these, voices no longer sound human
JOURNAL = "perturbed_audio"


def made_from(utterance: Utterance, factor: float) -> dict[str, Any]:
    """A line of the journal: the name, and the recording with its size and time."""
    stat = utterance.path.stat()
    return {"utt": f"sp{factor:g}-{utterance.utt}", "from": str(utterance.path.absolute()),
            "bytes": stat.st_size, "changed_ns": stat.st_mtime_ns}  # fmt: skip


def perturb(work: tuple[Utterance, float, bool], folder: Path) -> Utterance:
    """Write one utterance `factor` times as fast, unless its file is there (True), and return its new entry."""
    utterance, factor, there = work
    prefix = f"sp{factor:g}-"
    path = folder / f"{prefix}{utterance.utt}.wav"
    if not there or not path.exists():
        waveform = resample(read_audio(utterance.path), round(SAMPLE_RATE_HZ * factor), SAMPLE_RATE_HZ)
        write_audio(path, waveform, SAMPLE_RATE_HZ)
    phones, spoken = utterance.phones, utterance.symbol_times
    bandwidth_hz = factor * (utterance.bandwidth_hz or SAMPLE_RATE_HZ / 2)
    return replace(
        utterance,
        utt=prefix + utterance.utt,
        speaker=prefix + utterance.speaker,
        path=path,
        duration_s=samples_to_seconds(soundfile.info(str(path)).frames),
        phones=phones and [(name, round(a / factor, 4), round(b / factor, 4)) for name, a, b in phones],
        bandwidth_hz=bandwidth_hz if bandwidth_hz < SAMPLE_RATE_HZ / 2 else None,
        symbol_times=spoken and (spoken[0], [t and [round(x / factor, 4) for x in t] for t in spoken[1]]),
    )


def perturb_all(work: list[tuple[Utterance, float]], folder: Path, journal: Path, processes: int) -> list[Utterance]:
    """What `perturb` returns, in the order of `work`; the journal grows meanwhile."""
    lines, before = [made_from(*one) for one in work], {line["utt"]: line for line in read_log(journal)}
    kept = [before.get(line["utt"]) == line for line in lines]
    write_json_lines((line for line, there in zip(lines, kept) if there), journal)  # before other files are replaced
    rows = []
    with WorkerPool(processes, method="fork") as pool:
        done = pool.in_order(partial(perturb, folder=folder), [(*one, k) for one, k in zip(work, kept)], at_once=16)
        for row in tqdm(done, total=len(work), desc=str(journal.parent), mininterval=5):
            if not kept[len(rows)]:
                append_json_lines([lines[len(rows)]], journal)
            rows.append(row)
    return rows


def factor(text: str) -> float:
    """A speed on the command line."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not FACTORS[0] <= value <= FACTORS[1] or value == 1.0:
        raise argparse.ArgumentTypeError(f"must be from {FACTORS[0]} to {FACTORS[1]} and not 1, got {text!r}")
    return value


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path, help="data directory to write")
    parser.add_argument("--factors", type=factor, nargs="+", default=[0.9, 1.1], help="speeds (%(default)s)")
    parser.add_argument("--nj", type=positive, default=2, help="processes (%(default)s)")
    args = parser.parse_args()
    try:
        if args.out.resolve() == args.data.resolve():
            raise DataError(f"--out is --data ({args.data}); give another folder")
        work = [(row, one) for one in dict.fromkeys(args.factors) for row in read_data_dir(args.data)]
        folder = args.out.absolute() / "wav"
        folder.mkdir(parents=True, exist_ok=True)
        with only_writer(args.out):
            rows = perturb_all(work, folder, args.out / JOURNAL, args.nj)
            write_data_dir(args.out, rows)
    except (AudioError, DataError, InUseError, OSError) as error:
        print(f"perturb_speed: error: {error}", file=sys.stderr)
        return 1
    hours = sum(row.duration_s for row in rows) / 3600
    print(f"{args.out}: {len(rows)} utterances of {len({row.speaker for row in rows})} voices, {hours:.2f} h")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
