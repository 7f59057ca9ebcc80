"""`ditar export`: a model in another form."""

import argparse
from pathlib import Path

from ditar.cli.arguments import add_adapter_option
from ditar.cli.checks import check_model
from ditar.cli.interrupt import starting
from ditar.cli.streams import one_line


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "export",
        help="write a model as ONNX, which ditar.onnx speaks from without torch",
        description="Write a model, with the voices that ship and those of --voice, as a folder of ONNX graphs and "
        "tables. `python -m ditar.onnx --model DIR` speaks from it, with onnxruntime and without torch. "
        "(recipes/export.py makes a model's folder of the checkpoints of a training.) Needs the extra `onnx`.",
    )
    command.add_argument(
        "model", metavar="MODEL", help="a model's folder, its name on the hub, `shipped`, or `fast`, its distilled form"
    )
    command.add_argument("folder", metavar="DIR", help="where to write")
    command.add_argument("--format", choices=["onnx"], required=True, help="the form")
    command.add_argument(
        "--quantise", choices=["int8"], help="weights of matrix products in 8 bits: two fifths of the size"
    )
    add_adapter_option(command)
    command.add_argument(
        "--voice", metavar="NAME|FILE", action="append", default=[],
        help="a voice of yours, a name or a file of `ditar voice`, to write with those that ship; may be repeated",
    )  # fmt: skip
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the folder and print its size."""
    from ditar.synthesis.model_folder import named_folder, voices_of

    model = str(named_folder(options.model))
    kind = check_model(model, options.adapter)
    folder = Path(options.folder)
    if kind == "TokenPipeline":
        raise ValueError(f"{options.model} draws tokens, and only models with diffusion can be exported")
    if not folder.parent.is_dir():
        raise ValueError(f"the folder {folder.parent} does not exist; create it with: mkdir -p {folder.parent}")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give another name")
    from ditar.cli import printing
    from ditar.synthesis.voice_names import read_voice

    sources = [read_voice(name, of_model=voices_of(model, options.adapter)) for name in options.voice]
    with starting():
        from ditar.cli import printing
        from ditar.cli.learning import chosen_voice
        from ditar.export.write import export_onnx
        from ditar.synthesis.pipeline import ContinuousPipeline
        from ditar.synthesis.voice import voice_warnings

        pipeline = ContinuousPipeline.from_pretrained(model, threads=1, adapter=options.adapter)
    voices = [chosen_voice(source, pipeline, None, "ditar voice create --no-adapt") for source in sources]
    printing.warn(line for voice in voices for line in voice_warnings(voice))
    size = export_onnx(pipeline, folder, quantise=options.quantise is not None, more_voices=voices)
    print(f"{one_line(str(folder))}: {size / 1e6:.1f} MB")
    return 0
