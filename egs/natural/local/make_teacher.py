"""Makes the natural teacher's corpus: WAV files and Kaldi data directories; can be resumed, and shows progress.

    make_teacher.py --model DIR --out DIR --hours H [--ready DIR ...] [--texts FILE] [--seed 0] [--nj 2]
    make_teacher.py --out DIR --finish-only [--hours H]      only the directories, of what is made so far

DIR of --model is what fetch_teacher.py made. In OUT: wav/<voice>/<utt>.wav (16-bit, 24 kHz, no dither), made.jsonl (a
line a finished utterance, from which a second run resumes), and the directories data (training), val (voices that do
not otherwise occur), test (six voices that are never trained on, ten sentences each) and test_ref (a reference of
each), each with `symbol_times` in addition to Kaldi's tables. test, test_ref and val are made first. Scores of
judge_teacher.py in OUT/scores.jsonl decide what is left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
import teacher_plan  # noqa: E402
import teacher_ready  # noqa: E402
from clips import trim, write_clip  # noqa: E402
from kokoro import RATE_HZ, Kokoro, TeacherError, require_files  # noqa: E402
from processes import each  # noqa: E402
from teacher_directories import write_directories  # noqa: E402
from teacher_plan import Item  # noqa: E402
from teacher_texts import held_out_keys, sentences  # noqa: E402

from ditar.audio.errors import AudioError  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.config.ranges import positive  # noqa: E402
from ditar.storage.atomic_write import WriteError  # noqa: E402
from ditar.storage.json_lines import append_json_lines, read_log  # noqa: E402
from ditar.storage.lock import InUseError, only_writer  # noqa: E402
from ditar.text import Phonemiser  # noqa: E402
from ditar.text.errors import TextError  # noqa: E402

MADE, SCORES = "made.jsonl", "scores.jsonl"


def make(item: Item, out: Path, speaker: Kokoro, phonemiser: Callable[[str], list[str]]) -> dict:
    """Speak one utterance, write its WAV file, return its record; one that cannot be spoken is `failed`."""
    record = {"utt": item.utt, "part": item.part, "index": item.index, "text": item.text}
    try:
        symbols = phonemiser(item.text)
        speech = speaker.speak(symbols, item.voice.timbre, item.voice.prosody, item.speed)
    except (TextError, TeacherError) as error:
        return record | {"failed": str(error)}
    waveform, times = trim(speech.waveform, RATE_HZ, speech.times)
    write_clip(out / "wav" / item.voice.speaker / f"{item.utt}.wav", waveform, RATE_HZ)
    return record | {
        "speaker": item.voice.speaker, "duration_s": round(len(waveform) / RATE_HZ, 4), "symbols": symbols,
        "times": times, "speed": item.speed, "timbre": item.voice.timbre, "prosody": item.voice.prosody,
    }  # fmt: skip


_process: tuple[Path, Kokoro, Phonemiser]  # of a speaking process: loaded once


def _start(model: Path, out: Path) -> None:
    global _process
    _process = out, Kokoro(model), Phonemiser("en-us")


def _make_here(item: Item) -> dict:
    out, speaker, phonemiser = _process
    return make(item, out, speaker, phonemiser)


def speak_all(items: Iterable[Item], model: Path, out: Path, nj: int) -> Iterator[dict]:
    """Records as they are finished. TeacherError if there is something to say and no teacher."""
    return each(_make_here, _with_teacher(items, model), nj, _start, (model, out))


def _with_teacher(items: Iterable[Item], model: Path) -> Iterator[Item]:
    for item in items:
        require_files(model)
        yield item


class Corpus:
    """What is made in a folder, and how much of it is for training."""

    def __init__(self, out: Path):
        self.out = out
        self.made = {record["utt"]: record for record in read_log(out / MADE)}
        self.training_s = sum(map(_training_s, self.made.values()))

    def missing(self, items: Iterable[Item]) -> Iterator[Item]:
        """Those that are not made yet. ValueError if one of the same name says something else."""
        for item in items:
            record = self.made.get(item.utt)
            if record is None:
                yield item
            elif record["text"] != item.text:
                raise ValueError(
                    f"{self.out} was begun with another plan ({item.utt} says {record['text']!r} there, and here "
                    f"{item.text!r}); give the same --seed, --ready and --texts as before, or another --out"
                )

    def add(self, records: Iterable[dict], bar) -> None:
        """Write records as they come."""
        for record in records:
            append_json_lines([record], self.out / MADE)
            self.made[record["utt"]] = record
            self.training_s += _training_s(record)
            bar.update(_training_s(record))

    def until(self, hours: float, items: Iterator[Item]) -> Iterator[Item]:
        """Items as long as the training is shorter than `hours`."""
        while self.training_s < hours * 3600:
            yield next(items)

    def finish(self, hours: float | None = None) -> None:
        """Write the directories and report their content."""
        scores = {record["utt"]: record for record in read_log(self.out / SCORES)}
        counts = write_directories(self.out, self.made.values(), scores, hours)
        failed = sum("failed" in record for record in self.made.values())
        print(
            f"{self.out}: {counts['data']} training utterances of {counts['voices']} voices, {counts['hours']:.2f} h; "
            f"{counts['val']} of validation, {counts['test']} of the test with {counts['test_ref']} references; "
            f"{counts['left_out']} left out by the judge, who heard {len(scores)}; {failed} could not be spoken or read",
            flush=True,
        )


def _training_s(record: dict) -> float:
    return record.get("duration_s", 0.0) if record["part"] in ("ready", "train") else 0.0


def run(
    model: Path,
    out: Path,
    hours: float,
    ready: list[Path],
    texts: Path | None,
    seed: int,
    nj: int,
    progress: bool = True,
) -> None:
    """Make the corpus: the ready parts, the small parts, then training utterances until there are `hours` in all."""
    from tqdm import tqdm

    held_out = held_out_keys()
    rows = {folder: teacher_ready.read_ready(folder) for folder in ready}
    taken = {row["pair"] for part in rows.values() for row in part}
    excluded = held_out | {sentences.key(row["text"]) for part in rows.values() for row in part}
    small = teacher_plan.small_parts(seed, taken, excluded, texts)
    excluded |= {sentences.key(item.text) for item in small}
    training = teacher_plan.training(seed, taken, excluded, texts)
    corpus = Corpus(out)
    with tqdm(
        total=round(hours * 3600), initial=round(corpus.training_s), unit=" s of speech", disable=not progress,
        mininterval=1 if sys.stderr.isatty() else 30, smoothing=0.05,
        bar_format="{l_bar}{bar}| {n:.0f}/{total} s, {rate_fmt}, {remaining} left",
    ) as bar:  # fmt: skip
        corpus.add(speak_all(corpus.missing(small), model, out, nj), bar)
        corpus.finish()
        for folder, part in rows.items():
            good = [row for row in part if teacher_ready.usable(row, held_out)]
            print(f"{folder}: {len(good)} utterances, {len(part) - len(good)} left out as they belong to the test")
            left = [row for row in good if "failed" in corpus.made.get(row["utt"], {"failed": ""})]
            corpus.add(teacher_ready.take_over(folder, left, out), bar)
            teacher_ready.check_readable(folder, [corpus.made[row["utt"]] for row in good])
        if ready:
            corpus.finish()
        corpus.add(speak_all(corpus.until(hours, corpus.missing(training)), model, out, nj), bar)
    corpus.finish(hours)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the corpus of the natural teacher.")
    parser.add_argument("--model", type=Path, help="the folder of fetch_teacher.py")
    parser.add_argument("--out", type=Path, required=True, help="where the corpus goes")
    parser.add_argument("--hours", type=float, help="of training speech in all, including the ready part")
    parser.add_argument("--ready", type=Path, action="append", default=[], metavar="DIR", help="a part that is made")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="sentences to speak, one a line (ours)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another corpus")
    parser.add_argument("--nj", type=positive, default=2, help="processes, of one thread each")
    parser.add_argument("--finish-only", action="store_true", help="write the directories of what is made so far")
    chosen = parser.parse_args(arguments)
    if chosen.hours is not None and not 0 < chosen.hours < float("inf"):
        parser.error(f"--hours must be a positive number, got {chosen.hours}")
    if not chosen.finish_only and (chosen.model is None or chosen.hours is None):
        parser.error("--model and --hours are needed, except with --finish-only")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    chosen = parse_arguments(arguments)
    try:
        if chosen.finish_only:  # possibly during a run that makes more
            if not (chosen.out / MADE).is_file():
                raise FileNotFoundError(f"{chosen.out / MADE} does not exist: nothing is made there yet")
            Corpus(chosen.out).finish(chosen.hours)
            return 0
        chosen.out.mkdir(parents=True, exist_ok=True)
        with only_writer(chosen.out):
            run(chosen.model, chosen.out, chosen.hours, chosen.ready, chosen.texts, chosen.seed, chosen.nj)
    except (TeacherError, AudioError, WriteError, InUseError, FileNotFoundError, ValueError) as error:
        print(f"make_teacher.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
