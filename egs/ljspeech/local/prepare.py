"""LJ Speech in its own layout (metadata.csv, wavs/) -> Kaldi data directories, through lhotse.

    local/prepare.py --corpus downloads/LJSpeech-1.1 --out data/raw [--val 100 --test 100]

The last utterances of the corpus are left out of training: the last ones for the test, those before them for
validation. Writes OUT/{train,val,test}.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))  # the package, when it is not installed

from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import Utterance, write_data_dir  # noqa: E402


def read_corpus(corpus: Path) -> list[Utterance]:
    """All utterances, in the corpus's order. DataError where it has another layout."""
    if not (corpus / "metadata.csv").is_file() or not (corpus / "wavs").is_dir():
        raise DataError(f"{corpus} holds no metadata.csv and wavs/; give the folder of LJSpeech-1.1 (stage -1 gets it)")
    from lhotse.recipes.ljspeech import prepare_ljspeech

    rows = (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()
    missing = [row.split("|")[0] for row in rows if not (corpus / "wavs" / f"{row.split('|')[0]}.wav").is_file()]
    if missing:
        raise DataError(f"{len(missing)} of {len(rows)} WAV files of metadata.csv are missing: {' '.join(missing[:5])}")
    manifests = prepare_ljspeech(corpus)
    sources = {recording.id: recording.sources[0].source for recording in manifests["recordings"]}
    return [
        Utterance(
            one.id, "LJ", Path(sources[one.recording_id]).resolve(), one.custom["normalized_text"], float(one.duration)
        )
        for one in manifests["supervisions"]
    ]


def split(rows: list[Utterance], val: int, test: int) -> dict[str, list[Utterance]]:
    """The last `test` utterances, the `val` before them, and the rest. DataError where nothing is left to train on."""
    rows = sorted(rows, key=lambda row: row.utt)
    if val < 1 or test < 1 or val + test >= len(rows):
        raise DataError(f"{len(rows)} utterances cannot give {val} for validation, {test} for the test and some more")
    return {"train": rows[: -val - test], "val": rows[-val - test : -test], "test": rows[-test:]}


def main() -> int:
    """Parse arguments and prepare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--val", type=int, default=100)
    parser.add_argument("--test", type=int, default=100)
    args = parser.parse_args()
    try:
        for name, rows in split(read_corpus(args.corpus), args.val, args.test).items():
            write_data_dir(args.out / name, rows)
    except (DataError, OSError, ValueError) as error:
        print(f"prepare: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
