"""Makes the generated corpus: WAV files and Kaldi data directories; can be resumed, and shows progress.

    make_corpus.py --out DIR --utterances N --val N --vae-test N [--seed 0] [--nj 2]     (conf/*.sh has the numbers)

Layout: DIR/wav/<speaker>/<utt>.wav (16-bit, 24 kHz, appearing as they are made, in a shuffled order of voices),
DIR/made.jsonl (one line per finished utterance, from which a second run resumes) and, at the end,
DIR/{train,val,vae_test,test,test_ref}/{wav.scp,text,utt2spk,spk2utt,utt2dur,phones}.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
import engines  # noqa: E402
import sentences  # noqa: E402
import voices  # noqa: E402

from ditar.config.program import exit_code  # noqa: E402
from ditar.config.ranges import positive  # noqa: E402
from ditar.config.workers import WorkerPool  # noqa: E402
from ditar.data.kaldi import Utterance, write_data_dir  # noqa: E402
from ditar.storage.atomic_write import atomic_write  # noqa: E402
from ditar.storage.json_lines import append_json_lines, read_log  # noqa: E402
from ditar.storage.lock import InUseError, only_writer  # noqa: E402

SPLITS = ("train", "val", "vae_test", "test", "test_ref")
BATCH = 24  # sentences per festival process; the other engines take one at a time
SHARES = {"english": 0.67, "accent": 0.25, "espeak": 0.08}  # of the training utterances, by the voice's kind


@dataclass(frozen=True)
class Item:
    """One utterance to make."""

    utt: str
    split: str
    voice: voices.Voice
    sentence: str


def read_list(name: str) -> list[str]:
    """The lines of a sentence list in the folder of this program."""
    return [line.strip() for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line.strip()]


def plan(utterances: int, val: int, vae_test: int, seed: int, names: Sequence[str] = ()) -> list[Item]:
    """Every utterance of every split. The same arguments give the same plan; no sentence is in two splits. `names`: of
    the training voices that speak, by default all. ValueError if there is no such voice."""
    rng = random.Random(f"{seed}-plan")
    heldout = read_list("heldout.txt")
    excluded = {sentences.key(s) for s in heldout + read_list("decoys.txt")}
    references = 4
    unseen_voices = voices.held_out_voices(seed)
    needed = utterances + val + vae_test + references * len(unseen_voices)
    pool = sentences.build_pool(needed, seed, excluded)
    # References are longer: about three seconds of voice.
    long = [i for i, s in enumerate(pool) if 8 <= len(s.split()) <= 10][: references * len(unseen_voices)]
    reference_sentences = iter([pool[i] for i in long])
    for i in reversed(long):
        del pool[i]
    rest = iter(pool)

    counters: dict[str, int] = {}
    items: list[Item] = []

    def add(split: str, voice: voices.Voice, sentence: str) -> None:
        number = counters[voice.speaker] = counters.get(voice.speaker, 0) + 1
        items.append(Item(f"{voice.speaker}-{number:05d}", split, voice, sentence))

    # The small splits first: their sentences then do not depend on how large the training set is.
    made = voices.training_voices(seed)
    if unknown := set(names) - {v.speaker for v in made}:
        raise ValueError(f"--voices: no training voice is called {sorted(unknown)[0]!r}; see voices.py, e.g. slt000")
    made = [v for v in made if not names or v.speaker in names]
    bases = [voices.base_voice(b) for b in (*voices.NATURAL, voices.HELD_OUT)]
    for sentence in heldout:
        add("test", voices.base_voice(voices.HELD_OUT), sentence)
    for voice in unseen_voices:
        for _ in range(references):
            add("test_ref", voice, next(reference_sentences))
    for i in range(vae_test):
        add("vae_test", bases[i % len(bases)], next(rest))
    natural = [v for v in made if v.base in voices.NATURAL] or made
    for _ in range(val):
        add("val", rng.choice(natural), next(rest))
    for voice in rng.choices(made, weights=_weights(made), k=utterances):
        add("train", voice, next(rest))
    return items


def _weights(made: list[voices.Voice]) -> list[float]:
    """How often each voice speaks: its kind's share of the utterances; a base speaks as often as eleven derivatives."""
    kinds = [v.kind for v in made]
    parts = [11.0 if v.is_base and kind != "espeak" else 1.0 for v, kind in zip(made, kinds, strict=True)]
    whole = {kind: sum(p for p, k in zip(parts, kinds, strict=True) if k == kind) for kind in set(kinds)}
    return [SHARES[kind] * part / whole[kind] for kind, part in zip(kinds, parts, strict=True)]


