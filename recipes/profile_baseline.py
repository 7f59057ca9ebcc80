"""Training and generation speed of configurations of the discrete baseline, on random tokens of their shapes.

    python recipes/profile_baseline.py configs/baseline/tiny_*.yaml [--rows 16] [--frames 60] [--steps 20]

Prints a Markdown table: training steps a second with their frames, frames a second and real-time factor for generating
one row with the configuration's guidance and sampling. Nothing is written.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from ditar.baseline.batch import TextCondition, TokenBatch
from ditar.baseline.generate import collect_tokens, generate_tokens
from ditar.baseline.lm import TokenLM
from ditar.baseline.loss import TokenLoss
from ditar.baseline.streams import UNKNOWN
from ditar.config import BaselineConfig, ConfigError, load_config
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.train.keys import keyed_generators
from ditar.train.optimiser import build_optimisers

SYMBOLS = 20  # of a row's text, unless it is a stream


def random_batch(model: TokenLM, rows: int, frames: int, seed: int) -> TokenBatch:
    """Random codes and texts."""
    noise, config = torch.Generator().manual_seed(seed), model.config
    parts = {}
    for kind in model.streams.kinds:
        allowed = [i for i in range(kind.first_code, kind.first_code + kind.card) if i not in kind.never]
        drawn = torch.randint(len(allowed), (rows, len(kind.delays), frames), generator=noise)
        parts[kind.name] = torch.tensor(allowed)[drawn]
    condition = None
    if config.text == "prefix":
        text = torch.randint(1, len(config.symbols), (rows, SYMBOLS), generator=noise)
        condition = TextCondition(text, torch.full((rows,), SYMBOLS))
    elif config.text == "cross":
        text = torch.randn(rows, SYMBOLS, config.text_width, generator=noise)
        condition = TextCondition(text, torch.full((rows,), SYMBOLS))
    names = [f"{seed}-{row}" for row in range(rows)]
    return TokenBatch(model.streams.stack(parts), torch.full((rows,), frames), condition, examples=names)


def train_seconds(config: BaselineConfig, model: TokenLM, rows: int, frames: int, steps: int) -> float:
    """Seconds of a training step, without the first two."""
    loss = TokenLoss(config.loss, model)
    optimisers, started = build_optimisers(loss, config.optimiser), 0.0
    for step in range(steps + 2):
        if step == 2:
            started = time.perf_counter()
        batch = random_batch(model, rows, frames, step)
        loss(batch, keyed_generators(0, step, batch.examples))["loss"].backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
    return (time.perf_counter() - started) / steps


def generate_seconds(model: TokenLM, frames: int) -> float:
    """Seconds for that many frames of one row."""
    batch = random_batch(model, 1, frames + model.streams.pattern.max_delay, 0)
    known = batch.tokens.clone()
    predicted = torch.tensor(model.streams.per_stream("predicted"))
    known[:, predicted] = UNKNOWN
    known = None if predicted.all() else known
    started = time.perf_counter()
    noise = [torch.Generator().manual_seed(0)]
    found = collect_tokens(generate_tokens(model, noise, max_frames=frames, condition=batch.condition, known=known))
    made = int(found.frame_counts[0])
    return (time.perf_counter() - started) * frames / max(1, made)


def main() -> int:
    """Parse arguments, measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="+", type=Path, help="files of configs/baseline")
    parser.add_argument("--rows", type=positive, default=16)
    parser.add_argument("--frames", type=positive, default=60)
    parser.add_argument("--steps", type=positive, default=20)
    args = parser.parse_args()
    titles = ("configuration", "parameters", "training steps/s", "frames of a step", "frames/s made", "RTF")
    print(f"| {' | '.join(titles)} |")
    print("| --- | --- | --- | --- | --- | --- |")
    for path in args.configs:
        try:
            config = load_config(path, BaselineConfig)
        except ConfigError as error:
            print(f"profile_baseline: error: {error}", file=sys.stderr)
            return 1
        torch.manual_seed(0)
        model = TokenLM(config.model)
        step = train_seconds(config, model, args.rows, args.frames, args.steps)
        took = generate_seconds(model.eval(), args.frames)
        speech = args.frames / config.model.frame_rate_hz
        print(
            f"| {path.stem} | {sum(p.numel() for p in model.parameters()) / 1e6:.3f} M | {1 / step:.1f} | "
            f"{args.rows * args.frames} | {args.frames / took:.0f} | {took / speech:.3f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
