"""Stage -1: fetch the cross-sentence list of LibriSpeech-PC test-clean, as F5-TTS published it.

local/fetch_list.py --out downloads/librispeech_pc_test_clean_cross_sentence.lst
"""

import argparse
import sys
import urllib.request
from pathlib import Path

from ditar.config.program import exit_code

URL = "https://raw.githubusercontent.com/SWivid/F5-TTS/main/data/librispeech_pc_test_clean_cross_sentence.lst"


def main() -> int:
    """Parse arguments and fetch; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--url", default=URL)
    args = parser.parse_args()
    try:
        with urllib.request.urlopen(args.url, timeout=60) as response:
            content = response.read()
        args.out.parent.mkdir(parents=True, exist_ok=True)
        partial = args.out.with_name(f".{args.out.name}.partial")
        partial.write_bytes(content)
        partial.replace(args.out)
    except OSError as error:
        print(
            f"fetch_list: error: {args.url} could not be fetched ({error}); try again, or get it yourself and name it "
            "with --list",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
