"""Makes a small French corpus in the layout of M-AILABS: the natural teacher's French voice and mixtures with it.

    make_books.py --model DIR --out DIR --minutes M [--seed 0] [--voices 6] [--nj 2]

DIR of --model is what egs/natural/local/fetch_teacher.py made. In OUT: by_book/female/<speaker>/<book>/metadata.csv
(`name|as it is written|as it is said`) and wavs/<name>.wav (24 kHz, 16 bit), made.jsonl (a line a finished utterance,
from which a second run resumes), and `symbol_times`, which real corpora do not have: when the teacher spoke each
phoneme. The book `inedits` has the sentences of conf/heldout.txt, in the French voice and two mixtures that say nothing
else; the book `phrases` is to learn from.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EG = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(EG / "local"), str(EG.parent / "natural/local"), str(EG.parents[1])]  # when it is not installed
from clips import trim, write_clip  # noqa: E402
from french_texts import sentences  # noqa: E402
from kokoro import RATE_HZ, Kokoro, TeacherError, require_files  # noqa: E402
from processes import each  # noqa: E402
from teacher_texts import read_lines  # noqa: E402
from teacher_voices import BASES, Voice  # noqa: E402

from ditar.audio.errors import AudioError  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.config.ranges import positive  # noqa: E402
from ditar.storage.atomic_write import WriteError, write_lines  # noqa: E402
from ditar.storage.json_lines import append_json_lines, read_log, write_json_lines  # noqa: E402
from ditar.storage.lock import InUseError, only_writer  # noqa: E402
from ditar.text import Phonemiser, normalise  # noqa: E402
from ditar.text.errors import TextError  # noqa: E402

LANGUAGE, FRENCH = "fr-fr", "ff_siwis"
HELD_OUT = EG / "conf/heldout.txt"
TRAINING, TEST = "phrases", "inedits"  # books
MADE = "made.jsonl"
UNHEARD = 2  # mixtures of the test only
ALONE = 1 / 3  # of the training is in the French voice itself
SPEEDS = (0.9, 1.1)


@dataclass(frozen=True)
class Item:
    """One utterance to make."""

    utt: str
    book: str
    voice: Voice
    text: str
    speed: float = 1.0


def voices(seed: int, count: int) -> tuple[Voice, list[Voice], list[Voice]]:
    """The French voice, `count` mixtures with it to learn from, and the test's: always with its prosody, which is
    French, and at least half of its timbre."""
    rng = random.Random(f"{seed}-voices")
    others = rng.sample([name for name in BASES if name != FRENCH], count + UNHEARD)
    mixed = []
    for number, other in enumerate(others):
        weight = rng.choice([0.5, 0.55, 0.6, 0.65, 0.7])
        name = f"voix{number:02d}"
        mixed.append(Voice(name, ((FRENCH, weight), (other, round(1 - weight, 2))), FRENCH))
    return Voice("siwis", ((FRENCH, 1.0),), FRENCH), mixed[:count], mixed[count:]


def plan(seed: int, count: int) -> tuple[list[Item], Iterator[Item]]:
    """The test's items, and those to learn from, without end."""
    alone, mixed, unheard = voices(seed, count)
    held_out = read_lines(HELD_OUT)
    speakers = [alone, *unheard]
    test = [
        Item(f"{(voice := speakers[i % len(speakers)]).speaker}_{TEST}_{i:04d}", TEST, voice, text)
        for i, text in enumerate(held_out)
    ]

    def training() -> Iterator[Item]:
        rng = random.Random(f"{seed}-turns")
        for index, text in enumerate(s for s in sentences(str(seed)) if s not in held_out):
            voice = alone if rng.random() < ALONE or not mixed else rng.choice(mixed)
            speed = round(rng.uniform(*SPEEDS), 2)
            yield Item(f"{voice.speaker}_{TRAINING}_{index:04d}", TRAINING, voice, text, speed)

    return test, training()


def folder_of(out: Path, speaker: str, book: str) -> Path:
    return out / "by_book/female" / speaker / book


def make(item: Item, out: Path, teacher: Kokoro, phonemiser: Phonemiser) -> dict:
    """Speak one utterance, write its WAV file, return its record; one that cannot be spoken is `failed`."""
    record = {"utt": item.utt, "book": item.book, "speaker": item.voice.speaker, "text": item.text}
    try:
        said = normalise(item.text, LANGUAGE)
        symbols = phonemiser(said)
        speech = teacher.speak(symbols, item.voice.timbre, item.voice.prosody, item.speed, LANGUAGE)
    except (TextError, TeacherError) as error:
        return record | {"failed": str(error)}
    waveform, times = trim(speech.waveform, RATE_HZ, speech.times)
    write_clip(folder_of(out, item.voice.speaker, item.book) / "wavs" / f"{item.utt}.wav", waveform, RATE_HZ)
    duration_s = round(len(waveform) / RATE_HZ, 4)
    return record | {"said": said, "duration_s": duration_s, "symbols": symbols, "times": times}


