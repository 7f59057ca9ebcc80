"""`ditar evaluate`: its options, passed on."""

import argparse

from ditar.cli.arguments import add_recogniser_options, whole
from ditar.cli.interrupt import starting
from ditar.evaluate.metrics import DESCRIPTIONS, NEEDS, ON_REQUEST
from ditar.extras import install_line


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    needs = {name: f" (with {need})" for name, need in NEEDS.items() if need != "TEXT"}
    command = commands.add_parser(
        "evaluate",
        help="score synthesised audio files",
        description="Judge a folder of audio files from the files only, with 95 % intervals, against originals and "
        f"another system by pairs. Needs the extra 'eval'; {install_line('eval')}.",
        epilog="metrics: " + "; ".join(f"{name}{needs.get(name, '')}: {text}" for name, text in DESCRIPTIONS.items()),
    )
    command.add_argument("audio", metavar="DIR", help="<utt>.wav files, or a Kaldi folder with wav.scp")
    command.add_argument(
        "text",
        metavar="TEXT",
        nargs="?",
        help="a Kaldi text file: what each utterance should say; by default `text` in DIR or its parent folder, "
        "or the manifest.jsonl of `ditar synthesize --output-dir`",
    )
    command.add_argument("--references", metavar="DIR", help="reference clips, for speaker similarity")
    command.add_argument("--originals", metavar="DIR", help="recordings of the same utterances, to compare with")
    command.add_argument("--against", metavar="DIR", help="another system: its audio, or the --output of its scores")
    command.add_argument(
        "--runs",
        metavar="DIR",
        action="append",
        default=[],
        help="the same utterances made with another seed; may be repeated",
    )
    command.add_argument(
        "--closed-set", metavar="FILE", action="append", default=[], help="more sentences, as decoys; may be repeated"
    )
    command.add_argument(
        "--metrics",
        metavar="NAME,...",
        help=f"what to measure, see below; by default everything possible except {', '.join(ON_REQUEST)}",
    )
    add_recogniser_options(command)
    command.add_argument(
        "--embedder",
        metavar="NAME",
        default="resemblyzer",
        help="resemblyzer (offline, the default), or a checkpoint with an x-vector head, such as "
        "microsoft/wavlm-base-plus-sv",
    )
    command.add_argument("--utmos", metavar="FILE", help="UTMOS as TorchScript, or a folder that holds it")
    command.add_argument(
        "--device", default="cpu", help="of Whisper, checkpoints, DistillMOS and UTMOS: cpu (the default), cuda, ..."
    )
    command.add_argument("--language", metavar="NAME", default="en-us", help="espeak-ng's name of what is spoken")
    command.add_argument(
        "--threads",
        metavar="N",
        type=whole(1, 1024),
        help="cores to use: processes that hear files, and threads of large models (default: every core for the "
        "former, for the latter as many as are fastest)",
    )
    command.add_argument("--worst", metavar="N", type=whole(0, 1000), default=5, help="how many of the worst to list")
    command.add_argument("--output", metavar="DIR", help="folder for scores.json, utterances.jsonl, scores.md, plots")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score, and print a table or JSON."""
    import json

    with starting():
        from ditar.evaluate.report import evaluation_markdown
        from ditar.evaluate.score import score
        from ditar.storage.provenance import provenance
        from ditar.text.phonemise import espeak_language

    if options.threads is not None:
        with starting():
            import torch

        torch.set_num_threads(options.threads)
    result = score(
        options.audio,
        options.text,
        reference_dir=options.references,
        original_dir=options.originals,
        closed_set=options.closed_set,
        out=options.output,
        workers=options.threads,
        metrics=None if options.metrics is None else [name for name in options.metrics.split(",") if name],
        against=options.against,
        runs=options.runs,
        recogniser=options.recogniser,
        normaliser=options.normaliser,
        embedder=options.embedder,
        utmos=options.utmos,
        device=options.device,
        language=espeak_language(options.language),
        worst=options.worst,
        provenance=provenance(),
        loading=starting,
    )
    print(
        json.dumps(result, indent=2) if options.json else evaluation_markdown(result), end="\n" if options.json else ""
    )
    return 0
