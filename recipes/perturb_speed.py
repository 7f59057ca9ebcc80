"""More voices from the same people: every utterance resampled, so that pitch, formants and pace change together.

    python recipes/perturb_speed.py --data data/real/train --out data/real/train_sp --factors 0.9 1.1 --nj 2

Kaldi's speed perturbation: OUT holds, for each factor, the utterances under the names of new speakers
(sp0.9-SPEAKER), with phone and symbol times, lengths and bandwidth adjusted; the original directory is left unchanged
(recipes/combine_data.py joins both). A second run keeps existing files.
"""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import soundfile
from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.read import read_audio
from ditar.audio.resample import resample
from ditar.audio.write import write_audio
from ditar.config.workers import WorkerPool
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds

FACTORS = (0.7, 1.4)  # beyond these, voices no longer sound human


def perturb(work: tuple[Utterance, float], folder: Path) -> Utterance:
    """Write one utterance `factor` times as fast, and return its new entry."""
    utterance, factor = work
    prefix = f"sp{factor:g}-"
    path = folder / f"{prefix}{utterance.utt}.wav"
    if not path.exists() or path.stat().st_mtime < utterance.path.stat().st_mtime:
        waveform = resample(read_audio(utterance.path), round(SAMPLE_RATE_HZ * factor), SAMPLE_RATE_HZ)
        write_audio(path, waveform, SAMPLE_RATE_HZ)
    phones, spoken, bandwidth_hz = utterance.phones, utterance.symbol_times, utterance.bandwidth_hz
    return replace(
        utterance,
        utt=prefix + utterance.utt,
        speaker=prefix + utterance.speaker,
        path=path,
        duration_s=samples_to_seconds(soundfile.info(str(path)).frames),
        phones=phones and [(name, round(a / factor, 4), round(b / factor, 4)) for name, a, b in phones],
        bandwidth_hz=bandwidth_hz and min(SAMPLE_RATE_HZ / 2, factor * bandwidth_hz),
        symbol_times=spoken and (spoken[0], [t and [round(x / factor, 4) for x in t] for t in spoken[1]]),
    )


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
    parser.add_argument("--nj", type=int, default=2, help="processes (%(default)s)")
    args = parser.parse_args()
    try:
        if args.out.resolve() == args.data.resolve():
            raise DataError(f"--out is --data ({args.data}); give another folder")
        folder = args.out / "wav"
        folder.mkdir(parents=True, exist_ok=True)
        work = [(row, one) for one in dict.fromkeys(args.factors) for row in read_data_dir(args.data)]
        with WorkerPool(args.nj, method="fork") as pool:
            done = pool.in_order(partial(perturb, folder=folder), work, at_once=16)
            rows = list(tqdm(done, total=len(work), desc=str(args.out), mininterval=5))
        write_data_dir(args.out, rows)
    except (AudioError, DataError, OSError) as error:
        print(f"perturb_speed: error: {error}", file=sys.stderr)
        return 1
    hours = sum(row.duration_s for row in rows) / 3600
    print(f"{args.out}: {len(rows)} utterances of {len({row.speaker for row in rows})} voices, {hours:.2f} h")
    return 0


if __name__ == "__main__":
    sys.exit(main())
