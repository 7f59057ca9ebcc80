"""Stage 7: speak every text of a Kaldi data directory in the voices of reference clips.

    python recipes/decode.py --model exp/model --data data/test --references data/test_ref --out exp/decode

--data needs only the table `text`. Writes OUT/wav/<utt>.wav, OUT/wav/stopped (`ditar evaluate` reports its rate),
OUT/manifest.jsonl (one line an utterance: reference, seeds, seconds, stopped, warnings; see synthesis/utterance_list),
OUT/text, and OUT/references (wav.scp, utt2spk, utt2ref: which clip spoke what), which `ditar evaluate --references`
reads. If the folder of references has a table utt2ref, its clips speak what it says; otherwise speakers take turns and
their clips are drawn at random. A second run keeps utterances whose text, reference, model and options have not
changed.
"""

import argparse
import functools
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ditar.cli.arguments import part, whole
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.config.sampling import MOST_RETRIES, MOST_ROWS, SOLVERS, TIME_GRIDS
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir
from ditar.data.tables import read_table
from ditar.storage.atomic_write import check_not_input, write_lines
from ditar.storage.digests import digest_file
from ditar.synthesis.pretrained import load_pipeline, require_options
from ditar.synthesis.utterance_list import ListOutput, SpeechTask, model_settings, speak_many

REQUEST_OPTIONS = ("temperature", "guidance_scale", "language")
BATCH_OPTIONS = (
    "num_inference_steps", "solver", "time_grid", "guidance_rise", "guidance_steps", "top_k", "top_p", "max_retries",
)  # fmt: skip


def choose_references(targets: list[Utterance], clips: list[Utterance], seed: int) -> dict[str, Utterance]:
    """A clip for each utterance: speakers in turn, a random clip of the speaker, never one with the target's text; of a
    speaker who has no other the next one speaks. DataError if nobody has."""
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for clip in clips:
        by_speaker[clip.speaker].append(clip)
    speakers, draw = sorted(by_speaker), random.Random(seed)
    chosen = {}
    for number, target in enumerate(targets):
        for place in range(number, number + len(speakers)):
            clips_of = by_speaker[speakers[place % len(speakers)]]
            if others := [clip for clip in clips_of if clip.utt != target.utt and clip.text != target.text]:
                break
        else:
            raise DataError(f"{target.utt}: no speaker has a reference clip with another text; add one")
        chosen[target.utt] = draw.choice(others)
    return chosen


def read_targets(folder: Path) -> list[Utterance]:
    """What is to be spoken: a data directory, or a folder with only a table `text`, without recordings."""
    if (folder / "wav.scp").is_file() or not (folder / "text").is_file():
        return read_data_dir(folder)
    return [Utterance(utt, "", Path(), text) for utt, text in read_table(folder / "text").items()]


def given_references(table: Path, targets: list[Utterance], clips: list[Utterance]) -> dict[str, Utterance]:
    """The clip for each utterance that a table `utt2ref` names. DataError names missing lines."""
    names, by_name = read_table(table), {clip.utt: clip for clip in clips}
    bad = [target.utt for target in targets if names.get(target.utt) not in by_name]
    if bad:
        raise DataError(f"{table} names no clip of its folder for {len(bad)} utterances, e.g. {bad[0]!r}; add them")
    return {target.utt: by_name[names[target.utt]] for target in targets}


def check_apart(out: Path, data: Path, references: Path, clips: list[Utterance]) -> None:
    """DataError or WriteError if the output would replace the input: other WAV files in OUT/wav are removed, and tables
    of the same name overwritten."""
    for option, folder in (("--data", data), ("--references", references)):
        if out.resolve() == folder.resolve():
            raise DataError(f"--out is {option} ({folder}); give another folder")
    place = (out / "wav").resolve()
    inside = [clip.utt for clip in clips if clip.path.resolve().is_relative_to(place)]
    if inside:
        raise DataError(
            f"{len(inside)} clips of --references, {inside[0]!r} the first, are in {place}, where outputs go; give "
            "another --out"
        )
    check_not_input(out / "text", "--out", {"--data": data / "text"})
    check_not_input(out / "references/wav.scp", "--out", {"--references": references / "wav.scp"})


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
        write_lines(folder / name, lines)


def tasks_of(
    pipeline: Any,
    targets: list[Utterance],
    chosen: dict[str, Utterance],
    request_options: dict,
    batch_options: dict,
    transcripts: bool = True,
    adapt: bool = False,
) -> list[SpeechTask]:
    """What to speak; a clip, in the language of the texts, is read when its first utterance is made. transcripts False:
    as if what is said in the clips were unknown. adapt: the voices are learnt from their clips."""
    if not transcripts:
        chosen = {utt: replace(clip, text="") for utt, clip in chosen.items()}
    language = request_options.get("language", "en-us")
    read = functools.cache(
        lambda utt: pipeline.create_voice(clips[utt].path, clips[utt].text or None, language=language, adapt=adapt)
    )
    clips = {clip.utt: clip for clip in chosen.values()}
    content = functools.cache(lambda path: digest_file(path) if path.is_file() else "")
    adapted = [f"adapted for {pipeline.speaker_space[0]}"] if adapt else []
    return [
        SpeechTask(
            target.utt,
            target.text,
            functools.partial(read, chosen[target.utt].utt),
            [chosen[target.utt].utt, content(chosen[target.utt].path), chosen[target.utt].text, *adapted],
            request_options=request_options,
            batch_options=batch_options,
            note={"reference": chosen[target.utt].utt},
        )
        for target in targets
    ]


