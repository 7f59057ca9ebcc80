"""`ditar sweep`: speak and score a grid of sampling settings."""

import argparse
from pathlib import Path

from ditar.cli.arguments import add_model_options, add_recogniser_options, number, whole
from ditar.cli.checks import check_model
from ditar.cli.interrupt import starting
from ditar.config.numbers import MAX_SEED
from ditar.config.sampling import BATCH_SIZE, MOST_RETRIES, MOST_ROWS, MOST_STEPS, RANGES, SOLVERS, TIME_GRIDS
from ditar.extras import install_line

AXES = ("temperature", "guidance_scale", "steps", "solver", "time_grid", "top_k", "seed")


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "sweep",
        help="speak and score a grid of sampling settings",
        description="Speak every pair of text and reference at every point of a grid with every seed: the model is "
        "loaded once and batches are filled across grid points. Writes WAVs, sweep.csv, sweep.md, plots, sweep.json "
        "and sweep.html, a page to listen to. Run again, it keeps what is finished. Axes come from --grid, and options "
        "replace them; without both, the model's own settings with seeds 0 1 2. Needs the extra 'eval'; "
        f"{install_line('eval')}.",
    )
    spoken = command.add_mutually_exclusive_group(required=True)
    spoken.add_argument(
        "--pairs", metavar="FILE", help="lines `id<TAB>text`, or `id<TAB>text<TAB>clip<TAB>what is said in the clip`"
    )
    spoken.add_argument(
        "--text", action="append", metavar="TEXT", help="a text in the voice that ships; may be repeated"
    )
    command.add_argument("--output", required=True, metavar="DIR", help="folder for everything; made if need be")
    command.add_argument(
        "--grid", metavar="FILE", help="YAML with every axis, such as egs/generated/conf/sweep_temperature.yaml"
    )
    add_model_options(command, fast=True)
    axes = command.add_argument_group("axes of the grid, one or more values each")
    axes.add_argument("--temperature", type=number(*RANGES["temperature"]), nargs="+", metavar="T")
    axes.add_argument(
        "--guidance-scale",
        type=number(*RANGES["guidance_scale"]),
        nargs="+",
        metavar="G",
        help="1 + w of the paper; 1 is off",
    )
    axes.add_argument("--steps", type=whole(1, MOST_STEPS), nargs="+", metavar="N", help="diffusion steps (NFE)")
    axes.add_argument("--solver", nargs="+", choices=SOLVERS)
    axes.add_argument("--time-grid", nargs="+", choices=TIME_GRIDS)
    axes.add_argument("--top-k", type=whole(1, 1000), nargs="+", metavar="K", help="for the discrete baseline")
    axes.add_argument("--seed", type=whole(0, MAX_SEED, "2^63 - 1"), nargs="+", metavar="S")
    command.add_argument(
        "--batch-size", type=whole(1, MOST_ROWS), default=BATCH_SIZE, help="rows of a batch (default %(default)s)"
    )
    command.add_argument(
        "--max-retries",
        type=whole(0, MOST_RETRIES),
        default=0,
        help="new attempts at an output that fails (default 0: failures count)",
    )
    command.add_argument(
        "--page-mb", type=number(0.1, 10_000), default=20.0, help="size limit of the page in MB (default 20)"
    )
    add_recogniser_options(command)
    command.add_argument("--workers", type=whole(1, 1000), help="processes that judge (default: one per core)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check everything, sweep, and print the table."""
    from ditar.sweep import SweepError
    from ditar.sweep.grid import Grid, TokenGrid, check_grid, override, read_grid
    from ditar.sweep.pairs import read_pairs, text_pairs

    kind = check_model(options.model)
    draws_tokens = options.top_k or kind == "TokenPipeline"
    grid = read_grid(options.grid) if options.grid else TokenGrid() if draws_tokens else Grid()
    asked = {axis: getattr(options, axis) for axis in AXES}
    check_grid(override(grid, asked))
    pairs = read_pairs(options.pairs) if options.pairs else text_pairs(options.text)
    out = Path(options.output)
    if out.exists() and not out.is_dir():
        raise SweepError(f"{out} is not a folder; choose another place")

    with starting():
        from ditar.storage.lock import only_writer
        from ditar.sweep import speak, study
        from ditar.sweep.tables import sweep_markdown

    out.mkdir(parents=True, exist_ok=True)
    with only_writer(out):
        with starting():
            pipeline = speak.load_sweep_pipeline(options.model, options.device, options.dtype, options.threads)
        if not options.grid:  # what no option names is the model's own
            speak.check_pipeline(pipeline, grid)
            grid = type(grid).of(pipeline, asked)
            check_grid(override(grid, asked))
        result = study.study(
            pipeline,
            override(grid, asked),
            pairs,
            out,
            model=options.model or "the model that ships",
            batch_size=options.batch_size,
            max_retries=options.max_retries,
            language=options.language,
            page_mb=options.page_mb,
            workers=options.workers,
            recogniser=options.recogniser,
            normaliser=options.normaliser,
            loading=starting,
        )
    print(sweep_markdown(result), end="")
    page = result["page"]
    print(
        f"\n{out / page['file']}: {page['bytes'] / 1e6:.1f} MB, {page['embedded']} of {page['outputs']} outputs in it"
    )
    return 0
