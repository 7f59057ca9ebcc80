"""Several Kaldi data directories as one.

    python recipes/combine_data.py --data data/teacher data/real/train --out data/train [--skip-missing]

All tables that ditar/data/kaldi.py knows are kept: phones, symbol_times and utt2bandwidth for those utterances that
have them, utt2dur if all have one; and of OUT the phones that recipes/align_phones.py has found there for what has not
changed. Audio files stay where they are. What stage 1 made (`symbols`) must be made again.
"""

import argparse
import sys
from pathlib import Path

from ditar.config.program import exit_code
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, keep_phones, read_data_dir, write_data_dir


def combine(folders: list[Path]) -> list[Utterance]:
    """The utterances of all directories. DataError if one is in two."""
    rows: list[Utterance] = []
    where: dict[str, Path] = {}
    for folder in folders:
        for row in read_data_dir(folder):
            if row.utt in where:
                raise DataError(f"utterance {row.utt!r} is in {where[row.utt]} and in {folder}; take it out of one")
            where[row.utt] = folder
            rows.append(row)
    return rows


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, nargs="+", type=Path, help="Kaldi data directories")
    parser.add_argument("--out", required=True, type=Path, help="data directory to write")
    parser.add_argument("--skip-missing", action="store_true", help="ignore directories that do not exist")
    args = parser.parse_args()
    try:
        if args.out.resolve() in [folder.resolve() for folder in args.data]:
            raise DataError(f"--out is one of --data ({args.out}); give another folder")
        folders = [folder for folder in args.data if folder.is_dir() or not args.skip_missing]
        if not folders:
            raise DataError(f"none of {', '.join(map(str, args.data))} is there; make one of them first")
        rows = combine(folders)
        write_data_dir(args.out, keep_phones(rows, args.out))
        read_data_dir(args.out)  # it must be valid as a whole, too
    except (DataError, OSError) as error:
        print(f"combine_data: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {len(rows)} utterances, {len({row.speaker for row in rows})} speakers, of {len(folders)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
