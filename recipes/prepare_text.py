"""Stage 1: phonemes of a Kaldi data directory, with their times if the corpus has phone times.

    python recipes/prepare_text.py --data data/train --nj 2

Reads `text` and, if they exist, `phones` and `symbol_times`; writes `symbols`, one JSON object a line: utt, symbols,
and times (one [start_s, end_s] or null a symbol; null as a whole if the corpus has none). The times of `symbol_times`,
from a synthesiser that knows when it spoke, take precedence over those of `phones` if it spoke exactly the symbols that
the text has here; otherwise its times are left out, and counted. A text that nobody can say within the seconds of
`utt2dur` cannot be prepared. With --tokenizer the symbols are subwords, which have no times. `language` gets the
name of the language, for the model to know.
"""

import argparse
import functools
import math
import sys
from pathlib import Path

from tqdm import tqdm

from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.config.workers import WorkerPool
from ditar.data.align import align_symbols
from ditar.data.errors import DataError
from ditar.data.tables import LANGUAGE, as_number, read_json_lines, read_table
from ditar.storage.atomic_write import write_lines
from ditar.storage.json_lines import write_json_lines
from ditar.text import TextError
from ditar.text.frontend import TextFrontend
from ditar.text.lengths import letter_count, pace_fault
from ditar.text.phonemise import espeak_language
from ditar.text.subwords import read_tokenizer


def prepare(
    row: tuple[str, str, list | None, dict | None, float], language: str, tokenizer: Path | None = None
) -> tuple[str, dict | str]:
    """(utterance, its line of `symbols`, or what is wrong with its text or its phones)."""
    utterance, text, phones, spoken, seconds = row
    try:
        symbols = TextFrontend(language, tokenizer=content(tokenizer)).phonemise(text)
        if tokenizer is not None:
            times = None
        elif spoken is not None:
            times = spoken["times"] if spoken["symbols"] == symbols else None
        else:
            times = align_symbols(symbols, phones) if phones is not None else None
    except ValueError as error:  # text that cannot be spoken, a phone that is not ARPAbet
        return utterance, str(error)
    count, what = (len(symbols), "symbols") if tokenizer is None else (letter_count(text), "letters")
    if not math.isnan(seconds) and (fault := pace_fault(count, seconds, what)):
        return utterance, fault
    return utterance, {"utt": utterance, "symbols": symbols, "times": times}


@functools.cache
def content(tokenizer: Path | None) -> str:
    """Of a tokenizer's file, read once in each process; empty for none. TextError: it is none."""
    if tokenizer is None:
        return ""
    text = tokenizer.read_text(encoding="utf-8")
    read_tokenizer(text)
    return text


def main() -> int:
    """Parse arguments and prepare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory")
    parser.add_argument("--language", default="en-us", help="espeak's name of the texts' language")
    parser.add_argument(
        "--tokenizer",
        type=Path,
        help="tokenizer.json of a text LM, whose subwords are then the symbols (for train_ditar.py --subwords)",
    )
    parser.add_argument("--nj", type=positive, default=1, help="processes")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be prepared, and list it")
    args = parser.parse_args()
    try:
        language = espeak_language(args.language)  # before any work, and once
        content(args.tokenizer)
        phones = {row["utt"]: row["phones"] for row in read_json_lines(args.data / "phones")}
        spoken = {row["utt"]: row for row in read_json_lines(args.data / "symbol_times")}
        texts = read_table(args.data / "text")
        durations = read_table(args.data / "utt2dur") if (args.data / "utt2dur").is_file() else {}
        rows = [
            (utt, text, phones.get(utt), spoken.get(utt), as_number(durations.get(utt, "")))
            for utt, text in texts.items()
        ]
        with WorkerPool(args.nj, method="fork") as pool:
            work = functools.partial(prepare, language=language, tokenizer=args.tokenizer)
            done = pool.in_order(work, rows, at_once=50)
            results = dict(tqdm(done, total=len(rows), desc=str(args.data), mininterval=5))
        bad = [f"{utt}: {why}" for utt, why in results.items() if isinstance(why, str)]
        if bad:
            more = [f"and {len(bad) - 20} more"] if len(bad) > 20 else []
            print(f"{len(bad)} utterances cannot be prepared:", *bad[:20], *more, sep="\n  ", file=sys.stderr)
            if not args.skip_bad:
                raise DataError("repair their lines in text or phones, or leave such utterances out with --skip-bad")
        if len(bad) == len(rows):
            raise DataError(f"no utterance of {args.data} can be prepared; is its text in {language!r} (--language)?")
        lines = [line for line in results.values() if not isinstance(line, str)]
        write_json_lines(lines, args.data / "symbols")
        write_lines(args.data / LANGUAGE, [language])
    except (DataError, TextError, OSError) as error:
        print(f"prepare_text: error: {error}", file=sys.stderr)
        return 1
    timed = sum(line["times"] is not None for line in lines)
    other = sum(line["times"] is None and line["utt"] in spoken for line in lines)
    left_out = f"; {other} without the times of symbol_times, whose symbols are others" if other else ""
    print(f"{args.data}: {len(lines)} utterances, {timed} with times{left_out}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
