#!/usr/bin/env python3
"""How well a model obeys --speed and how true its --timestamps are: the default voice says some sentences at several
speeds, and a table is written.

    python egs/natural/controls.py MODEL OUT [--speeds 0.5 0.75 1 1.25 1.5 2] [--outputs 50]

Durations are those of the whole outputs, against the ones at speed 1. Words and their times are judged at the speeds:
words by faster-whisper, with the ratio of their error to that at speed 1 and its 95 % interval over the sentences, the
times of their starts and ends by forced alignment (pocketsphinx). First attempts only; a second run keeps the
speech that is there. There are 300 sentences: the 100 that models are tested with, and then those with which
settings and the default voice were chosen, so that more than 100 outputs tell about speeds and nothing else.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # when the package is not installed

from ditar.audio.read import read_audio  # noqa: E402
from ditar.audio.resample import resample  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.evaluate.report import read_results, show_ratio  # noqa: E402
from ditar.recognise import RECOGNISER_RATE_HZ  # noqa: E402
from ditar.recognise.aligner import PAUSE, Aligner, AlignmentError  # noqa: E402
from ditar.recognise.words import plain_words  # noqa: E402
from ditar.storage.atomic_write import write_lines  # noqa: E402
from ditar.storage.provenance import provenance  # noqa: E402
from ditar.text.normalise import normalise  # noqa: E402
from ditar.units import SAMPLE_RATE_HZ  # noqa: E402

SENTENCES = [ROOT / "egs/generated/local" / name for name in ("heldout.txt", "decoys.txt")]


def speak(model: Path, sentences: list[str], speed: float, seed: int, folder: Path, plain: Path | None) -> None:
    """One WAV and one JSON file of times for each sentence, in folder/wav; its word error in folder/score, compared
    with that in the folder of speed 1, `plain`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "list.txt", (f"line-{number:03d}\t{text}" for number, text in enumerate(sentences, 1)))
    ditar = [sys.executable, "-m", "ditar.cli"]
    spoken = ["--text-file", folder / "list.txt", "--list-format", "tab", "--output-dir", folder / "wav"]
    spoken += ["--speed", speed, "--timestamps", ".json", "--max-retries", 0, "--seed", seed, "--threads", 1]
    judged = ["--metrics", "words", "--normaliser", "whisper", "--output", folder / "score", "--threads", 1]
    judged += [] if plain is None else ["--against", plain / "score"]
    for command in (["synthesize", "--model", model, *spoken], ["evaluate", folder / "wav", *judged]):
        subprocess.run([*ditar, *map(str, command)], cwd=ROOT, check=True)


def word_times(waveform: np.ndarray, text: str, aligner: Aligner) -> list[tuple[str, float, float]]:
    """(word, start_s, end_s) by forced alignment of (S,) at 16 kHz. AlignmentError: there is no path."""
    words = plain_words(normalise(text)).split()
    phones, begun = aligner.fit_words(waveform, words)
    spans: dict[int, list[float]] = {}
    for (name, start_s, end_s), number in zip(phones, begun, strict=True):
        if name != PAUSE:
            spans.setdefault(number, [start_s, end_s])[1] = end_s
    return [(word, *spans[number]) for number, word in enumerate(words, 1)]


def time_errors(folder: Path, sentences: list[str], aligner: Aligner) -> tuple[list[float], int]:
    """Seconds between each word's start, or end, as the model says and as aligned; and how many outputs could not be
    compared: no path, or words that normalisation counts otherwise."""
    errors, left_out = [], 0
    for number, text in enumerate(sentences, 1):
        file = folder / "wav" / f"line-{number:03d}.wav"
        own = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))["words"]
        try:
            heard = word_times(resample(read_audio(file), SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ), text, aligner)
        except AlignmentError:
            heard = []
        if len(heard) != len(own):
            left_out += 1
            continue
        for mine, (_, start_s, end_s) in zip(own, heard, strict=True):
            errors += [abs(mine["start"] - start_s), abs(mine["end"] - end_s)]
    return errors, left_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a folder of recipes/export.py")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for speech, controls.md and controls.json")
    parser.add_argument("--speeds", type=float, nargs="+", default=[0.5, 0.75, 1.0, 1.25, 1.5, 2.0], metavar="S")
    parser.add_argument("--outputs", type=int, default=50, help="of each speed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.outputs < 1:
        parser.error(f"--outputs must be 1 or more, got {options.outputs}")
    lines = [line.strip() for file in SENTENCES for line in file.read_text(encoding="utf-8").splitlines()]
    sentences = list(filter(None, lines))[: options.outputs]
    aligner, rows, seconds, plain = Aligner(), [], {}, None
    for speed in (1.0, *sorted({*options.speeds} - {1.0})):
        folder = options.out.resolve() / f"speed-{speed:g}"
        speak(options.model.resolve(), sentences, speed, options.seed, folder, plain)
        plain = plain or folder
        files = [folder / "wav" / f"line-{number:03d}.wav" for number in range(1, len(sentences) + 1)]
        seconds[speed] = np.array([len(read_audio(file)) / SAMPLE_RATE_HZ for file in files])
        errors, left_out = time_errors(folder, sentences, aligner)
        result = read_results(folder / "score")[0]
        word_error, against = result["metrics"]["wer"]["value"], result["against"]
        ratio = against and against["wer_ratio"]
        rows.append({
            "speed": speed, "word_error": word_error, "word_error_ratio": ratio, "errors": errors, "left_out": left_out
        })  # fmt: skip
    found = []
    for row in sorted(rows, key=lambda row: row["speed"]):
        share = seconds[row["speed"]] * row["speed"] / seconds[1.0]
        ratio = seconds[row["speed"]].sum() * row["speed"] / seconds[1.0].sum()
        found.append({
            "speed": row["speed"], "seconds": float(seconds[row["speed"]].sum()), "duration_to_asked": float(ratio),
            "duration_to_asked_90": [float(x) for x in np.quantile(share, [0.05, 0.95])],
            "word_error": row["word_error"], "word_error_ratio": row["word_error_ratio"],
            "time_error_median_s": float(np.median(row["errors"])),
            "time_error_90_s": float(np.quantile(row["errors"], 0.9)), "words": len(row["errors"]) // 2,
            "left_out": row["left_out"],
        })  # fmt: skip
    lines = [
        "| speed | seconds | duration, of the asked one | 90 % of the outputs | word error | of that at 1 | "
        "times: median error | 90 % | words |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        low, high = row["duration_to_asked_90"]
        ratio = show_ratio(row["word_error_ratio"]) or "1"
        lines.append(
            f"| {row['speed']:g} | {row['seconds']:.0f} | {row['duration_to_asked']:.3f} | {low:.2f} to {high:.2f} | "
            f"{100 * row['word_error']:.1f} % | {ratio} | {1000 * row['time_error_median_s']:.0f} ms | "
            f"{1000 * row['time_error_90_s']:.0f} ms | {row['words']} |"
        )
    result = {**provenance(), "model": str(options.model), "seed": options.seed, "speeds": found}
    write_lines(options.out / "controls.json", [json.dumps(result, indent=2)])
    write_lines(options.out / "controls.md", lines)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
