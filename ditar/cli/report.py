"""`ditar report`: RESULTS.md from result files."""

import argparse


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "report",
        help="write sections of RESULTS.md from result files",
        description="Write a section into a Markdown file for each result file of `ditar evaluate`, `ditar sweep` and "
        "`ditar bench`: date, commit, command, environment, table, plots (copied to the folder results next to it). A "
        "section replaces the one of the same name; everything else in the file stays. A result of another version is "
        "refused, and then nothing is written.",
    )
    command.add_argument("document", metavar="RESULTS.md", help="made if there is none")
    command.add_argument("results", metavar="RESULT.json", nargs="+", help="scores.json, sweep.json, bench.json, ...")
    command.add_argument("--name", action="append", default=[], help="of a section (default: its result's folder)")
    command.add_argument("--title", action="append", default=[], help="heading of a section")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write, and say what was written."""
    from ditar.report.write import report

    report(options.document, options.results, options.name, options.title, kinds())
    print(f"{options.document}: {len(options.results)} section{'s' if len(options.results) > 1 else ''} written")
    return 0


def kinds() -> dict:
    """Every kind of result: (version, its Markdown)."""
    from ditar.bench import tables as bench
    from ditar.report.results import KINDS
    from ditar.sweep import tables as sweep

    others = {"sweep": (sweep.VERSION, sweep.sweep_markdown), "bench": (bench.VERSION, bench.bench_markdown)}
    return {"evaluation": KINDS["evaluation"], **others, **KINDS}
