"""The losses of the first steps of a training with one process and with more, side by side.

    python recipes/compare_ranks.py --config configs/ditar/quick.yaml --train exp/latents/train --valid exp/latents/valid \\
        --out exp/ranks [--ranks 1 2 4] [--steps 6] [--batch-patches 256]

Trains on the CPU in float32 (processes of gloo), with weights on every rank and, with several, also sharded (FSDP2); each
run in its folder of OUT. Prints a Markdown table, also written to OUT/ranks.md. Fails if a loss differs by more than
--tolerance, relatively: sums in another order differ by rounding, and nothing else may.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import yaml

from ditar.config import ConfigError, DiTARConfig, load_config, to_dict
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.errors import DataError
from ditar.storage.atomic_write import write_lines

ROOT = Path(__file__).parents[1]
LOSS = "train/loss"


def short_run(config: DiTARConfig, steps: int, batch_patches: int | None) -> DiTARConfig:
    """The beginning of a run of this configuration, in float32, with every loss in its log."""
    data = config.data if batch_patches is None else replace(config.data, batch_patches=batch_patches)
    never = 10 * steps
    run = replace(config.run, log_every=1, validate_every=never, sample_every=never, checkpoint_every=never)
    optimiser = replace(config.optimiser, steps=steps, precision="no", kind="adamw")  # Muon may iterate in bfloat16
    return replace(config, data=data, run=run, optimiser=optimiser)


def train(config: Path, args: argparse.Namespace, out: Path, ranks: int, sharded: bool) -> list[float]:
    """The loss of every step. DataError: the training failed, with what it said."""
    launcher = ROOT / "configs" / "accelerate" / ("fsdp.yaml" if sharded else "processes.yaml")
    several = ("-m", "accelerate.commands.launch", "--config_file", launcher, "--num_processes", ranks)
    several = (*several, "--main_process_port", "0") if ranks > 1 else ()
    program = (ROOT / "recipes" / "train_ditar.py", "--config", config, "--train", args.train, "--valid", args.valid)
    command = [str(word) for word in (sys.executable, *several, *program, "--out", out, "--cpu")]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-20:])
        raise DataError(f"the training with {ranks} processes failed:\n{said}")
    lines = map(json.loads, (out / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [line[LOSS] for line in lines if LOSS in line]


def table(losses: dict[str, list[float]]) -> tuple[list[str], float]:
    """Markdown lines, and the largest relative difference from the first column."""
    names, first = list(losses), next(iter(losses.values()))
    lines = [f"| step | {' | '.join(names)} |", "|" + " --- |" * (1 + len(names))]
    for step, row in enumerate(zip(*losses.values(), strict=True)):
        lines.append(f"| {step + 1} | {' | '.join(f'{value:.7f}' for value in row)} |")
    apart = {
        name: max(abs(mine - one) / abs(one) for mine, one in zip(values, first, strict=True))
        for name, values in losses.items()
    }
    lines.append(f"| largest relative difference | {' | '.join(f'{value:.1e}' for value in apart.values())} |")
    return lines, max(apart.values())


def run(args: argparse.Namespace) -> float:
    """Train, print and write; returns the largest relative difference."""
    config = short_run(load_config(args.config, DiTARConfig), args.steps, args.batch_patches)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "config.yaml"
    write_lines(path, [yaml.safe_dump(to_dict(config))])
    losses = {}
    for ranks in args.ranks:
        name = f"{ranks} rank{'s' if ranks > 1 else ''}"
        losses[name] = train(path, args, args.out / f"{ranks}", ranks, False)
        if ranks > 1:
            losses[f"{name}, sharded"] = train(path, args, args.out / f"{ranks}-sharded", ranks, True)
    lines, apart = table(losses)
    write_lines(args.out / "ranks.md", lines)
    print("\n".join(lines))
    return apart


def main() -> int:
    """Parse arguments, compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="a file of configs/ditar")
    parser.add_argument("--train", required=True, type=Path, help="latents to train on, with statistics")
    parser.add_argument("--valid", required=True, type=Path, help="latents to validate on")
    parser.add_argument("--out", required=True, type=Path, help="folder of the runs; those that exist are not repeated")
    parser.add_argument("--ranks", type=positive, nargs="+", default=[1, 2, 4], metavar="N", help="(default 1 2 4)")
    parser.add_argument("--steps", type=positive, default=6, help="(default 6)")
    parser.add_argument("--batch-patches", type=positive, metavar="N", help="instead of the configuration's")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="(default 1e-5)")
    args = parser.parse_args()
    try:
        apart = run(args)
    except (ConfigError, DataError, OSError) as error:
        print(f"compare_ranks: error: {error}", file=sys.stderr)
        return 1
    if apart > args.tolerance:
        print(f"compare_ranks: the losses differ by {apart:.1e}, more than {args.tolerance:g}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