def decode(
    pipeline: Any, tasks: list[SpeechTask], out: Path, settings: dict, seed: int, batch_size: int = 1
) -> ListOutput:
    """Speak what OUT lacks, and remove from it what belongs to other tasks or settings."""
    with tqdm(total=len(tasks), desc=str(out)) as bar:
        made = speak_many(
            pipeline, tasks, out, seed=seed, settings=settings, audio="wav", split=False, keep_others=False,
            batch_size=batch_size, batches_at_once=1, on_progress=lambda tasks, _: bar.update(len(tasks)),
        )  # fmt: skip
    for count, why in zip(made.replaced, ("from other texts or references", "by another model or with other options")):
        if count:
            print(f"decode: {out}: {count} of its files were made {why} and are replaced", file=sys.stderr)
    for utt, reason in made.failed:
        print(f"{utt}: {reason}", file=sys.stderr)
    return made


def parse(arguments: Sequence[str] | None = None, name: str | None = None) -> argparse.Namespace:
    """The command line, or other arguments of a program of that name, checked as far as they go by themselves."""
    parser = argparse.ArgumentParser(name, description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, help="what `ditar finetune --lora` made of this model")
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory, or only its `text`")
    parser.add_argument("--references", type=Path, required=True, help="Kaldi data directory with the clips")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=positive, help="only this many utterances, from the first")
    parser.add_argument("--temperature", type=float, help="this and the next: by default the model's own")
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--steps", dest="num_inference_steps", type=int, help="diffusion steps of a patch")
    parser.add_argument("--solver", choices=SOLVERS)
    parser.add_argument("--time-grid", choices=TIME_GRIDS)
    parser.add_argument("--guidance-rise", type=float, help="guidance is so many times as strong at the data")
    parser.add_argument("--guidance-steps", type=part, metavar="LOW,HIGH", help="guidance at this part of the steps")
    parser.add_argument("--top-k", type=int, help="for a model that draws tokens: how many to draw from")
    parser.add_argument("--top-p", type=float, help="likewise: which share of the probability")
    parser.add_argument(
        "--max-retries", type=whole(0, MOST_RETRIES), help="new attempts at speech that fails (as the pipeline does)"
    )
    parser.add_argument("--no-transcripts", action="store_true", help="as if nobody knew what is said in the clips")
    parser.add_argument("--adapt", action="store_true", help="learn each voice from its clip, in some seconds")
    parser.add_argument("--language", default="en-us", help="espeak's name of that of texts and clips (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=whole(1, MOST_ROWS), default=1, help="spoken at the same time (1)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=positive, help="of torch on a CPU (as many as are fastest when it starts)")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"], help="of the model")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be spoken, and say what")
    args = parser.parse_args(arguments)
    if args.adapt and args.no_transcripts:
        parser.error("--adapt learns from what is said in the clips, which --no-transcripts hides; give one")
    return args


def main() -> int:
    """Parse arguments and decode; returns the exit code."""
    args = parse()
    try:
        targets = read_targets(args.data)[: args.limit]
        clips, table = read_data_dir(args.references), args.references / "utt2ref"
        check_apart(args.out, args.data, args.references, clips)
        given = table.is_file()
        chosen = given_references(table, targets, clips) if given else choose_references(targets, clips, args.seed)
        pipeline = load_pipeline(
            args.model, device=args.device, torch_dtype=args.dtype, threads=args.threads, adapter=args.adapter
        )
        pipeline.set_progress_bar_config(disable=True)
        request_options, batch_options = (
            {name: value for name in names if (value := getattr(args, name)) is not None}
            for names in (REQUEST_OPTIONS, BATCH_OPTIONS)
        )
        asked = {**request_options, **batch_options}
        require_options(pipeline, asked)
        settings = model_settings(pipeline, str(args.model), args.device, args.dtype, args.adapter, **asked)
        tasks = tasks_of(pipeline, targets, chosen, request_options, batch_options, not args.no_transcripts, args.adapt)
        made = decode(pipeline, tasks, args.out, settings, args.seed, args.batch_size)
        spoken = [target for target in targets if target.utt in made.rows]
        if not spoken:
            raise DataError(f"none of the {len(targets)} utterances of {args.data} could be spoken")
        write_lines(args.out / "text", (f"{target.utt} {target.text}" for target in spoken))
        write_references(args.out / "references", {target.utt: chosen[target.utt] for target in spoken})
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"decode: error: {error}", file=sys.stderr)
        return 1
    if made.failed:
        print(f"decode: error: {len(made.failed)} of {len(targets)} utterances could not be spoken", file=sys.stderr)
    return 1 if made.failed and not args.skip_bad else 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
