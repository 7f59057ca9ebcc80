"""Part of a Kaldi data directory: some speakers, some lengths, a limited number of utterances.

    python recipes/subset_data.py --data data/train --out data/short --speakers slt000,rms000 --max-seconds 3 --most 500

--most takes utterances evenly over the directory's order, and so over its speakers. Audio files stay where they are.
"""

import argparse
import sys
from pathlib import Path

import soundfile

from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir, subset_evenly, write_data_dir


def duration_s(row: Utterance) -> float:
    """Seconds, by utt2dur or by the file's header."""
    return soundfile.info(str(row.path)).duration if row.duration_s is None else row.duration_s


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--out", required=True, type=Path, help="data directory to write")
    parser.add_argument("--speakers", help="names, separated by commas (all)")
    parser.add_argument("--min-seconds", type=float, default=0.0)
    parser.add_argument("--max-seconds", type=float, default=float("inf"))
    parser.add_argument("--most", type=positive, help="utterances at most (all)")
    args = parser.parse_args()
    try:
        if args.out.resolve() == args.data.resolve():
            raise DataError(f"--out is --data ({args.data}); give another folder")
        rows = read_data_dir(args.data)
        speakers = {row.speaker for row in rows}
        wanted = set(args.speakers.split(",")) if args.speakers else speakers
        if unknown := sorted(wanted - speakers):
            raise DataError(
                f"{args.data} has no speaker {', '.join(unknown)}; it has {', '.join(sorted(speakers)[:20])}"
            )
        kept = [row for row in rows if row.speaker in wanted]
        kept = [row for row in kept if args.min_seconds <= duration_s(row) <= args.max_seconds]
        if not kept:
            raise DataError(
                f"none of {len(rows)} utterances of {args.data} is by {args.speakers or 'anybody'} and lasts from "
                f"{args.min_seconds:g} to {args.max_seconds:g} s; choose other limits"
            )
        write_data_dir(args.out, subset_evenly(kept, args.most))
    except (DataError, OSError, soundfile.LibsndfileError) as error:
        print(f"subset_data: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
