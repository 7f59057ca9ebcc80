"""`ditar <command>`: argument parsing only, a module per command with `add_parser(commands)` and `run(options) -> int`.

Commands import what they need when they run, so that --help needs no torch.
"""

import gc
import os
import signal
import sys
from collections.abc import Sequence

from ditar import __version__
from ditar.cli.arguments import CommandParser
from ditar.cli.interrupt import starting
from ditar.cli.streams import one_line, prepare_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed (one line says why), 2 bad usage, 130 interrupted."""
    prepare_streams()
    with starting():
        parser = build_parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    # Threads that wait for each other's next small product: if they sleep at once, speech takes twice as long; if they
    # spin for long, two programs on the same cores slow each other down many times over. So they spin for some 50 us.
    # OpenMP reads this when torch is imported, which a command does when it runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    # oneDNN compiles its convolutions for every length of audio and caches 1024 of them: 60 MB in an hour of sentences.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("ditar: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except (ValueError, OSError, ImportError) as error:  # every error class of the package is a ValueError
        # The system's messages about files come with a number that means nothing to a person.
        plain = isinstance(error, OSError) and error.filename and error.strerror
        reason = f"{error.filename}: {error.strerror}" if plain else str(error)
        print(f"ditar: error: {one_line(' '.join(reason.split()))}", file=sys.stderr)
        return 1


def program() -> int:
    """`ditar` as a process of its own: `main`, and an end without looking through all that was imported for garbage,
    which takes as long as importing a quarter of torch."""
    try:
        code = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt
    except KeyboardInterrupt:  # a second one, while `main` said that there was one
        code = 130
    gc.freeze()
    return code


def build_parser() -> CommandParser:
    """The parser of all commands."""
    # Here, since they take half a second: so long would Ctrl-C be a traceback.
    from ditar.cli import bench, evaluate, export, finetune, info, load, report, serve
    from ditar.cli import sweep, synthesize, text, validate_data, voice

    parser = CommandParser(prog="ditar", description="Speech from text, in the voice of a short recording.")
    parser.add_argument("--version", action="version", version=f"ditar {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (
        synthesize, serve, text, voice, finetune, export, info, evaluate, sweep, report, bench, load, validate_data,
    ):  # fmt: skip
        command.add_parser(commands)
    return parser
