"""Stage 0: a cross-sentence list -> what is to be spoken (OUT/test) and the clips to clone (OUT/test_ref).

    local/cross_sentence.py --data data/all --list cross_sentence.lst --out data

A line of the list: name, seconds and text of the reference, name, seconds and text of the target, between tabs. The
texts, which have capitals and punctuation, are the list's; audio and speakers are those of the data directory.
OUT/test_ref/utt2ref says which clip speaks what, and recipes/decode.py keeps to it.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))  # the package, when it is not installed

from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import read_data_dir, write_data_dir  # noqa: E402
from ditar.data.tables import write_beside  # noqa: E402


@dataclass(frozen=True)
class Pair:
    """One line of the list."""

    reference: str
    reference_text: str
    target: str
    target_text: str


def read_list(path: Path) -> list[Pair]:
    """Every line. DataError names a line with another number of fields, and a target that comes twice."""
    if not path.is_file():
        raise DataError(f"there is no list {path}; stage -1 fetches it")
    pairs, seen = [], set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 6 or not all(fields):
            raise DataError(
                f"{path}:{number}: expected six fields between tabs (name, seconds, text of the reference, and of the "
                f"target), got {line[:80]!r}"
            )
        pair = Pair(fields[0], fields[2], fields[3], fields[5])
        if pair.target in seen:
            raise DataError(f"{path}:{number}: target {pair.target} comes twice; keep one")
        seen.add(pair.target)
        pairs.append(pair)
    if not pairs:
        raise DataError(f"{path} is empty; fetch it again")
    return pairs


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="data directory of the whole part of the corpus")
    parser.add_argument("--list", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        pairs = read_list(args.list)
        rows = {row.utt: row for row in read_data_dir(args.data)}
        missing = sorted({name for p in pairs for name in (p.reference, p.target)} - rows.keys())
        if missing:
            raise DataError(
                f"{args.data} lacks {len(missing)} utterances of {args.list}, {', '.join(missing[:5])} ...; is it the "
                "list of this part of LibriSpeech?"
            )
        references = {p.reference: replace(rows[p.reference], text=p.reference_text) for p in pairs}
        write_data_dir(args.out / "test", [replace(rows[p.target], text=p.target_text) for p in pairs])
        write_data_dir(args.out / "test_ref", references.values())
        lines = sorted((f"{p.target} {p.reference}" for p in pairs), key=str.encode)
        write_beside(args.out / "test_ref/utt2ref", lines)
    except (DataError, OSError) as error:
        print(f"cross_sentence: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {len(pairs)} sentences, {len(references)} reference clips")
    return 0


if __name__ == "__main__":
    sys.exit(main())
