"""`ditar bench`: speed, latency and memory of a checkpoint or of a configuration."""

import argparse

from ditar.cli.arguments import add_fast_option, device, number, part, whole
from ditar.cli.checks import check_model
from ditar.cli.interrupt import starting
from ditar.config.sampling import MOST_ROWS, MOST_STEPS, RANGES


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "bench",
        help="speed, latency and memory of a model",
        description="Real-time factor at several lengths, throughput against batch size, first-audio latency, peak "
        "memory, shares of the parts and FLOPs per second of audio, of a checkpoint or of a configuration with random "
        "weights. "
        "--steps, --guidance-scale, --guidance-steps, --distilled, --dtype, --threads take several values: the first "
        "of each is the base, the others are measured against it one at a time. No text decides the length: rows make "
        "exactly the length that is asked for.",
    )
    subject = command.add_mutually_exclusive_group()
    subject.add_argument("--model", metavar="DIR|HUB-ID", help="a checkpoint; by default the model that ships")
    add_fast_option(subject)
    subject.add_argument("--config", metavar="FILE", help="random weights of a file such as configs/ditar/0.1b.yaml")
    command.add_argument(
        "--lengths",
        type=number(0.1, 3600),
        nargs="+",
        default=[10.0, 30.0, 120.0],
        metavar="S",
        help="seconds, of the base and its ONNX forms",
    )
    command.add_argument("--batch-sizes", type=whole(1, MOST_ROWS), nargs="+", default=[1, 2, 4, 8], metavar="B")
    command.add_argument("--steps", type=whole(1, MOST_STEPS), nargs="+", metavar="N", help="(default: the model's)")
    command.add_argument("--guidance-scale", type=number(*RANGES["guidance_scale"]), nargs="+", metavar="G")
    command.add_argument(
        "--guidance-steps", nargs="+", type=part, metavar="LOW,HIGH", help="the part of the steps with guidance"
    )
    command.add_argument(
        "--prefix-cache",
        nargs="+",
        choices=["off", "on"],
        help="LocDiT with a cached prefix (default: as the model is)",
    )
    command.add_argument(
        "--cuda-graphs", nargs="+", choices=["off", "on"], default=["off"], help="LocDiT's steps recorded, on a GPU"
    )
    command.add_argument(
        "--distilled",
        nargs="+",
        choices=["off", "on"],
        help="LocDiT in the form of recipes/distil.py, one evaluation a step (default: as the model is; its speed is "
        "the same whatever it was taught)",
    )
    command.add_argument(
        "--onnx",
        nargs="+",
        choices=["float32", "int8"],
        default=[],
        help="behind each variant also a row of the same weights as ONNX, by ditar.onnx, on a CPU (extra `onnx`)",
    )
    command.add_argument("--dtype", nargs="+", choices=["float32", "bfloat16", "float16"], help="of DiTAR")
    command.add_argument(
        "--threads", type=whole(1, 1024), nargs="+", metavar="N", help="of torch (default: as torch has them)"
    )
    command.add_argument("--text", help="what the requests for first audio say (default: a short sentence)")
    command.add_argument("--repeats", type=whole(1, 1000), default=3, help="rounds over all cases (default 3)")
    command.add_argument(
        "--streams", type=whole(1, 10_000), default=20, help="requests for first audio, of each variant (default 20)"
    )
    command.add_argument("--device", type=device, default="auto", help="auto, cpu, cuda, cuda:1, ...")
    command.add_argument("--output", metavar="DIR", help="folder for bench.json, bench.md and bench.png")
    command.add_argument("--json", action="store_true", help="print JSON instead of tables")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, write and print."""
    import json
    from pathlib import Path

    if options.config is None:
        check_model(options.model)
    with starting():
        import torch

        from ditar.bench.setup import SENTENCE, Subject, variants_of
        from ditar.bench.study import bench, write_bench
        from ditar.bench.tables import bench_markdown
        from ditar.export.write import export_onnx
        from ditar.synthesis.loading import choose_device, choose_dtype

    out = None if options.output is None else Path(options.output)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # before minutes of work
    place = choose_device(options.device)
    if options.onnx and place.type != "cpu":
        raise ValueError(f"--onnx is measured on a CPU, and the device is {place}; add --device cpu")
    with starting():
        subject = Subject.random(options.config, place) if options.config else Subject.load(options.model, place)
    sampling = subject.sampling  # the model's own, unless an option says otherwise
    axes = {
        "steps": options.steps or [sampling.num_inference_steps],
        "guidance_scale": options.guidance_scale or [sampling.guidance_scale],
        "guidance_steps": options.guidance_steps or [sampling.guidance_steps],
        "solver": [sampling.solver],
        "time_grid": [sampling.time_grid],
        "prefix_cache": [v == "on" for v in options.prefix_cache or ()] or [subject.config.locdit_prefix_cached],
        "distilled": [v == "on" for v in options.distilled or ()] or [subject.config.is_distilled],
        "cuda_graphs": [v == "on" for v in options.cuda_graphs],
        "dtype": options.dtype or [str(choose_dtype("auto", place)).removeprefix("torch.")],
        "threads": options.threads or [torch.get_num_threads()],
    }
    result = bench(
        subject,
        variants_of(axes, options.onnx),
        lengths=options.lengths,
        batch_sizes=options.batch_sizes,
        repeats=options.repeats,
        streams=options.streams,
        export=export_onnx,
        text=SENTENCE if options.text is None else options.text,
    )
    if out is not None:
        write_bench(result, out)
    print(json.dumps(result, indent=2) if options.json else bench_markdown(result), end="\n" if options.json else "")
    return 0
