"""`ditar finetune`: a model of a voice from a folder of recordings."""

import argparse
from pathlib import Path

from ditar.cli.arguments import DefaultsShown, add_model_options, number, whole
from ditar.cli.checks import check_model
from ditar.cli.interrupt import starting
from ditar.cli.streams import one_line
from ditar.config.cores import usable_cores
from ditar.config.program import exit_code
from ditar.finetune.settings import FinetuneSettings
from ditar.recognise.choose import AUTO, NONE, WAYS
from ditar.synthesis.model_folder import VOICES


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "finetune",
        help="teach a model a voice, from a folder of recordings",
        description="Make a model of a voice from a few minutes of it, or more. Recordings are checked, aligned and "
        "cut at pauses; those without a text are heard. Some are held out, and training ends when their word error and "
        "likeness get no better. The model that it begins with stays as it is. After an interruption the same command "
        "goes on. Needs the extra `finetune`.",
        formatter_class=DefaultsShown,
    )
    command.add_argument(
        "data", metavar="DIR", help="the recordings: audio files, with NAME.txt beside each or without; or LJ Speech's "
        "metadata.csv and wavs; or, of one speaker or several, a Kaldi data directory, or utterances.tsv with a folder "
        "of audio",
    )  # fmt: skip
    command.add_argument(
        "--output", metavar="DIR", required=True, help="folder for the model, or with --lora for the adapter, and for "
        "before_after.html, a page to listen to",
    )  # fmt: skip
    command.add_argument(
        "--lora", metavar="RANK", type=whole(1, 1024), help="train an adapter of this rank, such as 16, and not all "
        "weights; `ditar synthesize --adapter` speaks with it",
    )  # fmt: skip
    command.add_argument(
        "--skip-bad", action="store_true", help="leave out recordings that cannot be used, and say which"
    )
    command.add_argument(
        "--steps",
        metavar="N",
        type=whole(1, 1_000_000),
        default=FinetuneSettings.steps,
        help="most steps of training; 2,000 suit an hour of speech",
    )
    command.add_argument(
        "--learning-rate", metavar="X", type=number(1e-8, 1.0), help="highest rate of training (default: 0.0002; 0.001 "
        "with --lora)",
    )  # fmt: skip
    command.add_argument(
        "--validate-every", metavar="N", type=whole(1, 100_000), default=FinetuneSettings.validate_every,
        help="steps between two hearings of what is held out, and between checkpoints",
    )  # fmt: skip
    command.add_argument(
        "--patience", metavar="N", type=whole(1, 1000), default=FinetuneSettings.patience,
        help="training ends after so many hearings without a better one",
    )  # fmt: skip
    command.add_argument(
        "--recogniser", metavar="NAME", default=AUTO, help=f"who hears what is held out, and recordings without a "
        f"text. {AUTO}: Whisper tiny.en; or {WAYS}; {NONE}: nobody, and the validation loss ends the training",
    )  # fmt: skip
    command.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=FinetuneSettings.seed, help="of training and of what is held out"
    )
    command.add_argument(
        "--processes", metavar="N", type=whole(1, 1024), default=usable_cores(), help="processes that prepare the data"
    )
    add_model_options(command, dtype=False, devices="auto, cpu, or cuda, of which CUDA_VISIBLE_DEVICES chooses one")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fine-tune; 0 when the model is written."""
    kind = check_model(options.model)
    if kind == "TokenPipeline":
        raise ValueError(f"--model {options.model} draws tokens; fine-tuning is for models with diffusion")
    if options.device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device {options.device}: give cuda, and choose the GPU with CUDA_VISIBLE_DEVICES")
    with starting():
        from ditar.finetune.run import best_validation, finetune, warnings_of
        from ditar.train.program import ERRORS
    settings = FinetuneSettings(
        data=Path(options.data),
        output=Path(options.output),
        **{name: getattr(options, name) for name in (
            "model", "lora", "steps", "learning_rate", "validate_every", "patience", "language", "recogniser",
            "skip_bad", "device", "threads", "seed", "processes",
        )},
    )  # fmt: skip

    def work() -> None:
        result = finetune(settings)
        for warning in warnings_of(result):
            print(f"ditar: warning: {warning}")
        how = "--adapter" if options.lora is not None else "--model"
        step, page = best_validation(result)["step"], one_line(str(settings.output / "before_after.html"))
        made = one_line(options.output)
        voices = [voice.stem for voice in sorted((settings.output / VOICES).glob("*.safetensors"))]
        whose = "" if len(voices) == 1 else f" and --voice {'|'.join(map(one_line, voices))}"
        print(f"{made}: step {step} is the best; listen to {page}, speak with {how} {made}{whose}")

    return exit_code(work, "ditar finetune", ERRORS, keeps=True)
