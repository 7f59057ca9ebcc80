"""Latents of no speech in the layout of extract_latents.py, to measure or rehearse what training will do with data.

    python recipes/synthetic_latents.py --out exp/synthetic --utterances 2000 --shards 4 [--channels 64] [--seconds 2 10]

See ditar/data/synthetic.py.
"""

import argparse
import sys
from pathlib import Path

from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.synthetic import write_synthetic


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--utterances", type=positive, default=2000)
    parser.add_argument("--shards", type=positive, default=4)
    parser.add_argument("--channels", type=positive, default=64)
    parser.add_argument("--seconds", type=float, nargs=2, default=[2.0, 10.0], metavar=("LEAST", "MOST"))
    args = parser.parse_args()
    try:
        write_synthetic(args.out, args.utterances, args.shards, args.channels, tuple(args.seconds))
    except OSError as error:
        print(f"synthetic_latents: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
