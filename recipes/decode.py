"""Stage 7: speak every text of a Kaldi data directory in the voices of reference clips.

    python recipes/decode.py --model exp/model --data data/test --references data/test_ref --out exp/decode

Of --data the table `text` is enough. Writes OUT/wav/<utt>.wav, OUT/wav/stopped (lines `utt 1 attempts`, or 0 where the stop head never ended it; `ditar
evaluate` reports its rate), OUT/text, OUT/log.jsonl (one line an utterance: reference, seed, seconds, stopped,
warnings) and OUT/references (wav.scp, utt2spk, utt2ref: which clip spoke what), which `ditar evaluate --references`
reads. Where the folder of references has a table utt2ref, its clips speak what it says; otherwise speakers take turns
and their clips are drawn. When it runs again with the same model and options (OUT/settings.json), finished utterances
are kept whose text and reference are what they were.
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
from ditar.cli.arguments import part
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir
from ditar.data.tables import read_table
from ditar.config.sampling import SOLVERS, TIME_GRIDS
from ditar.seeds import seed_of
from ditar.storage.atomic_write import write_lines
from ditar.storage.json_lines import write_json_lines
from ditar.storage.lock import only_writer
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


def read_targets(folder: Path) -> list[Utterance]:
    """What is to be spoken: a data directory, or a folder with a table `text` alone, which nobody has said yet."""
    if (folder / "wav.scp").is_file() or not (folder / "text").is_file():
        return read_data_dir(folder)
    return [Utterance(utt, "", Path(), text) for utt, text in read_table(folder / "text").items()]


def given_references(table: Path, targets: list[Utterance], clips: list[Utterance]) -> dict[str, Utterance]:
    """The clip for each utterance that a table `utt2ref` names. DataError names the lines that are missing."""
    names, by_name = read_table(table), {clip.utt: clip for clip in clips}
    bad = [target.utt for target in targets if names.get(target.utt) not in by_name]
    if bad:
        raise DataError(f"{table} names no clip of its folder for {len(bad)} utterances, e.g. {bad[0]!r}; add them")
    return {target.utt: by_name[names[target.utt]] for target in targets}


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


def start_or_resume(
    out: Path, model: Path, targets: list[Utterance], chosen: dict[str, Utterance], options: dict
) -> dict[str, dict]:
    """Make the folder, and remove from it what another model, other options, another text or another reference made.

    Returns the lines of the log of what is kept, by utterance.
    """
    weights = {
        str(path.relative_to(model)): [path.stat().st_size, path.stat().st_mtime_ns]
        for path in sorted(model.rglob("*.safetensors"))
    }
    asked = {t.utt: [t.text, chosen[t.utt].utt, chosen[t.utt].text] for t in targets}
    settings = {"model": str(model), "weights": weights, **options, "utterances": asked}
    settings = json.loads(json.dumps(settings))  # as a file has them: no tuples
    noted, log, wavs = out / "settings.json", out / "log.jsonl", out / "wav"
    before = json.loads(noted.read_text(encoding="utf-8")) if noted.is_file() else {}
    was_asked = before.get("utterances", {})
    same = {**before, "utterances": asked} == settings
    kept = {}
    for line in log.read_text(encoding="utf-8").splitlines() if same and log.is_file() else []:
        try:
            record = json.loads(line)
        except ValueError:  # the last line of a killed process
            continue
        utt = record["utt"]
        if utt in asked and asked[utt] == was_asked.get(utt) and (wavs / f"{utt}.wav").is_file():
            kept[utt] = record
    stale = [path for path in wavs.glob("*.wav") if path.stem not in kept]
    if stale:
        why = "from other texts or references" if same else "by another model or with other options"
        print(f"decode: {out}: {len(stale)} of its files were made {why} and are removed", file=sys.stderr)
    for path in [*stale, wavs / "stopped"]:
        path.unlink(missing_ok=True)
    wavs.mkdir(parents=True, exist_ok=True)
    write_json_lines(kept.values(), log)
    write_lines(noted, [json.dumps(settings, indent=2, ensure_ascii=False)])
    return kept


def decode(
    pipeline, targets: list[Utterance], chosen: dict[str, Utterance], done: dict[str, dict], out: Path, options: dict,
    seed: int,
) -> int:  # fmt: skip
    """Speak what is not `done` yet, write the table `stopped`; returns how many utterances failed."""
    records = dict(done)
    with open(out / "log.jsonl", "a", encoding="utf-8") as log:
        for target in tqdm([t for t in targets if t.utt not in done], desc=str(out)):
            clip, started = chosen[target.utt], time.perf_counter()
            try:
                speech = pipeline(
                    target.text,
                    prompt_audio=clip.path,
                    prompt_text=clip.text,
                    seed=seed_of(seed, target.utt),
                    **options,
                )
            except (TextError, AudioError) as error:
                tqdm.write(f"{target.utt}: {error}", file=sys.stderr)
                continue
            path = out / "wav" / f"{target.utt}.wav"
            partial = path.with_name(f".{path.name}")
            write_audio(partial, speech.audio, speech.sample_rate)
            records[target.utt] = {
                "utt": target.utt,
                "reference": clip.utt,
                "seed": speech.seed,
                "attempts": speech.attempts,
                "stopped": speech.stopped,
                "warnings": speech.warnings,
                "seconds": round(len(speech.audio) / speech.sample_rate, 3),
                "took_s": round(time.perf_counter() - started, 3),
            }
            log.write(json.dumps(records[target.utt]) + "\n")
            log.flush()
            os.replace(partial, path)  # last: every finished file has its line in the log
    rows = sorted(records.values(), key=lambda record: record["utt"].encode())
    write_lines(out / "wav/stopped", (f"{row['utt']} {int(row['stopped'])} {row['attempts']}" for row in rows))
    return len(targets) - len(records)


def main() -> int:
    """Parse arguments and decode; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory, or its `text` alone")
    parser.add_argument("--references", type=Path, required=True, help="Kaldi data directory with the clips")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="only the first so many utterances")
    parser.add_argument("--temperature", type=float, help="this and the next: the model's own where they are left out")
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--steps", type=int, help="diffusion steps of a patch")
    parser.add_argument("--solver", choices=SOLVERS)
    parser.add_argument("--time-grid", choices=TIME_GRIDS)
    parser.add_argument("--guidance-steps", type=part, metavar="LOW,HIGH", help="guidance at this part of the steps")
    parser.add_argument("--top-k", type=int, help="of a model that draws tokens: how many to draw from")
    parser.add_argument("--top-p", type=float, help="the same: which share of the probability")
    parser.add_argument("--language", default="en-us")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"], help="of the model")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be spoken, and say what")
    args = parser.parse_args()
    try:
        from ditar.synthesis.pretrained import load_pipeline, require_options

        targets = read_targets(args.data)[: args.limit]
        clips, table = read_data_dir(args.references), args.references / "utt2ref"
        given = table.is_file()
        chosen = given_references(table, targets, clips) if given else choose_references(targets, clips, args.seed)
        pipeline = load_pipeline(args.model, device=args.device, torch_dtype=args.dtype)
        pipeline.set_progress_bar_config(disable=True)
        asked = {
            "temperature": args.temperature,
            "guidance_scale": args.guidance_scale,
            "num_inference_steps": args.steps,
            "solver": args.solver,
            "time_grid": args.time_grid,
            "guidance_steps": args.guidance_steps,
            "top_k": args.top_k,
            "top_p": args.top_p,
            "language": args.language,
        }
        options = {name: value for name, value in asked.items() if value is not None}
        require_options(pipeline, options)
        args.out.mkdir(parents=True, exist_ok=True)
        with only_writer(args.out):
            settings = {**options, "seed": args.seed}
            if args.dtype != "float32":  # what runs from before the option computed in
                settings["dtype"] = args.dtype
            done = start_or_resume(args.out, args.model, targets, chosen, settings)
            failed = decode(pipeline, targets, chosen, done, args.out, options, args.seed)
            spoken = [target for target in targets if (args.out / "wav" / f"{target.utt}.wav").is_file()]
            if not spoken:
                raise DataError(f"none of the {len(targets)} utterances of {args.data} could be spoken")
            write_lines(args.out / "text", (f"{target.utt} {target.text}" for target in spoken))
            write_references(args.out / "references", {target.utt: chosen[target.utt] for target in spoken})
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"decode: error: {error}", file=sys.stderr)
        return 1
    if failed:
        print(f"decode: error: {failed} of {len(targets)} utterances could not be spoken", file=sys.stderr)
    return 1 if failed and not args.skip_bad else 0


if __name__ == "__main__":
    sys.exit(main())
