"""The glue of bars.sh: what a test speaks, the first and the last minute of the book, and the table of all.

    bars.py data --part NAME --out DIR [--real "DIR ..."] [--teacher DIR] [--outputs N]
    bars.py minutes --audio book.wav --times book.json --outputs N --out DIR
    bars.py table --model DIR --out DIR

`data` writes OUT/data, and OUT/references where clips are cloned; of the default voice OUT/list.txt, of the book
OUT/book.txt. `table` reads the scores below OUT and writes OUT/bars.md and OUT/bars.json, which `ditar report` reads.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT)]  # its neighbours, and the package when it is not installed
from real_data import CONF, listed, names  # noqa: E402

from ditar.audio import AudioError  # noqa: E402
from ditar.audio.read import read_audio  # noqa: E402
from ditar.audio.write import write_audio  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.data.corpora import folders_in, read_corpora  # noqa: E402
from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import Utterance, read_data_dir, subset_evenly, write_data_dir  # noqa: E402
from ditar.data.tables import read_table  # noqa: E402
from ditar.evaluate.metrics import METRICS  # noqa: E402
from ditar.evaluate.report import finite, read_results  # noqa: E402
from ditar.recognise.words import plain_words  # noqa: E402
from ditar.report.results import TABLE_VERSION, table  # noqa: E402
from ditar.storage.atomic_write import write_lines  # noqa: E402
from ditar.storage.provenance import provenance  # noqa: E402
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples  # noqa: E402

SENTENCES = ROOT / "egs/generated/local/heldout.txt"
BETWEEN = ROOT / "egs/generated/local/decoys.txt"
SPEAKERS, OF_EACH = 20, 5  # real people, and outputs in the voice of each
CLIP_SECONDS = (3.0, 8.0)  # of a reference; its words are spoken by the same person's next output
MOST_CLIPS = 60  # of a resynthesis
BOOK_BETWEEN = 30  # sentences between SENTENCES and the same ones backwards: ten minutes altogether
MINUTE_S = 60.0
LEAKED_WORDS = 3  # in a row, of the reference's transcript
FLAWS = ("no_stop", "silent", "truncated", "repeating", "leaked")

TESTS = {
    "vae_teacher": "VAE resynthesis, the teacher's held-out voices",
    "vae_real": "VAE resynthesis, real",
    "default": "default voice",
    "teacher": "the teacher's held-out voices",
    "real": "real voices",
    "untranscribed": "real voices, without the reference's transcript",
    "book": "a book in one real voice, its last minute against the first",
}


@dataclass(frozen=True)
class Bar:
    """A figure reaches it at `times` the originals' (for the book: the first minute's) + `plus`, or better."""

    part: str
    metric: str
    plus: float
    times: float = 0.0


def read_bars() -> list[Bar]:
    """Those of conf/bars.txt."""
    fields = (line.split() for line in listed(CONF / "bars.txt"))
    return [Bar(part, metric, *map(float, numbers)) for part, metric, *numbers in fields]


def lines_of(path: Path) -> list[str]:
    """The sentences of a file, one a line."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def real_clips(folders: Sequence[str]) -> list[Utterance]:
    """The clips with text and speaker of the corpora that nothing is trained on (conf/test_corpora.txt)."""
    tests, prefixes = listed(CONF / "test_corpora.txt"), dict(line.split() for line in listed(CONF / "prefixes.txt"))
    clips = [c for c in read_corpora(folders) if c.corpus in tests and c.speaker and c.text]
    if not clips:
        raise DataError(f"--real: no corpus {' or '.join(tests)} with texts in {' '.join(folders) or 'no folder'}")
    rows = []
    for clip in clips:
        speaker, utt = names(clip, prefixes)
        seconds = soundfile.info(str(clip.path)).duration
        bandwidth_hz = min(clip.rate_hz, SAMPLE_RATE_HZ) / 2 if clip.rate_hz else None
        rows.append(Utterance(utt, speaker, clip.path.resolve(), clip.text, seconds, bandwidth_hz=bandwidth_hz))
    return sorted(rows, key=lambda row: row.utt)


