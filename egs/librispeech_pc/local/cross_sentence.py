"""Stage 0: a cross-sentence list -> the texts to speak (OUT/test) and the clips to clone (OUT/test_ref).

    local/cross_sentence.py --data data/all --list cross_sentence.lst --out data
    local/cross_sentence.py --real "DIR ..." --list cross_sentence.lst --out data

A line of the list: name, seconds and text of the reference, name, seconds and text of the target, separated by tabs.
The texts, which have capitals and punctuation, are the list's; audio and speakers are those of the data directory.
OUT/test_ref/utt2ref says which clip speaks what, and recipes/decode.py follows it.

With --real (corpora in any layout of ditar/data/corpora.py, which may hold only some of the recordings) those lines are
taken whose reference exists, and OUT/test has only the texts: recordings of them are not needed.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))  # the package, when it is not installed

from ditar.config.program import exit_code  # noqa: E402
from ditar.data.corpora import folders_in, read_corpora  # noqa: E402
from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir  # noqa: E402
from ditar.storage.atomic_write import write_lines  # noqa: E402


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


def write_all(out: Path, pairs: list[Pair], data: Path) -> None:
    """Both directories, from a data directory that has every recording."""
    rows = {row.utt: row for row in read_data_dir(data)}
    missing = sorted({name for p in pairs for name in (p.reference, p.target)} - rows.keys())
    if missing:
        raise DataError(
            f"{data} lacks {len(missing)} utterances of the list, {', '.join(missing[:5])} ...; is it the list of this "
            "part of LibriSpeech?"
        )
    write_data_dir(out / "test", [replace(rows[p.target], text=p.target_text) for p in pairs])
    write_references(out / "test_ref", pairs, rows)


def write_what_is_there(out: Path, pairs: list[Pair], folders: list[str]) -> list[Pair]:
    """Texts to speak, and the clips of corpora that may hold some of them; returns the lines that can be spoken."""
    wanted = {p.reference for p in pairs}
    rows = {
        clip.utt: Utterance(clip.utt, clip.utt.split("-")[0], clip.path.resolve(), "")
        for clip in read_corpora(folders)
        if clip.utt in wanted
    }
    spoken = [p for p in pairs if p.reference in rows]
    if not spoken:
        raise DataError(f"no reference of the list, such as {pairs[0].reference!r}, is in {' '.join(folders)}")
    (out / "test").mkdir(parents=True, exist_ok=True)
    for name in ("wav.scp", "utt2spk", "spk2utt", "utt2dur"):  # left by a run that had the recordings
        (out / "test" / name).unlink(missing_ok=True)
    write_lines(out / "test/text", sorted((f"{p.target} {p.target_text}" for p in spoken), key=str.encode))
    write_references(out / "test_ref", spoken, rows)
    return spoken


def write_references(folder: Path, pairs: list[Pair], rows: dict[str, Utterance]) -> None:
    """The clips to clone, with the list's texts, and which of them speaks what."""
    references = {p.reference: replace(rows[p.reference], text=p.reference_text) for p in pairs}
    write_data_dir(folder, references.values())
    write_lines(folder / "utt2ref", sorted((f"{p.target} {p.reference}" for p in pairs), key=str.encode))


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="data directory of the whole part of the corpus")
    source.add_argument(
        "--real", help="folders of corpora or corpora, [NAME=]DIR, separated by spaces, with some of it"
    )
    parser.add_argument("--list", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        pairs = spoken = read_list(args.list)
        if args.real is None:
            write_all(args.out, pairs, args.data)
        else:
            spoken = write_what_is_there(args.out, pairs, folders_in(args.real))
    except (DataError, OSError) as error:
        print(f"cross_sentence: error: {error}", file=sys.stderr)
        return 1
    clips = len({p.reference for p in spoken})
    print(f"{args.out}: {len(spoken)} sentences of {len(pairs)}, {clips} reference clips")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
