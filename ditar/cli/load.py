"""`ditar load`: a running server, measured with many clients."""

import argparse

from ditar.cli.arguments import DefaultsShown, number, whole


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "load",
        help="measure a running `ditar serve` with many clients",
        description="Ask a running server for speech, from more and more clients in turns: first audio, throughput, "
        "refusals, memory, and whether each client hears what it would hear alone.",
        formatter_class=DefaultsShown,
    )
    command.add_argument("url", metavar="URL", help="such as http://127.0.0.1:8000")
    command.add_argument("--clients", type=whole(1, 1000), nargs="+", default=[1, 8, 32], metavar="N", help="at a time")
    command.add_argument("--seconds", type=number(0.1, 86_400), default=120.0, help="of each phase")
    command.add_argument(
        "--overload", type=whole(0, 100), default=8, help="a last phase of so many times the server's places; 0: none"
    )
    command.add_argument("--api-key-file", metavar="F", help="the server's; the first key is used")
    command.add_argument("--pid", type=whole(1, 2**31), help="of the server, on this machine: its memory is measured")
    command.add_argument("--output", metavar="DIR", help="folder for load.json and load.md")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, write and print; 1 where a client heard something wrong, or failed."""
    import json
    import sys
    from pathlib import Path

    from ditar.bench.load import SpeechClient, load_markdown, measure_load
    from ditar.serve.settings import read_keys
    from ditar.storage.atomic_write import write_lines

    key = None if options.api_key_file is None else read_keys(options.api_key_file)[0]
    folder = None if options.output is None else Path(options.output)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)  # before minutes of work
    result = measure_load(
        SpeechClient(options.url, key), options.clients, options.seconds, options.overload, options.pid,
        lambda line: print(f"ditar: {line}", file=sys.stderr, flush=True),
    )  # fmt: skip
    if folder is not None:
        write_lines(folder / "load.json", [json.dumps(result, indent=2)])
        write_lines(folder / "load.md", [load_markdown(result).rstrip("\n")])
    print(json.dumps(result, indent=2) if options.json else load_markdown(result), end="\n" if options.json else "")
    return int(any(row["failed"] or row["wrong"] for row in result["phases"]))
