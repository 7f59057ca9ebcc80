"""A training run of a small DiTAR as a program, for tests that kill it or run it on several processes.

    python -m tests.train.program LATENTS OUT STEPS KIND [PAUSE]

KIND is the optimiser: muon, whose iterations, mostly in bfloat16, blow up the last bits, or adamw for comparing sums in another
order, or adamw-checkpointing, the same with activation checkpointing, or adamw-plain, the same without helpers, so that
every parameter has a gradient in every step. PAUSE: seconds behind each step, so that a test has time to kill it at the step that it
wants.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from ditar.data.latents import LatentStore, read_statistics
from ditar.train.ditar_system import DiTARSystem
from ditar.train.errors import Interrupted
from ditar.train.loop import train
from tests.train.test_loop import make_config


class Slow(DiTARSystem):
    """Waits before it reads a batch."""

    pause_s = 0.0

    def batch(self, *arguments, **options):
        time.sleep(self.pause_s / 2)  # two batches a step
        return super().batch(*arguments, **options)


def main(latents: str, out: str, steps: str, kind: str, pause: str = "0") -> int:
    kind, _, also = kind.partition("-")
    config = make_config(steps=int(steps), accumulation=2, kind=kind, learning_rate=5e-4)
    every = replace(config.run, checkpoint_every=3, validate_every=6, sample_every=10**6)
    config = replace(config, run=replace(every, activation_checkpointing=also == "checkpointing"))
    if also == "plain":
        config = replace(config, loss=replace(config.loss, helper_until=0.0))
    mean, std = read_statistics(latents)
    store = LatentStore(latents, mean + 10, std * 20)
    try:
        system = Slow(config, store, store)
        system.pause_s = float(pause)
        train(system, config.optimiser, config.run, Path(out), config, cpu=True)
    except Interrupted as stopped:
        print(f"interrupted: {stopped}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
