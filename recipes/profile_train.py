"""Where the time of DiTAR's training goes: patches a second, share of each part, padding, memory.

    python recipes/profile_train.py --config configs/ditar/small.yaml --latents exp/latents/train [--steps 10]
    [--compile]

Prints a Markdown table from one run; nothing is written. What is timed: ditar/bench/training.py. MFU is printed if
--peak-tflops is given. recipes/gpu_figures.py measures this and synthesis in one call.
"""

import argparse
import sys
from pathlib import Path

import torch

from ditar.bench.training import time_training
from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics


def main() -> int:
    """Parse arguments, run, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--latents", required=True, type=Path, help="latents of the training set, with statistics")
    parser.add_argument("--steps", type=positive, default=10)
    parser.add_argument("--compile", action="store_true", help="as run.compile_blocks; reports its warm-up")
    parser.add_argument("--peak-tflops", type=float, help="of the device in this precision, for MFU")
    parser.add_argument("--cpu", action="store_true")
    args = parser.parse_args()
    try:
        config = load_config(args.config, DiTARConfig)
        store = LatentStore(args.latents, *read_statistics(args.latents))
        device = torch.device("cuda" if torch.cuda.is_available() and not args.cpu else "cpu")
        found = time_training(config, store, device, args.steps, "inductor" if args.compile else None)
    except (ConfigError, DataError) as error:
        print(f"profile_train: error: {error}", file=sys.stderr)
        return 1
    print(f"| {args.config.name}, {device}, torch {torch.__version__}, {torch.get_num_threads()} threads | |")
    print(f"| --- | --- |\n| patches a second | {found['patches_a_second']:.0f} |")
    print(f"| seconds a step | {found['step_s']:.3f} |")
    for name, share in found["shares"].items():
        print(f"| {name} | {share:.0%} |")
    for name, share in found["parts"].items():
        print(f"| {name}, forward and backward alone | {share:.0%} |")
    print(f"| places that are padding | {found['padding']:.1%} |\n| peak memory | {found['peak_gib']:.2f} GiB |")
    print(f"| first two steps{' with torch.compile' if args.compile else ''} | {found['warm_up_s']:.1f} s |")
    print(f"| arithmetic | {found['tflops']:.3f} TFLOP/s |")
    if args.peak_tflops:
        print(f"| MFU | {found['tflops'] / args.peak_tflops:.1%} |")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
