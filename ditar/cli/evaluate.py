"""`ditar evaluate`: score synthesised audio files."""

import argparse


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "evaluate",
        help="score synthesised audio files",
        description="Word error, closed-set recognition, speaker similarity and failed outputs of audio files. Needs "
        "the extra: pip install '.[eval]'.",
    )
    command.add_argument("audio", metavar="DIR", help="<utt>.wav files, or a Kaldi folder with wav.scp")
    command.add_argument("text", metavar="TEXT", help="a Kaldi text file: what each utterance should say")
    command.add_argument("--references", metavar="DIR", help="reference clips, for speaker similarity")
    command.add_argument("--originals", metavar="DIR", help="recordings of the same utterances, to compare with")
    command.add_argument(
        "--closed-set", metavar="FILE", action="append", default=[], help="more sentences, as decoys; may be repeated"
    )
    command.add_argument("--output", metavar="DIR", help="folder for score.json, utterances.jsonl and score.md")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score, and print a table or JSON."""
    import json

    from ditar.evaluate.report import markdown
    from ditar.evaluate.score import score

    result = score(
        options.audio,
        options.text,
        reference_dir=options.references,
        original_dir=options.originals,
        closed_set=options.closed_set,
        out=options.output,
    )
    print(json.dumps(result, indent=2) if options.json else markdown(result), end="\n" if options.json else "")
    return 0
