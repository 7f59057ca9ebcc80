"""Where the time of DiTAR's training goes: patches a second, share of each part, padding, memory.

    python recipes/profile_train.py --config configs/ditar/small.yaml --latents exp/latents/train [--steps 10]
    [--compile]

Prints a Markdown table from one run; nothing is written. Parts are timed separately on the inputs of a real step,
forward and backward, so the remainder of their sum is what lies between them. MFU (6 x parameters x tokens of the three
transformers over the time of a step and --peak-tflops) is printed if the peak is given.
"""

import argparse
import resource
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics
from ditar.train.activations import checkpoint_blocks
from ditar.train.ditar_system import DiTARSystem
from ditar.train.optimiser import build_optimisers


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished: on a GPU kernels run asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def move(value, device: torch.device):
    """Detached copies of a module's inputs, requiring gradients where the originals did."""
    if isinstance(value, torch.Tensor):
        copied = value.detach().to(device)
        return copied.requires_grad_(value.requires_grad) if value.is_floating_point() else copied
    return type(value)(move(v, device) for v in value) if isinstance(value, (list, tuple)) else value


def first_tensor(output) -> torch.Tensor:
    """The hidden states of a part's output."""
    return output if isinstance(output, torch.Tensor) else output.h


class Profile:
    """One system on one device, in the precision of its configuration."""

    def __init__(self, config: DiTARConfig, store: LatentStore, device: torch.device, compiled: bool):
        self.system = DiTARSystem(config, store, store)
        self.device, self.config = device, config
        self.system.loss.to(device)
        self.parts = {
            "aggregation encoder": self.system.model.encoder,
            "LM": self.system.model.lm,
            "LocDiT": self.system.model.locdit,
        }
        if compiled:
            for part in self.parts.values():
                part.compile()  # not dynamic=True, which would make symbols of the layers in `keep`
        self.optimisers = build_optimisers(self.system.loss, config.optimiser)
        if config.run.activation_checkpointing:
            checkpoint_blocks(self.system.loss)
        self.seconds: dict[str, float] = defaultdict(float)
        self.patches = self.padded = 0.0

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.optimiser.precision == "bf16")

    def step(self, number: int) -> None:
        """One training step, timed."""
        clock = time.perf_counter()

        def lap(name: str) -> None:
            nonlocal clock
            synchronise(self.device)
            now = time.perf_counter()
            self.seconds[name] += now - clock
            clock = now

        batch = self.system.batch(number, 0, ("model",)).to(self.device)
        lap("data")
        with self.autocast():
            loss, _ = self.system.forward(self.system.loss, "model", batch, number, self.system.counts(batch))
        lap("forward")
        loss.backward()
        lap("backward")
        nn.utils.clip_grad_norm_(self.system.loss.parameters(), self.config.optimiser.clip_norm)
        for optimiser in self.optimisers:
            optimiser.step()
        self.system.loss.zero_grad(set_to_none=True)
        lap("optimiser")
        self.patches += float(batch.patch_counts.sum())
        self.padded += batch.latents.shape[0] * batch.latents.shape[1]

    def part_seconds(self, number: int) -> dict[str, float]:
        """Forward and backward of each part separately, on the inputs that it has in a step."""
        inputs, found = {}, {}
        hooks = [
            part.register_forward_pre_hook(
                lambda _, args, kwargs, n=name: inputs.update({n: (args, kwargs)}), with_kwargs=True
            )
            for name, part in self.parts.items()
        ]
        batch = self.system.batch(number, 0, ("model",)).to(self.device)
        with self.autocast():
            self.system.forward(self.system.loss, "model", batch, number, self.system.counts(batch))
        for hook in hooks:
            hook.remove()
        for name, part in self.parts.items():
            args, kwargs = inputs[name]
            args, kwargs = move(args, self.device), {k: move(v, self.device) for k, v in kwargs.items()}
            times = []
            for _ in range(4):
                synchronise(self.device)
                clock = time.perf_counter()
                with self.autocast():
                    output = first_tensor(part(*args, **kwargs))
                output.float().sum().backward()
                synchronise(self.device)
                times.append(time.perf_counter() - clock)
            found[name] = sorted(times)[1]
            self.system.loss.zero_grad(set_to_none=True)
        return found

    def flops_per_patch(self) -> float:
        """6 x parameters x tokens of the three transformers; the text's tokens are not counted."""
        model = self.config.model
        sizes = {name: sum(p.numel() for p in part.transformer.parameters()) for name, part in self.parts.items()}
        local = 1 + (1 + model.history_patches) * model.patch_frames
        return 6 * (
            sizes["aggregation encoder"] * (1 + model.patch_frames)
            + sizes["LM"]
            + sizes["LocDiT"] * local * self.config.loss.noise_draws
        )


def main() -> int:
    """Parse arguments, run, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--latents", required=True, type=Path, help="latents of the training set, with statistics")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--compile", action="store_true", help="torch.compile the three parts; reports its warm-up")
    parser.add_argument("--peak-tflops", type=float, help="of the device in this precision, for MFU")
    parser.add_argument("--cpu", action="store_true")
    args = parser.parse_args()
    try:
        config = load_config(args.config, DiTARConfig)
        config = replace(config, data=replace(config.data, curriculum_until=0.0))  # the lengths of most of the run
        store = LatentStore(args.latents, *read_statistics(args.latents))
    except (ConfigError, DataError) as error:
        print(f"profile_train: error: {error}", file=sys.stderr)
        return 1
    device = torch.device("cuda" if torch.cuda.is_available() and not args.cpu else "cpu")
    profile = Profile(config, store, device, args.compile)
    clock = time.perf_counter()
    profile.step(0)
    profile.step(1)
    warm_up = time.perf_counter() - clock
    profile.seconds.clear()
    profile.patches = profile.padded = 0.0
    for number in range(args.steps):
        profile.step(2 + number)
    step_s = sum(profile.seconds.values()) / args.steps
    parts = profile.part_seconds(2)
    rate = profile.patches / args.steps / step_s
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device.type == "cuda":
        memory = torch.cuda.max_memory_allocated() / 2**30
    print(f"| {args.config.name}, {device}, torch {torch.__version__}, {torch.get_num_threads()} threads | |")
    print("| --- | --- |")
    print(f"| patches a second | {rate:.0f} |\n| seconds a step | {step_s:.3f} |")
    for name, seconds in profile.seconds.items():
        print(f"| {name} | {seconds / args.steps / step_s:.0%} |")
    for name, seconds in parts.items():
        print(f"| {name}, forward and backward alone | {seconds / step_s:.0%} |")
    print(f"| places that are padding | {1 - profile.patches / profile.padded:.1%} |\n| peak memory | {memory:.2f} GiB |")
    print(f"| first two steps{' with torch.compile' if args.compile else ''} | {warm_up:.1f} s |")
    achieved = profile.flops_per_patch() * rate / 1e12
    print(f"| transformers' arithmetic | {achieved:.3f} TFLOP/s |")
    if args.peak_tflops:
        print(f"| MFU | {achieved / args.peak_tflops:.1%} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