def real_pairs(rows: Iterable[Utterance]) -> tuple[list[Utterance], dict[str, str]]:
    """(what is spoken, the clip of the same speaker that each is spoken after): OF_EACH clips of each speaker, spread
    over his recordings; each says its words in the voice of the clip before it, the first in that of the last."""
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for row in rows:
        if CLIP_SECONDS[0] <= row.duration_s <= CLIP_SECONDS[1]:
            by_speaker[row.speaker].append(row)
    whose = subset_evenly([name for name in sorted(by_speaker) if len(by_speaker[name]) >= OF_EACH], SPEAKERS)
    if not whose:
        raise DataError(f"--real: nobody has {OF_EACH} clips of {CLIP_SECONDS[0]:g} to {CLIP_SECONDS[1]:g} s")
    targets, references = [], {}
    for name in whose:
        clips = subset_evenly(by_speaker[name], OF_EACH)
        targets += clips
        references |= {clip.utt: before.utt for clip, before in zip(clips, [clips[-1], *clips[:-1]], strict=True)}
    return targets, references


def book_sentences(most: int | None) -> list[str]:
    """SENTENCES, some others, and SENTENCES backwards: the first minute says what the last one says. With `most`, so
    many of both."""
    ends = lines_of(SENTENCES)[:most]
    return [*ends, *lines_of(BETWEEN)[: BOOK_BETWEEN if most is None else most], *reversed(ends)]


def write_part(part: str, out: Path, folders: Sequence[str], teacher: Path, most: int | None) -> None:
    """What bars.sh's other programs read. DataError: the speech that it needs is not there."""
    out.mkdir(parents=True, exist_ok=True)
    if part == "default":
        lines = lines_of(SENTENCES)[:most]
        write_lines(out / "list.txt", (f"line-{number:03d}\t{line}" for number, line in enumerate(lines, 1)))
    elif part == "vae_teacher":
        write_data_dir(out / "data", subset_evenly(read_teacher(teacher / "test"), min(most or MOST_CLIPS, MOST_CLIPS)))
    elif part == "vae_real":
        write_data_dir(out / "data", subset_evenly(real_clips(folders), min(most or MOST_CLIPS, MOST_CLIPS)))
    elif part == "teacher":
        targets, clips = read_teacher(teacher / "test"), read_teacher(teacher / "test_ref")
        of_speaker = {clip.speaker: clip.utt for clip in clips}
        if without := sorted({row.speaker for row in targets} - of_speaker.keys()):
            raise DataError(f"{teacher / 'test_ref'} has no clip of {', '.join(without)}; run stage 0 of run.sh again")
        targets = subset_evenly(targets, most)
        write_cloning(out, targets, clips, {row.utt: of_speaker[row.speaker] for row in targets})
    else:
        targets, references = real_pairs(real_clips(folders))
        if part == "book":
            write_data_dir(out / "references", targets[:1])
            write_lines(out / "book.txt", book_sentences(most))
        else:
            write_cloning(out, subset_evenly(targets, most), targets, references)


def read_teacher(folder: Path) -> list[Utterance]:
    """One of the teacher's data directories."""
    if not (folder / "wav.scp").is_file():
        raise DataError(f"--teacher: {folder} does not exist; make it by stages -1 and 0 of egs/natural/run.sh")
    return read_data_dir(folder)


def write_cloning(out: Path, targets: list[Utterance], clips: list[Utterance], references: Mapping[str, str]) -> None:
    """The words to speak with their recordings, and the clips to clone."""
    wanted = {references[row.utt] for row in targets}
    write_data_dir(out / "data", targets)
    write_data_dir(out / "references", [clip for clip in clips if clip.utt in wanted])
    write_lines(out / "references/utt2ref", (f"{row.utt} {references[row.utt]}" for row in targets))


