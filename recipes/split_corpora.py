"""Stage 0: audio books, or any corpora in a layout that ditar/data/corpora.py reads -> Kaldi data directories.

    python recipes/split_corpora.py --corpora downloads/fr_FR --out data/raw --val 20 --test 50 [--test-books NAME,NAME]

Writes OUT/{train,val,test} with the recordings as they are. The test is the books of --test-books, whoever reads them,
or else --test utterances evenly over the rest, from which validation is taken; sentences of either are in no other set.
Texts are as they are said in training and validation, and as they are written in the test (`5 h`, not `cinq heures`),
where a corpus has both. A corpus that knows when its phonemes are spoken has a file `symbol_times` (see
ditar/data/kaldi.py), by the corpus's own names of utterances; ours do.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

import soundfile

from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.corpora import Clip, folders_in, read_corpora
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, keep_phones, subset_evenly, write_data_dir
from ditar.data.tables import read_json_lines
from ditar.recognise.words import bare_words
from ditar.units import SAMPLE_RATE_HZ


def named(clip: Clip, times: dict[str, dict]) -> Utterance:
    """A row for a clip; its name begins as its speaker's, with "-" after it, so that both have the same order."""
    try:
        info = soundfile.info(str(clip.path))
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{clip.path} cannot be read as audio ({error}); get it again, or remove its line") from None
    speaker = re.sub(r"\W", "_", clip.speaker or f"{clip.corpus}_unknown", flags=re.ASCII)
    utt = f"{speaker}-{re.sub(r'[^A-Za-z0-9_.-]', '_', clip.utt)}"
    said = times.get(clip.utt)
    spoken = (said["symbols"], said["times"]) if said else None
    bandwidth_hz = min(info.samplerate, SAMPLE_RATE_HZ) / 2
    return Utterance(utt, speaker, clip.path.resolve(), clip.text, info.duration, None, bandwidth_hz, spoken)


def split(
    clips: list[Clip], rows: list[Utterance], val: int, test: int, books: list[str]
) -> dict[str, list[Utterance]]:
    """The sets by name. DataError if there is no such book, or nothing left to train on."""
    if lacking := set(books) - {clip.book for clip in clips}:
        known = ", ".join(sorted({clip.book for clip in clips if clip.book})) or "none"
        raise DataError(f"there is no book {' or '.join(sorted(lacking))}; the corpora have {known}")
    written = {row.utt: clip.written or clip.text for clip, row in zip(clips, rows, strict=True)}
    sets: dict[str, list[Utterance]] = {}
    if books:
        sets["test"] = [row for clip, row in zip(clips, rows, strict=True) if clip.book in books]
    taken = {row.utt for row in sets.get("test", ())}
    rest = sorted((row for row in rows if row.utt not in taken), key=lambda row: row.utt)
    for name, count in ([] if books else [("test", test)]) + [("val", val)]:
        if not 0 < count < len(rest):
            raise DataError(f"{len(rest)} utterances cannot give {count} for {name} and some to learn from; take fewer")
        sets[name] = subset_evenly(rest, count)
        said = {bare_words(row.text) for row in sets[name]}
        rest = [row for row in rest if bare_words(row.text) not in said]
    said = {bare_words(row.text) for row in sets["test"]}
    sets["train"] = [row for row in rest if bare_words(row.text) not in said]
    if not sets["train"]:
        raise DataError("every sentence of the training is in another set, too; hold out less")
    sets["test"] = [replace(row, text=written[row.utt], symbol_times=None) for row in sets["test"]]
    return sets


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", required=True, help="corpora, or folders of them, [NAME=]DIR, separated by spaces")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--val", type=positive, default=20, help="utterances to validate on (%(default)s)")
    parser.add_argument("--test", type=positive, default=50, help="to test on, without --test-books (%(default)s)")
    parser.add_argument("--test-books", default="", help="books to test on, separated by commas")
    parser.add_argument("--min-seconds", type=float, default=0.5)
    parser.add_argument("--max-seconds", type=float, default=30.0, help="longer utterances are left out (%(default)s)")
    args = parser.parse_args()
    try:
        clips = read_corpora(folders_in(args.corpora))
        folders = [Path(given.rpartition("=")[2]) for given in folders_in(args.corpora)]
        times = {row["utt"]: row for folder in folders for row in read_json_lines(folder / "symbol_times")}
        read = [(clip, named(clip, times)) for clip in clips if clip.text]
        kept = [(c, r) for c, r in read if args.min_seconds <= r.duration_s <= args.max_seconds]
        books = [book for book in args.test_books.split(",") if book]
        sets = split([c for c, _ in kept], [r for _, r in kept], args.val, args.test, books)
        for name, rows in sets.items():
            write_data_dir(args.out / name, keep_phones(rows, args.out / name))
            hours, speakers = sum(row.duration_s for row in rows) / 3600, len({row.speaker for row in rows})
            print(f"{args.out / name}: {len(rows)} utterances, {speakers} speakers, {hours:.2f} h")
    except (DataError, OSError) as error:
        print(f"split_corpora: error: {error}", file=sys.stderr)
        return 1
    if len(kept) < len(clips):
        print(f"left out for their length, or as nobody knows what is said: {len(clips) - len(kept)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