def tasks(items: list[Item], seed: int) -> list[list[Item]]:
    """The items as units of work in random order: any prefix is a cross-section of the voices."""
    rng = random.Random(f"{seed}-order")
    batched: dict[str, list[Item]] = {}
    work = []
    for item in items:
        if item.voice.base in voices.BASES and voices.BASES[item.voice.base].engine in ("festival", "accent"):
            batch = batched.setdefault(item.voice.speaker, [])
            batch.append(item)
            if len(batch) == BATCH:
                work.append(batched.pop(item.voice.speaker))
        else:
            work.append([item])
    work += batched.values()
    rng.shuffle(work)
    return work


def make(task: tuple[list[Item], Path]) -> list[dict]:
    """Speak one unit of work, write its WAV files, return one record per utterance."""
    items, out = task
    records = []
    for item, speech in zip(items, engines.synthesise(items[0].voice, [i.sentence for i in items]), strict=True):
        if speech is None:
            records.append({"utt": item.utt, "failed": True})
            continue
        path = out / "wav" / item.voice.speaker / f"{item.utt}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            soundfile.write(partial, speech.waveform, engines.RATE_HZ, subtype="PCM_16", format="WAV")
        records.append(
            {
                "utt": item.utt,
                "split": item.split,
                "speaker": item.voice.speaker,
                "text": item.sentence,
                "duration_s": round(len(speech.waveform) / engines.RATE_HZ, 4),
                "phones": speech.phones,
            }
        )
    return records


def write_kaldi(out: Path, made: dict[str, dict]) -> None:
    """One Kaldi data directory per split, from the finished utterances."""
    wav = out.resolve() / "wav"
    for split in SPLITS:
        rows = [
            Utterance(
                r["utt"], r["speaker"], wav / r["speaker"] / f"{r['utt']}.wav", r["text"], r["duration_s"], r["phones"]
            )
            for r in made.values()
            if r.get("split") == split
        ]
        if rows:
            write_data_dir(out / split, rows)


def progress(results: Iterator[list[dict]], total: int, log: Path) -> dict[str, dict]:
    """Collect records, append each to `log` once its WAV exists, print a line with the time left every few seconds."""
    made: dict[str, dict] = {}
    started = shown = time.monotonic()
    for records in results:
        made |= {record["utt"]: record for record in records}
        append_json_lines(records, log)
        now = time.monotonic()
        if now - shown > 5 or len(made) == total:
            shown = now
            left = (now - started) / len(made) * (total - len(made))
            hours = sum(r.get("duration_s", 0.0) for r in made.values()) / 3600
            print(f"{len(made)}/{total} utterances, {hours:.2f} h of speech, {left:.0f} s left", flush=True)
    return made


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the generated corpus.")
    parser.add_argument("--out", type=Path, required=True, help="where the corpus goes")
    parser.add_argument("--utterances", type=int, required=True, help="training utterances, about 2.45 s each")
    parser.add_argument("--val", type=int, required=True, help="validation utterances")
    parser.add_argument("--vae-test", type=int, required=True, help="utterances of the VAE's test")
    parser.add_argument("--voices", default="", metavar="NAME,...", help="who speaks (all)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another corpus")
    parser.add_argument("--nj", type=positive, default=2, help="processes")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    try:
        engines.check_programs()
        names = [name for name in arguments.voices.split(",") if name]
        items = plan(arguments.utterances, arguments.val, arguments.vae_test, arguments.seed, names)
    except (engines.EngineError, FileNotFoundError, ValueError) as error:
        print(f"make_corpus.py: {error}", file=sys.stderr)
        return 1
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with only_writer(arguments.out):
            return write(items, arguments)
    except (InUseError, OSError) as error:
        print(f"make_corpus.py: {error}", file=sys.stderr)
        return 1


def write(items: list[Item], arguments: argparse.Namespace) -> int:
    """Speak what is planned and not made yet, and write the directories; returns the exit code."""
    log = arguments.out / "made.jsonl"
    made = {record["utt"]: record for record in read_log(log)}
    wanted = {item.utt for item in items}
    if made.keys() - wanted:
        print(
            f"make_corpus.py: {arguments.out} holds utterances of another plan (other --seed or --utterances); "
            "give the same options as before or another --out",
            file=sys.stderr,
        )
        return 1
    rest = [item for item in items if item.utt not in made]
    print(f"{len(items)} utterances planned, {len(made)} made already", flush=True)
    if rest:
        work = [(task, arguments.out) for task in tasks(rest, arguments.seed)]
        with WorkerPool(arguments.nj) as pool:
            made |= progress(pool.as_done(make, work), len(rest), log)
    failed = sum(1 for record in made.values() if record.get("failed"))
    if failed:
        print(f"{failed} utterances failed in their synthesiser and are left out", flush=True)
    write_kaldi(arguments.out, made)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
