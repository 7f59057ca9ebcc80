"""Stage 1: audio as training reads it (mono, 24 kHz, 16 bit), from data directories with any audio files.

    python recipes/prepare_audio.py --data data/raw/train --out data/train --nj 8 --max-seconds 20 --skip-bad

Writes OUT/wav/<utt>.wav and a Kaldi data directory that names them; utt2bandwidth says where a recording of a lower
rate ends. Utterances that cannot be read or are shorter or
longer than the limits are refused, or with --skip-bad left out and listed in OUT/skipped_audio with the reason. What is
written already is kept when it runs again.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import soundfile
from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.read import read_audio
from ditar.audio.write import write_audio
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from ditar.data.tables import write_beside
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds


def prepare(utterance: Utterance, folder: Path, shortest_s: float, longest_s: float) -> tuple[Utterance, str | None]:
    """Write one file. Returns the utterance as it is afterwards, or why it cannot be used."""
    path = folder / f"{utterance.utt}.wav"
    try:
        if not path.exists() or path.stat().st_mtime < utterance.path.stat().st_mtime:
            waveform = read_audio(utterance.path)
            seconds = samples_to_seconds(len(waveform))
            if not shortest_s <= seconds <= longest_s:
                return utterance, f"{seconds:.2f} s is not between {shortest_s:g} and {longest_s:g} s"
            write_audio(path, waveform, SAMPLE_RATE_HZ)
        seconds = samples_to_seconds(soundfile.info(str(path)).frames)
        own_hz = soundfile.info(str(utterance.path)).samplerate / 2
    except (AudioError, OSError) as error:
        return utterance, str(error)
    if not shortest_s <= seconds <= longest_s:
        return utterance, f"{seconds:.2f} s is not between {shortest_s:g} and {longest_s:g} s"
    bandwidth_hz = utterance.bandwidth_hz or (own_hz if own_hz < SAMPLE_RATE_HZ / 2 else None)
    return replace(utterance, path=path, duration_s=seconds, bandwidth_hz=bandwidth_hz), None


def main() -> int:
    """Parse arguments and prepare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path, help="data directory to write")
    parser.add_argument("--nj", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--min-seconds", type=float, default=0.3)
    parser.add_argument("--max-seconds", type=float, default=30.0)
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be used and list it")
    args = parser.parse_args()
    try:
        if args.out.resolve() == args.data.resolve():
            raise DataError(f"--out is --data ({args.data}); give another folder")
        folder = args.out / "wav"
        folder.mkdir(parents=True, exist_ok=True)
        rows = read_data_dir(args.data)
        work = partial(prepare, folder=folder, shortest_s=args.min_seconds, longest_s=args.max_seconds)
        with ProcessPoolExecutor(args.nj) as pool:
            done = list(tqdm(pool.map(work, rows, chunksize=16), total=len(rows), desc=str(args.out), mininterval=5))
        bad = [f"{row.utt} {reason}" for row, reason in done if reason]
        if bad and not args.skip_bad:
            shown = "\n  ".join(bad[:10])
            raise DataError(f"{len(bad)} of {len(rows)} utterances cannot be used (--skip-bad leaves out):\n  {shown}")
        write_beside(args.out / "skipped_audio", bad)
        write_data_dir(args.out, [row for row, reason in done if not reason])
    except (DataError, AudioError, OSError) as error:
        print(f"prepare_audio: error: {error}", file=sys.stderr)
        return 1
    seconds = sum(row.duration_s for row, reason in done if not reason)
    print(f"{args.out}: {len(rows) - len(bad)} utterances, {seconds / 3600:.2f} h; left out: {len(bad)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
