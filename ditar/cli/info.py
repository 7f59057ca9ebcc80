"""`ditar info`: parameters and FLOPs of a configuration, and what training it takes."""

import argparse
import json

from ditar.cli.arguments import number, whole


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "info",
        help="parameters and FLOPs of a configuration",
        description="Of a model: parameters per part, and FLOPs of a 3 s reference + 10 s of output + 130 text tokens "
        "(DiTAR: at NFE 10 with guidance), counted on the meta device: nothing is allocated. Of a VAE: parameters, and "
        "FLOPs of a second of audio. With --train what training a DiTAR takes: memory of a rank, FLOPs, time, cost.",
    )
    command.add_argument(
        "config", metavar="CONFIG", help="a YAML file like those in configs/ditar, configs/vae and configs/baseline"
    )
    command.add_argument("--train", action="store_true", help="what the configuration's whole training takes")
    command.add_argument("--gpus", metavar="N", type=whole(1, 1_000_000), default=1, help="for --train (default 1)")
    command.add_argument(
        "--peak-tflops", metavar="T", type=number(0.001, 1e6), default=312.0,
        help="for --train: of one GPU, in the run's precision (default 312, an A100 in bf16; an H100 has 989)",
    )  # fmt: skip
    command.add_argument(
        "--mfu",
        metavar="SHARE",
        type=number(0.001, 1.0),
        default=0.4,
        help="for --train: of the peak that is reached (default 0.4)",
    )
    command.add_argument("--price", metavar="P", type=number(0.0, 1e6), help="for --train: of an hour of one GPU")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the parts and the cost of a configuration's model, or of its training."""
    from ditar.config import BaselineConfig, ConfigError, DiTARConfig, VAEConfig, load_config, nearest_kind

    kind = nearest_kind(options.config, (DiTARConfig, VAEConfig, BaselineConfig))
    config = load_config(options.config, kind)
    if options.train:
        if kind is not DiTARConfig:
            raise ConfigError(f"--train is for a file like those in configs/ditar, and {options.config} is none")
        return _print_plan(config, options)

    if kind is VAEConfig:
        from ditar.vae.info import describe_vae as describe
    elif kind is BaselineConfig:
        from ditar.baseline.info import describe_baseline as describe
    else:
        from ditar.model.info import describe_ditar as describe

    description = describe(config)
    if options.json:
        print(json.dumps(description, indent=2))
        return 0
    for part, parameters in description["parameters"].items():
        print(f"{part:<20} {parameters / 1e6:10.2f} M parameters")
    for name, count, ours in description.get("published", []):
        print(f"{'published':<20} {count / 1e6:10.2f} M, here {ours / 1e6:.2f} M: {name}")
    for part, cost in description.get("gflops_per_second", {}).items():
        print(f"{part:<20} {cost:10.3f} GFLOPs per second of audio")
    if "tflops" in description:
        how = ", NFE 10, guidance" if kind is DiTARConfig else ", its own guidance"
        print(f"{'cost':<20} {description['tflops']:10.3f} TFLOPs for 3 s reference + 10 s output{how}")
    return 0


def _print_plan(config, options: argparse.Namespace) -> int:
    from ditar.train.plan import Machine, plan

    found = plan(config, Machine(options.gpus, options.peak_tflops, options.mfu, options.price))
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    whole, sharded = found["bytes_of_a_rank"], found["bytes_of_a_rank_sharded"]
    kept = ("activations", "activations_checkpointing")
    named = {name: name for name in whole} | {kept[1]: "or with run.activation_checkpointing"}
    rows = [(named[name], whole[name], sharded[name]) for name in whole]
    for name, said in zip(kept, ("in all", named[kept[1]]), strict=True):
        rows.append((said, *(sum(held[n] for n in held if n not in kept) + held[name] for held in (whole, sharded))))
    print(f"{'memory of a rank':<38} {'whole':>8}     {'sharded (configs/accelerate/fsdp.yaml)'}")
    for name, of_whole, of_sharded in rows:
        print(f"{name:<38} {of_whole / 2**30:8.2f} GiB {of_sharded / 2**30:8.2f} GiB")
    patches = found["patches_a_step"]
    print(f"{'arithmetic':<38} {_digits(found['flops_a_step'] / 1e12)} TFLOPs a step of {patches} patches")
    at = f"{options.gpus} GPUs of {options.peak_tflops:g} TFLOP/s at an MFU of {options.mfu:g}"
    tokens = found["patches_a_second"] * config.model.patch_frames
    said = f"patches a second ({tokens:.0f} tokens, which are latent frames), {found['step_s']:.3f} s a step: {at}"
    print(f"{'speed':<38} {found['patches_a_second']:8.0f} {said}")
    print(f"{'time':<38} {found['days']:8.2f} days for {found['steps']} steps, {found['gpu_hours']:.0f} GPU hours")
    if found["cost"] is not None:
        print(f"{'cost':<38} {found['cost']:8.0f} at {options.price:g} an hour of a GPU")
    return 0


def _digits(value: float) -> str:
    """Of eight places, three digits or more."""
    return f"{value:8.1f}" if value >= 100 else f"{value:8.3g}"
