"""Speech that teaches words: hours of sentences by the teacher's small student, whose one voice is resampled to
several.

    make_words.py --out DIR --hours H [--texts FILE] [--seed 0]

OUT/wav/<voice>/<utt>.wav (16-bit, 24 kHz, no dither), OUT/made.jsonl (a line a finished utterance, from which a second
run resumes) and the Kaldi data directory OUT/data with `symbol_times`. Resampling changes pitch, formants and pace
together (Kaldi's speed perturbation), so the voices differ only as relatives' do: they teach words, and should be only
a part of a corpus.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
from clips import trim, write_clip  # noqa: E402
from kokoro import RATE_HZ, TeacherError  # noqa: E402
from student import Student  # noqa: E402
from teacher_directories import write_directory  # noqa: E402
from teacher_plan import SPEEDS  # noqa: E402
from teacher_texts import held_out_keys, natural_sentences, sentences_of_file  # noqa: E402

from ditar.audio.errors import AudioError  # noqa: E402
from ditar.audio.resample import resample  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.storage.atomic_write import WriteError  # noqa: E402
from ditar.storage.json_lines import append_json_lines, read_log  # noqa: E402
from ditar.storage.lock import InUseError, only_writer  # noqa: E402
from ditar.text import Phonemiser  # noqa: E402
from ditar.text.errors import TextError  # noqa: E402

MADE = "made.jsonl"
FACTORS = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.16, 1.22)  # of pitch, formants and pace: a low voice to a child's


@dataclass(frozen=True)
class Item:
    """One utterance to make. `speed` is the student's own, before resampling, which restores the pace."""

    utt: str
    speaker: str
    text: str
    factor: float
    speed: float
    seed: int


def plan(seed: int, texts: Path | None = None) -> Iterator[Item]:
    """Utterances without end, the voices in turn; a pure function of the seed."""
    rng = random.Random(f"{seed}-words")
    excluded, name = held_out_keys(), f"{seed}-words"
    said = sentences_of_file(texts, name, excluded) if texts else natural_sentences(name, excluded)
    for index, text in enumerate(said):
        factor = FACTORS[index % len(FACTORS)]
        speaker = f"student-{factor:g}"
        yield Item(f"{speaker}-w{index:05d}", speaker, text, factor, round(rng.uniform(*SPEEDS) / factor, 3), index)


def make(item: Item, out: Path, student: Student, phonemiser: Phonemiser) -> dict:
    """Speak one utterance, write its WAV file, return its record; one that cannot be spoken is `failed`."""
    record = {"utt": item.utt, "text": item.text}
    try:
        symbols = phonemiser(item.text)
        speech = student.speak(symbols, item.speed, item.seed)
    except (TextError, TeacherError) as error:
        return record | {"failed": str(error)}
    waveform = resample(speech.waveform, round(RATE_HZ * item.factor), RATE_HZ)
    times = [time and (time[0] / item.factor, time[1] / item.factor) for time in speech.times]
    waveform, times = trim(waveform, RATE_HZ, times)
    write_clip(out / "wav" / item.speaker / f"{item.utt}.wav", waveform, RATE_HZ)
    length_s = round(len(waveform) / RATE_HZ, 4)
    return record | {"speaker": item.speaker, "duration_s": length_s, "symbols": symbols, "times": times}


def run(out: Path, hours: float, texts: Path | None, seed: int) -> None:
    """Make what is missing, then the data directory. ValueError if the folder was begun with another plan."""
    from tqdm import tqdm

    made, student, phonemiser = {r["utt"]: r for r in read_log(out / MADE)}, None, Phonemiser("en-us")
    rows, seconds = [], 0.0
    with tqdm(total=round(hours * 3600), unit=" s of speech", mininterval=1 if sys.stderr.isatty() else 30) as bar:
        for item in plan(seed, texts):
            if seconds >= hours * 3600:
                break
            record = made.get(item.utt)
            if record is None:
                student = student or Student()
                record = make(item, out, student, phonemiser)
                append_json_lines([record], out / MADE)
            elif record["text"] != item.text:
                raise ValueError(
                    f"{out} was begun with another plan ({item.utt} says {record['text']!r} there, and here "
                    f"{item.text!r}); give the same --seed and --texts as before, or another --out"
                )
            if "failed" not in record:
                rows.append(record)
                seconds += record["duration_s"]
                bar.update(round(record["duration_s"], 1))
    write_directory(out, out / "data", rows)
    voices = len({row["speaker"] for row in rows})
    print(f"{out / 'data'}: {len(rows)} utterances of {voices} voices, {seconds / 3600:.2f} h")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make speech that teaches words.")
    parser.add_argument("--out", type=Path, required=True, help="where it goes")
    parser.add_argument("--hours", type=float, required=True, help="of speech; an hour is some minutes' work")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="sentences to speak, one a line (ours)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another corpus")
    chosen = parser.parse_args(arguments)
    if not 0 < chosen.hours < float("inf"):
        parser.error(f"--hours must be a positive number, got {chosen.hours}")
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        with only_writer(chosen.out):
            run(chosen.out, chosen.hours, chosen.texts, chosen.seed)
    except (TeacherError, AudioError, WriteError, InUseError, FileNotFoundError, ValueError) as error:
        print(f"make_words.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
