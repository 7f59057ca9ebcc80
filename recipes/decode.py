"""Stage 7: speak every text of a Kaldi data directory in the voices of reference clips.

    python recipes/decode.py --model exp/model --data data/test --references data/test_ref --out exp/decode

Writes OUT/wav/<utt>.wav, OUT/text, OUT/log.jsonl (one line an utterance: reference, seed, seconds, stopped,
warnings) and OUT/references (wav.scp, utt2spk, utt2ref: which clip spoke what), which `ditar evaluate --references`
reads. Finished utterances are kept when it runs again with the same model and options (OUT/settings.json).
"""

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from pathlib import Path

from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.write import write_audio
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir
from ditar.text import TextError


def choose_references(targets: list[Utterance], clips: list[Utterance], seed: int) -> dict[str, Utterance]:
    """A clip for each utterance: speakers in turns, a random clip of the speaker, never one that says the target."""
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for clip in clips:
        by_speaker[clip.speaker].append(clip)
    speakers, draw = sorted(by_speaker), random.Random(seed)
    chosen = {}
    for number, target in enumerate(targets):
        speaker = speakers[number % len(speakers)]
        others = [clip for clip in by_speaker[speaker] if clip.utt != target.utt and clip.text != target.text]
        if not others:
            raise DataError(f"{target.utt}: speaker {speaker!r} has no reference clip with another text; add one")
        chosen[target.utt] = draw.choice(others)
    return chosen


def write_references(folder: Path, chosen: dict[str, Utterance]) -> None:
    """wav.scp, utt2spk and utt2ref of the clips that are used."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {clip.utt: clip for clip in chosen.values()}
    tables = {
        "wav.scp": [f"{utt} {clips[utt].path}" for utt in sorted(clips)],
        "utt2spk": [f"{utt} {clips[utt].speaker}" for utt in sorted(clips)],
        "utt2ref": [f"{utt} {chosen[utt].utt}" for utt in sorted(chosen)],
    }
    for name, lines in tables.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def start_or_resume(out: Path, model: Path, options: dict) -> None:
    """Make the folder; remove what another model or other options made there."""
    weights = {
        str(path.relative_to(model)): [path.stat().st_size, path.stat().st_mtime_ns]
        for path in sorted(model.rglob("*.safetensors"))
    }
    settings = json.dumps({"model": str(model), "weights": weights, **options}, indent=2)
    noted = out / "settings.json"
    if noted.is_file() and noted.read_text(encoding="utf-8") != settings:
        print(f"decode: {out} was made by another model or with other options; starting over", file=sys.stderr)
        for path in [*(out / "wav").glob("*.wav"), out / "log.jsonl"]:
            path.unlink(missing_ok=True)
    (out / "wav").mkdir(parents=True, exist_ok=True)
    noted.write_text(settings, encoding="utf-8")


def decode(
    pipeline, targets: list[Utterance], chosen: dict[str, Utterance], out: Path, options: dict, seed: int
) -> int:
    """Speak what is not there yet; returns how many utterances failed. An utterance's seed is `seed` + its number."""
    failed = 0
    with open(out / "log.jsonl", "a", encoding="utf-8") as log:
        for number, target in enumerate(tqdm(targets, desc=str(out))):
            path = out / "wav" / f"{target.utt}.wav"
            if path.is_file():
                continue
            clip, started = chosen[target.utt], time.perf_counter()
            try:
                speech = pipeline(
                    target.text, prompt_audio=clip.path, prompt_text=clip.text, seed=seed + number, **options
                )
            except (TextError, AudioError) as error:
                tqdm.write(f"{target.utt}: {error}", file=sys.stderr)
                failed += 1
                continue
            partial = path.with_name(f".{path.name}")
            write_audio(partial, speech.audio, speech.sample_rate)
            os.replace(partial, path)
            record = {
                "utt": target.utt,
                "reference": clip.utt,
                "seed": speech.seed,
                "attempts": speech.attempts,
                "stopped": speech.stopped,
                "warnings": speech.warnings,
                "seconds": round(len(speech.audio) / speech.sample_rate, 3),
                "took_s": round(time.perf_counter() - started, 3),
            }
            log.write(json.dumps(record) + "\n")
            log.flush()
    return failed


def main() -> int:
    """Parse arguments and decode; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory with the texts to speak")
    parser.add_argument("--references", type=Path, required=True, help="Kaldi data directory with the clips")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="only the first so many utterances")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--guidance-scale", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--language", default="en-us")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    try:
        from ditar.pipeline import DiTARPipeline

        targets = read_data_dir(args.data)[: args.limit]
        chosen = choose_references(targets, read_data_dir(args.references), args.seed)
        pipeline = DiTARPipeline.from_pretrained(args.model, device=args.device)
        pipeline.set_progress_bar_config(disable=True)
        options = {
            "temperature": args.temperature,
            "guidance_scale": args.guidance_scale,
            "num_inference_steps": args.steps,
            "language": args.language,
        }
        start_or_resume(args.out, args.model, {**options, "seed": args.seed})
        text = "".join(f"{target.utt} {target.text}\n" for target in targets)
        (args.out / "text").write_text(text, encoding="utf-8")
        write_references(args.out / "references", chosen)
        failed = decode(pipeline, targets, chosen, args.out, options, args.seed)
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"decode: error: {error}", file=sys.stderr)
        return 1
    if failed:
        print(f"decode: error: {failed} of {len(targets)} utterances could not be spoken", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
