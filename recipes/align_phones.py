"""Stage 1, for corpora without phone times: forced alignment of speech with its text.

    python recipes/align_phones.py --data data/train --nj 2 --skip-bad

Writes `phones` into the data directory (see ditar/data/kaldi.py), for recipes/prepare_text.py to read. Utterances with
phones, or with times from their synthesiser (`symbol_times`), are left unchanged. If no plausible path fits an
utterance to its text, it is refused, or with --skip-bad left without phones and listed in `unaligned` with the reason.
Finished alignments are kept in `.align_phones` until all are done, and not repeated.

The acoustic model is English. In other languages (--language) it listens for the nearest English phones, whose times
are rougher (French: see egs/french/RESULTS.md).
"""

import argparse
import json
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from tqdm import tqdm

from ditar.audio.errors import AudioError
from ditar.audio.read import read_audio
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.config.workers import WorkerPool
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir
from ditar.data.tables import read_json_lines
from ditar.recognise import RECOGNISER_RATE_HZ, RecogniserError
from ditar.recognise.aligner import Aligner
from ditar.storage.atomic_write import naming, write_lines
from ditar.storage.json_lines import write_json_lines
from ditar.storage.lock import InUseError, only_writer
from ditar.text import TextError
from ditar.text.phonemise import espeak_language

JOURNAL = ".align_phones"

_aligner = cache(Aligner)  # one a process


def align(row: Utterance, language: str = "en-us") -> dict:
    """A line of the journal: utt, text, and phones or what is wrong."""
    line = {"utt": row.utt, "text": row.text}
    try:
        waveform = read_audio(row.path, RECOGNISER_RATE_HZ)
        return line | {"phones": _aligner().align(waveform, row.text, language)}
    except (RecogniserError, AudioError, ValueError) as error:  # ValueError: text that cannot be spoken
        return line | {"why": str(error)}


def align_all(rows: list[Utterance], journal: Path, workers: int, title: str, language: str) -> Iterator[dict]:
    """A line of the journal for each row: first those of an earlier run with the same text, then new ones."""
    texts = {row.utt: row.text for row in rows}
    done = {line["utt"]: line for line in _whole_lines(journal) if texts.get(line["utt"]) == line["text"]}
    yield from done.values()
    left = [row for row in rows if row.utt not in done]
    write_json_lines(done.values(), journal)  # whole, or the older one stays
    with open(journal, "a", encoding="utf-8") as file, WorkerPool(workers) as pool:
        made = pool.as_done(partial(align, language=language), left, at_once=4)
        for line in tqdm(made, total=len(rows), initial=len(done), desc=title, unit="utt", mininterval=5):
            with naming(journal):
                file.write(f"{json.dumps(line)}\n")
                file.flush()
            yield line


def _whole_lines(journal: Path) -> list[dict]:
    """What an interrupted run has left; its last line may be incomplete."""
    if not journal.is_file():
        return []
    lines = journal.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def main() -> int:
    """Parse arguments and align; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--language", default="en-us", help="espeak's name of the texts' language (%(default)s)")
    parser.add_argument("--nj", type=positive, default=1, help="processes (%(default)s)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be aligned, and list it")
    args = parser.parse_args()
    try:
        language = espeak_language(args.language)
        rows = read_data_dir(args.data)
        known = {row["utt"]: row for row in read_json_lines(args.data / "phones")}
        wanted = [row for row in rows if row.utt not in known and row.symbol_times is None]
        with only_writer(args.data):
            journal = args.data / JOURNAL
            made = {line["utt"]: line for line in align_all(wanted, journal, args.nj, str(args.data), language)}
            bad = [f"{row.utt} {made[row.utt]['why']}" for row in wanted if "why" in made[row.utt]]
            if bad and not args.skip_bad:
                shown = "\n  ".join([*bad[:20], *([f"and {len(bad) - 20} more"] if len(bad) > 20 else [])])
                raise DataError(
                    f"{len(bad)} of {len(wanted)} utterances cannot be aligned; correct their texts, or leave such "
                    f"ones without phones with --skip-bad:\n  {shown}"
                )
            known |= {utt: {"utt": utt, "phones": line["phones"]} for utt, line in made.items() if "phones" in line}
            write_lines(args.data / "unaligned", bad)
            if known:
                write_json_lines((known[row.utt] for row in rows if row.utt in known), args.data / "phones")
            journal.unlink()
    except (DataError, InUseError, RecogniserError, TextError, OSError) as error:
        print(f"align_phones: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.data}: {len(made) - len(bad)} of {len(wanted)} utterances aligned; without phones: {len(bad)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
