"""`ditar info`: parameters and FLOPs of a configuration."""

import argparse
import json


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "info",
        help="parameters and FLOPs of a configuration",
        description="Of a model: parameters per part, and FLOPs of a 3 s reference + 10 s of output + 130 text tokens "
        "(DiTAR: at NFE 10 with guidance), counted on the meta device: nothing is allocated. Of a VAE: parameters, and "
        "FLOPs of a second of audio.",
    )
    command.add_argument(
        "config", metavar="CONFIG", help="a YAML file like those in configs/ditar, configs/vae and configs/baseline"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the parts and the cost of a configuration's model."""
    from ditar.config import BaselineConfig, DiTARConfig, VAEConfig, load_config, nearest_kind

    kind = nearest_kind(options.config, (DiTARConfig, VAEConfig, BaselineConfig))
    config = load_config(options.config, kind)

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
