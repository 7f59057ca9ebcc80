"""Stage 9: the figures of all voices and kinds of fine-tune as one Markdown table.

    local/table.py --exp exp/natural --voices 163,7312 --kinds full,lora16 --out exp/natural/RESULTS.md

EXP/VOICE/KIND/score holds what `ditar evaluate` found, with the base as --against; EXP/VOICE/KIND/model is the result.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))  # the package, when it is not installed

from ditar.config.program import exit_code  # noqa: E402
from ditar.evaluate.metrics import METRICS  # noqa: E402
from ditar.evaluate.report import read_results  # noqa: E402
from ditar.storage.atomic_write import write_lines  # noqa: E402

SHOWN = ("wer", "similarity", "distillmos")


def row(folder: Path, voice: str, kind: str) -> tuple[list[str], int]:
    """Cells of a line, and the number of sentences."""
    scores, _ = read_results(folder / "score")
    made = json.loads((folder / "model/finetune.json").read_text(encoding="utf-8"))
    best = min(made["validations"][1:], key=lambda line: line["validation"])["step"]
    cells = [voice, kind, f"{made['pieces']['train'][1]:.0f} s", str(best), f"{made['took_s'] / 60:.0f}"]
    for name in SHOWN:
        for figures in (scores["against"]["metrics"], scores["metrics"], (scores["original"] or {}).get("metrics", {})):
            cells.append(METRICS[name].show_interval(figures.get(name)))
    return cells, scores["utterances"]


def main() -> int:
    """Parse arguments, write and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", required=True, type=Path)
    parser.add_argument("--voices", required=True, help="separated by commas")
    parser.add_argument("--kinds", required=True, help="separated by commas")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    heads = ["voice", "trained", "on", "best step", "minutes"]
    heads += [f"{METRICS[name].title}, {when}" for name in SHOWN for when in ("before", "after", "recordings")]
    lines = ["| " + " | ".join([*heads, "sentences"]) + " |", "|" + " --- |" * (len(heads) + 1)]
    try:
        for voice in args.voices.split(","):
            for kind in args.kinds.split(","):
                cells, sentences = row(args.exp / voice / kind, voice, kind)
                lines.append("| " + " | ".join([*cells, str(sentences)]) + " |")
        write_lines(args.out, lines)
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"table: error: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
