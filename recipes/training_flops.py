"""Parameters and training FLOPs of configurations on the same data, and how many steps cost as much as the first's.

    python recipes/training_flops.py --data exp/latents/train configs/ditar/small.yaml configs/baseline/matched.yaml

Reads only the index of --data (latents, or codes of the same frame rate): FLOPs depend on lengths, not on values.
Steps are taken evenly from the whole run, since curriculum and helpers change what a step costs.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from ditar.config import BaselineConfig, ConfigError, DiTARConfig, load_config, nearest_kind
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.codes import CodecInfo
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.train.ditar_system import DiTARSystem
from ditar.train.flops import step_flops
from ditar.train.speech_system import SpeechSystem
from ditar.train.token_system import TokenSystem
from ditar.units import HOP_SAMPLES, LATENT_RATE_HZ, SAMPLE_RATE_HZ


class Lengths(LatentStore):
    """An index whose utterances are zeros of `width` channels, or codebooks of `codec`."""

    def __init__(self, folder: Path, width: int, codec: CodecInfo | None = None):
        super().__init__(folder, torch.zeros(width), torch.ones(width))
        self.codec, self._width = codec, width
        self._frames = {entry.utt: entry.frames for entry in self.entries}

    def latents(self, utt: str) -> torch.Tensor:
        """(T, width) of zeros."""
        return torch.zeros(self._frames[utt], self._width)


def build(path: str, data: Path) -> SpeechSystem:
    """The system of a configuration of either kind. ConfigError if it is of neither kind, or has another frame rate."""
    if nearest_kind(path, (DiTARConfig, BaselineConfig)) is DiTARConfig:
        config = load_config(path, DiTARConfig)
        store = Lengths(data, config.model.latent_channels)
        return DiTARSystem(replace(config, data=config.data.with_clean_references()), store, store)
    config = load_config(path, BaselineConfig)
    if config.model.frame_rate_hz != LATENT_RATE_HZ:
        raise ConfigError(
            f"{path} has {config.model.frame_rate_hz:g} frames a second and the index counts {LATENT_RATE_HZ}; "
            "only systems of one frame rate can be compared on it"
        )
    audio = next(kind for kind in config.model.streams if kind.name == "audio")
    codec = CodecInfo(config.model.codec, SAMPLE_RATE_HZ, HOP_SAMPLES, len(audio.delays), audio.card)
    store = Lengths(data, codec.codebooks, codec)
    return TokenSystem(config, store, store)


def describe(path: str, data: Path, sampled: int) -> dict:
    """Parameters, steps, FLOPs of a step and of the run."""
    system = build(path, data)
    steps = system.config.optimiser.steps
    per_step = step_flops(system, [round(i * (steps - 1) / max(1, sampled - 1)) for i in range(sampled)])
    parameters = sum(p.numel() for p in system.model.parameters())
    return {"config": path, "parameters": parameters, "steps": steps, "step_flops": per_step, "flops": per_step * steps}


def main() -> int:
    """Parse arguments, count and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="+", help="files of configs/ditar and configs/baseline")
    parser.add_argument("--data", required=True, type=Path, help="a folder of latents or codes")
    parser.add_argument("--sample", type=positive, default=6, help="steps to count (default 6)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    try:
        rows = [describe(path, args.data, args.sample) for path in args.configs]
    except (ConfigError, DataError, OSError) as error:
        print(f"training_flops: error: {error}", file=sys.stderr)
        return 1
    for row in rows:
        row["steps_of_equal_flops"] = round(rows[0]["flops"] / row["step_flops"])
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    print("| configuration | parameters | steps | FLOPs a step | FLOPs in all | steps with the first's FLOPs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row['config']} | {row['parameters'] / 1e6:.2f} M | {row['steps']} | {row['step_flops'] / 1e9:.1f} G | "
            f"{row['flops'] / 1e15:.3f} P | {row['steps_of_equal_flops']} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
