"""Stage -1: fetch LJSpeech-1.1 (2.6 GB) with lhotse, which resumes a download that broke off.

    local/download.py --out downloads
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Parse arguments and download; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="LJSpeech-1.1 is made inside it")
    args = parser.parse_args()
    from lhotse.recipes.ljspeech import download_ljspeech

    try:
        print(download_ljspeech(args.out))
    except OSError as error:
        print(
            f"download: error: LJ Speech could not be fetched ({error}); try again, or unpack it yourself and name it "
            "with --corpus",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
