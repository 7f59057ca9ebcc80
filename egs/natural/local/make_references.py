"""Reference clips to ship as default voices: 4 to 6 seconds each of natural base voices, the best by the judge's
scores.

    make_references.py --model DIR --out DIR [--women 1] [--men 2] [--voices NAME,...]

Each voice says every text of TEXTS; of its clips that are understood without an error the most natural one is kept, and
of the voices the most natural women and men. Writes OUT/<voice>.flac (24 kHz, 16 bit), OUT/<voice>.txt and
OUT/scores.json (the judge's scores of every clip).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
import teacher_voices  # noqa: E402
from clips import trim, write_clip  # noqa: E402
from judge_teacher import Judge  # noqa: E402
from kokoro import RATE_HZ, Kokoro, TeacherError  # noqa: E402

from ditar.config.program import exit_code  # noqa: E402
from ditar.evaluate.inputs import EvaluationError  # noqa: E402
from ditar.recognise import RecogniserError  # noqa: E402
from ditar.storage.atomic_write import WriteError, atomic_write  # noqa: E402
from ditar.text import Phonemiser  # noqa: E402

VOICES = "af_heart af_bella af_sarah bf_isabella am_eric am_michael am_fenrir am_puck bm_george bm_fable".split()
# All vowels, most consonants, a question or a pause in each.
TEXTS = (
    "Good morning, and welcome to the show. What would you like to hear about today?",
    "The harbour was quiet that evening, and a few boats were coming home with the tide.",
    "She put the letter back in the drawer, closed it gently, and went out for a walk.",
    "If you have a moment, I could show you the garden. The roses have just begun to bloom.",
)
SECONDS = (4.0, 6.0)
MOST_WORD_ERROR = 0.0


def speak(speaker: Kokoro, phonemiser: Phonemiser, judge: Judge, name: str) -> Iterator[dict]:
    """`name` speaking each text: its row of scores, with `waveform` (S,)."""
    voice = teacher_voices.base_voice(name)
    for text in TEXTS:
        speech = speaker.speak(phonemiser(text), voice.timbre, voice.prosody)
        waveform, _ = trim(speech.waveform, RATE_HZ, speech.times)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.wav"
            write_clip(path, waveform, RATE_HZ)
            score = judge.score(name, path, text)
        yield score | {"text": text, "duration_s": round(len(waveform) / RATE_HZ, 2), "waveform": waveform}


def best(rows: Sequence[dict]) -> dict | None:
    """The most natural clip of the wanted length that is understood, or None."""
    good = [r for r in rows if r["word_error"] <= MOST_WORD_ERROR and SECONDS[0] <= r["duration_s"] <= SECONDS[1]]
    return max(good, key=lambda row: row["distillmos"], default=None)


def choose(clips: Sequence[dict], women: int, men: int) -> list[dict]:
    """From the best clips of the voices, the most natural of `women` and `men`, as Kokoro's names tell (af_, bm_)."""
    ordered = sorted(clips, key=lambda row: -row["distillmos"])
    chosen = []
    for letter, count in (("f", women), ("m", men)):
        found = [row for row in ordered if row["utt"][1] == letter]
        if len(found) < count:
            raise ValueError(
                f"{len(found)} of the voices called ?{letter}_ are good enough, {count} are wanted; name more: --voices"
            )
        chosen += found[:count]
    return chosen


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Speak reference clips of natural voices.")
    parser.add_argument("--model", type=Path, required=True, help="the folder of fetch_teacher.py")
    parser.add_argument("--out", type=Path, required=True, help="where the clips go")
    parser.add_argument("--women", type=int, default=1, help="voices of women (1)")
    parser.add_argument("--men", type=int, default=2, help="voices of men (2)")
    parser.add_argument("--voices", default=",".join(VOICES), metavar="NAME,...", help="to choose from")
    chosen = parser.parse_args(arguments)
    names = chosen.voices.split(",")
    try:
        if unfit := [name for name in names if name not in teacher_voices.BASES]:
            raise ValueError(f"{unfit[0]!r} is no base voice of training; they are: {' '.join(teacher_voices.BASES)}")
        speaker, phonemiser, judge = Kokoro(chosen.model), Phonemiser("en-us"), Judge()
        rows = {name: list(speak(speaker, phonemiser, judge, name)) for name in names}
        clips = choose([clip for row in rows.values() if (clip := best(row))], chosen.women, chosen.men)
        chosen.out.mkdir(parents=True, exist_ok=True)
        for clip in clips:
            write_clip(chosen.out / f"{clip['utt']}.flac", clip["waveform"], RATE_HZ)
            with atomic_write(chosen.out / f"{clip['utt']}.txt") as partial:
                partial.write_text(clip["text"] + "\n", encoding="utf-8")
        scores = [{k: v for k, v in row.items() if k != "waveform"} for name in names for row in rows[name]]
        with atomic_write(chosen.out / "scores.json") as partial:
            partial.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    except (TeacherError, EvaluationError, RecogniserError, WriteError, ValueError) as error:
        print(f"make_references.py: {error}", file=sys.stderr)
        return 1
    for clip in clips:
        print(f"{clip['utt']}: {clip['duration_s']:.1f} s, DistillMOS {clip['distillmos']:.2f}: {clip['text']}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