_process: tuple[Path, Kokoro, Phonemiser]  # of a speaking process: loaded once


def _start(model: Path, out: Path) -> None:
    global _process
    _process = out, Kokoro(model), Phonemiser(LANGUAGE)


def _make_here(item: Item) -> dict:
    return make(item, *_process)


def write_tables(out: Path, records: list[dict]) -> None:
    """metadata.csv of each speaker and book, and symbol_times, from what is made."""
    good = sorted((r for r in records if "failed" not in r), key=lambda r: r["utt"])
    for speaker, book in sorted({(r["speaker"], r["book"]) for r in good}):
        rows = [r for r in good if (r["speaker"], r["book"]) == (speaker, book)]
        lines = (f"{r['utt']}|{r['text']}|{r['said']}" for r in rows)
        write_lines(folder_of(out, speaker, book) / "metadata.csv", lines)
    write_json_lines(({name: r[name] for name in ("utt", "symbols", "times")} for r in good), out / "symbol_times")


def run(model: Path, out: Path, minutes: float, seed: int, count: int, nj: int, progress: bool = True) -> None:
    """Make the corpus: the test, then training utterances until there are `minutes` of these. ValueError if OUT was
    begun with another plan."""
    from tqdm import tqdm

    made = {record["utt"]: record for record in read_log(out / MADE)}
    test, training = plan(seed, count)

    def seconds() -> float:
        return sum(r.get("duration_s", 0.0) for r in made.values() if r["book"] == TRAINING)

    def missing() -> Iterator[Item]:
        for item in itertools.chain(test, _until(lambda: seconds() >= 60 * minutes, training)):
            record = made.get(item.utt)
            if record is None:
                yield item
            elif record["text"] != item.text:
                raise ValueError(
                    f"{out} was begun with another plan ({item.utt} says {record['text']!r} there, and here "
                    f"{item.text!r}); give the same --seed and --voices as before, or another --out"
                )

    with tqdm(
        total=round(60 * minutes), initial=round(seconds()), unit=" s of speech", disable=not progress,
        mininterval=1 if sys.stderr.isatty() else 30,
        bar_format="{l_bar}{bar}| {n:.0f}/{total} s, {remaining} left",
    ) as bar:  # fmt: skip
        for record in each(_make_here, missing(), nj, _start, (model, out)):
            append_json_lines([record], out / MADE)
            made[record["utt"]] = record
            bar.update(record.get("duration_s", 0.0) * (record["book"] == TRAINING))
    write_tables(out, list(made.values()))
    failed = sum("failed" in record for record in made.values())
    print(
        f"{out}: {len(made) - failed} utterances, {seconds() / 60:.1f} min to learn from; {failed} could not be spoken"
    )


def _until(full, items: Iterator[Item]) -> Iterator[Item]:
    while not full():
        yield next(items)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make a small French corpus with the natural teacher.")
    parser.add_argument("--model", type=Path, required=True, help="the folder of egs/natural/local/fetch_teacher.py")
    parser.add_argument("--out", type=Path, required=True, help="where the corpus goes")
    parser.add_argument("--minutes", type=float, default=10.0, help="to learn from (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another corpus")
    parser.add_argument("--voices", type=int, default=6, help="mixtures to learn from, besides the voice (%(default)s)")
    parser.add_argument("--nj", type=positive, default=2, help="processes, of one thread each")
    chosen = parser.parse_args(arguments)
    most = len(BASES) - 1 - UNHEARD
    try:
        if not (chosen.minutes > 0 and 0 <= chosen.voices <= most):
            raise ValueError(
                f"--minutes must be more than 0 and --voices from 0 to {most}, got {chosen.minutes:g} and "
                f"{chosen.voices}"
            )
        require_files(chosen.model)
        chosen.out.mkdir(parents=True, exist_ok=True)
        with only_writer(chosen.out):
            run(chosen.model, chosen.out, chosen.minutes, chosen.seed, chosen.voices, chosen.nj)
    except (TeacherError, AudioError, TextError, InUseError, WriteError, OSError, ValueError) as error:
        print(f"make_books: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