def minutes(times: Mapping[str, Any], sentences: Sequence[str]) -> dict[str, tuple[float, float, str]]:
    """{"first", "last"}: (start, end in seconds, words) of as many whole sentences as end within the first minute (one
    at least, half of them at most) and of as many at the end. times: as `ditar synthesize --timestamps` writes them."""
    expected = [(word, number) for number, sentence in enumerate(sentences) for word in sentence.split()]
    spans: dict[int, list[float]] = {}  # of each sentence: when its first word starts, and its last one ends
    at = 0
    for word in times["words"]:
        while at < len(expected) and expected[at][0] != word["text"]:  # a word of no sound has no times
            at += 1
        if at == len(expected):
            raise DataError(f"the times hold {word['text']!r} where the book does not; make them again, with its audio")
        span = spans.setdefault(expected[at][1], [word["start"], word["end"]])
        span[1] = word["end"]
        at += 1
    if len(spans) < len(sentences):
        raise DataError(f"{len(sentences) - len(spans)} of the book's {len(sentences)} sentences have no times")
    count = max(1, min(len(sentences) // 2, sum(end <= MINUTE_S for _, end in spans.values())))
    first_end, last = spans[count - 1][1], len(sentences) - count
    after, before = spans.get(count, [times["seconds"]])[0], spans.get(last - 1, [0.0, 0.0])[1]
    return {
        "first": (0.0, (first_end + after) / 2, " ".join(sentences[:count])),
        "last": ((before + spans[last][0]) / 2, times["seconds"], " ".join(sentences[last:])),
    }


def write_minutes(audio: Path, times: Path, sentences: Sequence[str], out: Path) -> None:
    """OUT/first.wav, last.wav and text."""
    found = minutes(json.loads(times.read_text(encoding="utf-8")), sentences)
    waveform = read_audio(audio)
    out.mkdir(parents=True, exist_ok=True)
    for name, (start_s, end_s, _) in found.items():
        cut = waveform[seconds_to_samples(start_s) : seconds_to_samples(end_s)]
        write_audio(out / f"{name}.wav", cut, SAMPLE_RATE_HZ)
    write_lines(out / "text", (f"{name} {words}" for name, (*_, words) in found.items()))


def leaked(heard: str, text: str, transcript: str) -> bool:
    """Whether words of the reference's transcript are heard that the text lacks: LEAKED_WORDS in a row, or, before the
    text, the transcript's last one, which a reference that ends too late leaves."""
    said, wanted, before = (plain_words(words).split() for words in (heard, text, transcript))

    def phrases(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words[at : at + LEAKED_WORDS]) for at in range(len(words) - LEAKED_WORDS + 1)}

    return bool((phrases(said) & phrases(before)) - phrases(wanted)) or (
        bool(said and before) and said[0] == before[-1] and said[0] not in wanted
    )


def flaws(part: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The share of outputs with each of FLAWS, as far as they were measured, and with any of them: `flawed`."""
    transcripts = read_table(part / "references/text")
    references = read_table(part / "references/utt2ref")
    rows = [
        {**row, "leaked": leaked(row["heard"], row["text"], transcripts[references[row["utt"]]])}
        if "heard" in row else dict(row)
        for row in rows
    ]  # fmt: skip
    shares = {name: sum(bool(row[name]) for row in rows) / len(rows) for name in FLAWS if all(name in r for r in rows)}
    if len(shares) == len(FLAWS):
        shares["flawed"] = sum(any(row[name] for name in FLAWS) for row in rows) / len(rows)
    return shares


def figures(part: Path) -> dict[str, Any]:
    """What a part's scores say: `figures` and `originals` {metric: value, low, high}, utterances, tools, provenance."""
    scores, rows = read_results(part / "score")
    found, originals = scores["metrics"], (scores["original"] or {}).get("metrics", {})
    if part.name == "book":  # one row each: no intervals
        first, last = (next(row for row in rows if row["utt"] == name) for name in ("first", "last"))
        measured = [name for name in ("wer", "similarity") if METRICS[name].value(last) is not None]
        found, originals = ({n: {"value": METRICS[n].value(row)} for n in measured} for row in (last, first))
    shares = flaws(part, rows) if (part / "references/utt2ref").is_file() else {}
    found = {**found, **{name: {"value": value} for name, value in shares.items()}}
    return {
        "utterances": scores["utterances"], "speakers": scores["speakers"], "figures": found, "originals": originals,
        "tools": scores["tools"], "provenance": scores["provenance"],
    }  # fmt: skip


def judged(bar: Bar, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """The bar beside its figure: `bar` and `reached` are None if what they need was not measured."""
    one, base = (((found or {}).get(kind) or {}).get(bar.metric) or {} for kind in ("figures", "originals"))
    bound = bar.plus if not bar.times else None if not base else bar.times * base["value"] + bar.plus
    low_is_good = bar.metric == "flawed" or METRICS[bar.metric].better == "low"
    reached = None
    if one and bound is not None:
        reached = one["value"] <= bound + 1e-9 if low_is_good else one["value"] >= bound - 1e-9
    return {
        "part": bar.part, "metric": bar.metric, **{name: one.get(name) for name in ("value", "low", "high")},
        "original": base.get("value"), "bar": bound, "low_is_good": low_is_good, "reached": reached,
    }  # fmt: skip


def row_of(result: Mapping[str, Any], found: Mapping[str, Any] | None) -> list[str]:
    """A line of the table."""
    name, missing = result["metric"], "not measured"
    metric = METRICS.get(name) or METRICS["no_stop"]  # any share
    title = "flawed outputs" if name == "flawed" else metric.title
    value = missing if result["value"] is None else metric.show_interval(result)
    side = "at most" if result["low_is_good"] else "at least"
    bar = "" if result["bar"] is None else f"{side} {metric.show(result['bar'])}"
    reached = {None: "", True: "yes", False: "**no**"}[result["reached"]]
    original = "" if result["original"] is None else metric.show(result["original"])
    return [TESTS[result["part"]], str(found["utterances"]) if found else "", title, value, original, bar, reached]


def result_of(model: Path, out: Path, most: int | None = None, adapt: bool = False) -> dict[str, Any]:
    """The whole table, of the parts that are finished. most: --outputs of the run; adapt: --adapt of it."""
    parts = {name: figures(out / name) for name in TESTS if any((out / name / ".done").glob("8-*-score"))}
    if adapt:  # of an earlier run: nothing can be learnt from clips whose words are unknown
        parts.pop("untranscribed", None)
    if not parts:
        raise DataError(f"no part in {out} has been scored yet")
    results = [judged(bar, parts.get(bar.part)) for bar in read_bars()]
    tools = sorted({f"{name}: {tool}" for found in parts.values() for name, tool in found["tools"].items()})
    sampling = json.loads((model / "scheduler/scheduler_config.json").read_text(encoding="utf-8"))
    notes = [f"First attempts only. Judges: {'; '.join(tools)}. For the book, `originals` is its first minute."]
    if most is not None:
        notes.append(f"A trial with at most {most} outputs of a part: the bars are for all of them.")
    if adapt:
        notes.append("Each voice was learnt from its clip first (`--adapt`), but for resynthesis, which has none.")
    for name, found in parts.items():
        shares = {flaw: found["figures"][flaw]["value"] for flaw in FLAWS if flaw in found["figures"]}
        if "no_stop" in shares:
            speakers = f" ({found['speakers']} speakers)" if found["speakers"] else ""
            said = ", ".join(f"{flaw} {100 * share:.1f} %" for flaw, share in shares.items())
            notes.append(f"{TESTS[name][0].upper()}{TESTS[name][1:]}{speakers}: {said}.")
    columns = ["test", "outputs", "figure", "here", "originals", "bar", "reached"]
    rows = [row_of(result, parts.get(result["part"])) for result in results]
    return finite({
        "kind": "table", "version": TABLE_VERSION, "provenance": provenance(), "columns": columns, "rows": rows,
        "note": "\n\n".join(notes), "bars": results, "parts": parts, "adapt": adapt,
        "model": {
            "weights_mb": round(sum(path.stat().st_size for path in model.rglob("*.safetensors")) / 1e6, 1),
            "files": (out / "model.sha256").read_text(encoding="utf-8").splitlines(), "sampling": sampling,
        },
    })  # fmt: skip


def main() -> int:
    """Parse arguments and do one of the three; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    data, cut, whole = (commands.add_parser(name) for name in ("data", "minutes", "table"))
    for command in (data, cut, whole):
        command.add_argument("--out", type=Path, required=True)
    data.add_argument("--part", choices=TESTS, required=True)
    data.add_argument("--real", default="", help="folders of corpora, or corpora, [NAME=]DIR, separated by spaces")
    data.add_argument("--teacher", type=Path, help="folder with the teacher's test and test_ref")
    for command in (data, cut, whole):
        command.add_argument("--outputs", type=int, help="at most so many outputs of a part")
    cut.add_argument("--audio", type=Path, required=True)
    cut.add_argument("--times", type=Path, required=True)
    whole.add_argument("--model", type=Path, required=True)
    whole.add_argument("--adapt", action="store_true", help="the voices were learnt from their clips")
    args = parser.parse_args()
    try:
        if args.outputs is not None and args.outputs < 1:
            raise DataError(f"--outputs must be at least 1, got {args.outputs}")
        if args.command == "data":
            write_part(args.part, args.out, folders_in(args.real), args.teacher, args.outputs)
        elif args.command == "minutes":
            write_minutes(args.audio, args.times, book_sentences(args.outputs), args.out)
        else:
            result = result_of(args.model, args.out, args.outputs, args.adapt)
            write_lines(args.out / "bars.json", [json.dumps(result, indent=2)])
            write_lines(args.out / "bars.md", [table(result).rstrip("\n")])
            print(table(result), end="")
    except (DataError, AudioError, ValueError, OSError, soundfile.LibsndfileError) as error:
        print(f"bars: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
