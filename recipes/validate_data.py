"""Stage 0, validation: check Kaldi data directories and write their lhotse manifests.

    python recipes/validate_data.py data/train data/val --manifests data/manifests

Says everything that is wrong and exits 1, or prints one line per directory: utterances, speakers, hours. It also
checks that no utterance is in two directories.
"""

import argparse
import sys
from pathlib import Path

from ditar.data.errors import DataError
from ditar.data.kaldi import read_data_dir, validate_data_dir


def main() -> int:
    """Parse arguments and validate; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="Kaldi data directories")
    parser.add_argument("--manifests", type=Path, help="folder for lhotse cuts, <directory's name>.jsonl.gz")
    args = parser.parse_args()
    problems = [problem for folder in args.data for problem in validate_data_dir(folder, audio=True)]
    where: dict[str, Path] = {}
    if not problems:
        for folder in args.data:
            rows = read_data_dir(folder)
            for row in rows:
                if row.utt in where:
                    problems.append(
                        f"utterance {row.utt!r} is in {where[row.utt]} and in {folder}; splits must not overlap"
                    )
                where[row.utt] = folder
            hours = sum(row.duration_s or 0.0 for row in rows) / 3600
            print(f"{folder}: {len(rows)} utterances, {len({row.speaker for row in rows})} speakers, {hours:.2f} h")
    try:
        if args.manifests is not None and not problems:
            from ditar.data.manifests import write_manifest

            for folder in args.data:
                write_manifest(folder, args.manifests / f"{folder.name}.jsonl.gz")
    except (DataError, OSError) as error:
        problems.append(str(error))
    for problem in problems[:50]:
        print(f"validate_data: error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
