"""Options that commands share, and types of option values whose errors name the range and the value."""

import argparse
import copy
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from ditar.cli.streams import one_line
from ditar.config.ranges import did_you_mean
from ditar.recognise.choose import COMPARISONS, DEFAULT, NORMALISERS, WAYS


class CommandParser(argparse.ArgumentParser):
    """Reports a wrong command line in one line, without thirty of usage above it, and an unknown option before what is
    missing, since it may be that, misspelt. So do subparsers."""

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, but what is unknown is an error."""
        words = sys.argv[1:] if args is None else args
        required = [one for one in (*self._actions, *self._mutually_exclusive_groups) if one.required]
        if {"-h", "--help"}.intersection(words):  # which says what is required
            required = []
        for one in required:
            one.required = False
        try:
            found, unknown = super().parse_known_args(args, copy.copy(namespace))
        finally:
            for one in required:
                one.required = True
        if unknown:
            self.error(self._about(unknown))
        return super().parse_known_args(args, namespace) if required else (found, unknown)

    def _about(self, unknown: Sequence[str]) -> str:
        option = next((word.partition("=")[0] for word in unknown if re.match(r"--?\w", word)), None)
        if option is None:
            return f"unrecognized arguments: {' '.join(unknown)}"
        hint = did_you_mean(option, [name for action in self._actions for name in action.option_strings])
        return f"unknown option {option}" + (f"; {hint}" if hint else "")

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)}; see {self.prog} --help\n")


class DefaultsShown(argparse.ArgumentDefaultsHelpFormatter):
    """Help with the informative defaults: not those of flags, nor None, nor an empty list."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        silent = action.default is None or action.default is False or action.default == []  # 0 equals False
        return action.help if silent else super()._get_help_string(action)


def add_model_options(
    command: argparse.ArgumentParser,
    dtype: bool = True,
    language: bool = True,
    adapter: bool = False,
    fast: bool = False,
    devices: str = "auto, cpu, cuda, cuda:1, ...",
) -> None:
    """The model, with `fast` its distilled form instead, with `adapter` an adapter of it, with `language` the language
    (espeak-ng's name), the device and, with `dtype`, the number format."""
    group = command.add_argument_group("model and computer")
    model = group.add_mutually_exclusive_group()
    model.add_argument(
        "--model", metavar="DIR|HUB-ID", help="a model: its folder, or its name on the Hugging Face hub (default: the "
        "one that ships)",
    )  # fmt: skip
    if fast:
        add_fast_option(model)
    if adapter:
        add_adapter_option(group)
    if language:
        group.add_argument("--language", default="en-us", help="language of the texts, by espeak-ng's name")
    group.add_argument("--device", type=device, default="auto", help=f"where to compute: {devices}")
    group.add_argument(
        "--threads",
        metavar="N",
        type=whole(1, 1024),
        help="threads of torch on a CPU (default: OMP_NUM_THREADS if it is set, else as many as are fastest when the "
        "command starts, on a busy machine often 1)",
    )
    if dtype:
        group.add_argument(
            "--dtype",
            choices=["auto", "float32", "bfloat16", "float16"],
            default="auto",
            help="number format of the model; auto: bfloat16 on a GPU, float32 elsewhere",
        )


def add_adapter_option(command: argparse._ActionsContainer) -> None:
    """--adapter."""
    command.add_argument("--adapter", metavar="DIR", help="an adapter of this model, from `ditar finetune --lora`")


def add_fast_option(model: argparse._MutuallyExclusiveGroup) -> None:
    """The distilled model that ships, as the value of --model."""
    from ditar.synthesis.model_folder import FAST_MODEL

    model.add_argument(
        "--fast",
        dest="model",
        action="store_const",
        const=str(FAST_MODEL),
        default=None,
        help="the distilled form of the model that ships: faster, by fewer steps of one evaluation each",
    )


def add_recogniser_options(command: argparse.ArgumentParser) -> None:
    """The recogniser of words, and how they are compared."""
    command.add_argument("--recogniser", metavar="NAME", default=DEFAULT, help=f"{WAYS} (default %(default)s)")
    command.add_argument("--normaliser", choices=NORMALISERS, help=COMPARISONS)


def add_clip_options(
    command: argparse._ActionsContainer, instead: argparse._MutuallyExclusiveGroup | None = None
) -> None:
    """A reference clip, what is said in it, and whether it is learnt from; `adapt` None: nothing is said about that.
    instead: what else may be given in place of the clip."""
    (instead or command).add_argument(
        "--prompt-audio",
        metavar="FILE|-",
        help="a recording of the voice, 0.5 to 30 s: WAV, FLAC, OGG, MP3 or, with the extra `eval`, a phone's M4A; "
        "- is standard input",
    )
    command.add_argument(
        "--prompt-text",
        metavar="TEXT",
        help="exactly what is said in the recording; auto: Whisper tiny.en hears it (English; needs the extra `eval`). "
        "Without it more words may go wrong, and the voice is not learnt",
    )
    command.add_argument(
        "--adapt",
        action=argparse.BooleanOptionalAction,
        help="whether the voice is learnt from the recording, which makes it much more alike and takes about as long "
        "as the recording lasts, once: the result is kept in the user's cache. By default it is learnt if its words "
        "are known, it has no noise and no echo, and the model can; voices that ship are only heard. --adapt: learn in "
        "spite of noise, echo and doubtful words, and fail where that is impossible. --no-adapt: only hear it, as in "
        "the paper",
    )
    command.add_argument(
        "--denoise",
        action="store_true",
        help="take the noise out of a noisy recording before it is heard (RNNoise; needs the extra `denoise`)",
    )


def add_lexicon_option(command: argparse._ActionsContainer) -> None:
    """A file of pronunciations."""
    command.add_argument(
        "--lexicon",
        metavar="FILE",
        help="pronunciations: lines word<TAB>IPA, or word<TAB>CMU's symbols; a third column limits a line to one "
        "language. In a text itself, [word](/ipa/) does the same",
    )


def number(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}, got {text!r}")
        return value

    return parse


def whole(low: int, high: int, shown: str = "") -> Callable[[str], int]:
    """A whole number from `low` to `high`, which errors write as `shown`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {shown or high}, got {text!r}")
        return int(text)

    return parse


def part(text: str) -> tuple[float, float]:
    """LOW,HIGH: a part of the diffusion steps, 0 <= low < high <= 1."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = float("nan")
    if not 0.0 <= low < high <= 1.0:
        raise argparse.ArgumentTypeError(f"must be LOW,HIGH with 0 <= LOW < HIGH <= 1, such as 0,0.5, got {text!r}")
    return low, high


def device(text: str) -> str:
    """A device name that torch may know; whether it exists is checked later."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"must be auto, cpu, mps, cuda or cuda:N, got {text!r}")
    return text
