"""`ditar validate-data`: Kaldi's rules on data directories."""

import argparse
import sys
from pathlib import Path

from ditar.cli.streams import one_line


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "validate-data",
        help="check Kaldi data directories",
        description="Apply Kaldi's rules to data directories, open the header of every audio file, and report every "
        "fault with file, line and remedy. Prints a line for each directory that is good; exit code 1 if one "
        "is not.",
    )
    command.add_argument("data", metavar="DIR", nargs="+", help="data directory; no utterance may be in two")
    command.add_argument(
        "--manifests", metavar="DIR", help="if all are good, write lhotse cuts to DIR/<directory's name>.jsonl.gz"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, print the faults, and write manifests if there are none."""
    from ditar.data.validate import validate_data_dirs

    problems, summaries = validate_data_dirs(options.data)
    for line in summaries:
        print(one_line(line))
    for problem in problems:
        print(f"ditar: error: {one_line(problem)}", file=sys.stderr)
    if options.manifests and not problems:
        from ditar.data.manifests import write_manifest

        for folder in map(Path, options.data):
            write_manifest(folder, Path(options.manifests) / f"{folder.resolve().name}.jsonl.gz")
    return 1 if problems else 0
