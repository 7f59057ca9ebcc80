"""Word error and DistillMOS of each of the teacher's utterances; can be resumed.

    judge_teacher.py --out DIR [--nj 2] [--parts ready,train,val]

DIR is that of make_teacher.py. Appends to DIR/scores.jsonl: utt, heard, word_error (of Whisper tiny.en) and distillmos
(from 1 to 5). Existing scores are not repeated, so that it may run while more is made. `make_teacher.py --finish-only`
then leaves out what is doubtful.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
from make_teacher import MADE, SCORES  # noqa: E402
from processes import each  # noqa: E402
from teacher_directories import doubtful  # noqa: E402

from ditar.config.program import exit_code  # noqa: E402
from ditar.config.ranges import positive  # noqa: E402
from ditar.evaluate.inputs import EvaluationError  # noqa: E402
from ditar.evaluate.quality import DistillMOS  # noqa: E402
from ditar.evaluate.words import packaged_spelling, whisper_normaliser, word_errors  # noqa: E402
from ditar.recognise import RecogniserError  # noqa: E402
from ditar.recognise.faster_whisper import FasterWhisper  # noqa: E402
from ditar.recognise.files import read_waveform  # noqa: E402
from ditar.recognise.words import plain_words  # noqa: E402
from ditar.storage.atomic_write import WriteError  # noqa: E402
from ditar.storage.json_lines import append_json_lines, read_log  # noqa: E402
from ditar.storage.lock import InUseError, lock  # noqa: E402

PARTS = "ready,train,val"


class Judge:
    """The project's judges, for one clip: how much of its text is recognised, and how natural it sounds."""

    def __init__(self):
        self._ears, self._taste = FasterWhisper(), DistillMOS()
        self._normalise, _ = whisper_normaliser(packaged_spelling())

    def score(self, utt: str, path: Path, text: str) -> dict:
        """A line of scores.jsonl. A silent clip counts as nothing heard, with quality 1."""
        waveform = read_waveform(path)
        heard = self._ears.transcribe(waveform)
        # The lower of two: one normaliser splits numbers ("100 and 12") that the other keeps whole.
        error = min(
            word_errors({utt: text}, {utt: heard}, normalise)[0].wer for normalise in (self._normalise, plain_words)
        )
        quality = self._taste.score(waveform).get("distillmos", 1.0)
        return {"utt": utt, "heard": heard, "word_error": round(error, 4), "distillmos": round(quality, 3)}


_judge: Judge  # of a listening process: loaded once


def _start() -> None:
    global _judge
    _judge = Judge()


def _score(item: tuple[str, Path, str]) -> dict:
    return _judge.score(*item)


def run(out: Path, parts: list[str], nj: int, progress: bool = True) -> None:
    """Score every utterance of some parts that has no score yet."""
    from tqdm import tqdm

    made = {r["utt"]: r for r in read_log(out / MADE)}
    made = [r for r in made.values() if r["part"] in parts and "failed" not in r]
    if not made:
        raise EvaluationError(f"{out / MADE} has no utterance of {','.join(parts)}; make some with make_teacher.py")
    known = {r["utt"]: r for r in read_log(out / SCORES)}
    items = [
        (r["utt"], out / "wav" / r["speaker"] / f"{r['utt']}.wav", r["text"]) for r in made if r["utt"] not in known
    ]
    scores = tqdm(
        each(_score, items, nj, _start, ()), total=len(made), initial=len(made) - len(items), unit="utt",
        disable=not progress, mininterval=1 if sys.stderr.isatty() else 30,
    )  # fmt: skip
    with open(out / SCORES, "a", encoding="utf-8") as file:
        lock(file.fileno(), out / SCORES)  # make_teacher.py, which has the folder, may make more meanwhile
        for score in scores:
            append_json_lines([score], out / SCORES)
            known[score["utt"]] = score
    rows = [known[r["utt"]] for r in made]
    print(
        f"{len(rows)} heard: mean word error {sum(r['word_error'] for r in rows) / len(rows):.1%}, "
        f"mean DistillMOS {sum(r['distillmos'] for r in rows) / len(rows):.2f}, {sum(map(doubtful, rows))} doubtful"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Hear what the natural teacher said.")
    parser.add_argument("--out", type=Path, required=True, help="the folder of make_teacher.py")
    parser.add_argument("--parts", default=PARTS, metavar="NAME,...", help=f"which of its parts ({PARTS})")
    parser.add_argument("--nj", type=positive, default=2, help="processes, of one thread each")
    chosen = parser.parse_args(arguments)
    try:
        run(chosen.out, chosen.parts.split(","), chosen.nj)
    except (EvaluationError, InUseError, RecogniserError, WriteError, OSError) as error:
        print(f"judge_teacher.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
