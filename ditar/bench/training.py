"""A training step of DiTAR, timed: patches a second, shares of its parts, padding, memory, MFU."""

import resource
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ditar.config import DiTARConfig
from ditar.data.latents import LatentStore
from ditar.nn.precision import autocast
from ditar.train.activations import checkpoint_blocks
from ditar.train.compilation import compile_blocks
from ditar.train.ditar_system import DiTARSystem
from ditar.train.optimiser import build_optimisers
from ditar.train.plan import one_pass


def time_training(
    config: DiTARConfig, store: LatentStore, device: torch.device, steps: int, backend: str | None = None
) -> dict[str, Any]:
    """Time `steps` steps behind two that warm up.

    `backend` compiles the blocks as `run.compile_blocks` does. Parts are timed separately on the inputs of a real step,
    forward and backward, so the remainder of their sum is what lies between them. `tflops`: a second's arithmetic
    as `ditar.train.plan` counts it, which is what MFU is a share of there and here.
    """
    # The lengths of most of the run; latents of poor recordings are as many.
    config = replace(config, data=replace(config.data.with_clean_references(), curriculum_until=0.0))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    profile = _Profile(config, store, device, backend)
    clock = time.perf_counter()
    profile.step(0)
    profile.step(1)
    warm_up = time.perf_counter() - clock
    profile.forget()
    for number in range(steps):
        profile.step(2 + number)
    step_s = sum(profile.seconds.values()) / steps
    rate = profile.patches / steps / step_s
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device.type == "cuda":
        memory = torch.cuda.max_memory_allocated(device) / 2**30
    parts = profile.part_seconds(2)
    return {
        "compiled": backend is not None,
        "patches_a_second": rate,
        "patches_a_step": profile.patches / steps,
        "step_s": step_s,
        "shares": {name: seconds / steps / step_s for name, seconds in profile.seconds.items()},
        "parts": {name: seconds / step_s for name, seconds in parts.items()},
        "padding": 1 - profile.patches / profile.padded,
        "peak_gib": memory,
        "warm_up_s": warm_up,
        "tflops": profile.flops_per_patch() * rate / 1e12,
    }


class _Profile:
    """One system on one device, in the precision of its configuration."""

    def __init__(self, config: DiTARConfig, store: LatentStore, device: torch.device, backend: str | None):
        self.system = DiTARSystem(config, store, store)
        self.device, self.config = device, config
        self.system.loss.to(device)
        self.parts = {
            "aggregation encoder": self.system.model.encoder,
            "LM": self.system.model.lm,
            "LocDiT": self.system.model.locdit,
        }
        self.optimisers = build_optimisers(self.system.loss, config.optimiser)
        if config.run.activation_checkpointing:
            checkpoint_blocks(self.system.loss)
        if backend is not None:
            compile_blocks(self.system.loss, backend)
        self.forget()

    def forget(self) -> None:
        """Begin to measure anew."""
        self.seconds: dict[str, float] = defaultdict(float)
        self.rows = self.symbols = self.patches = self.padded = 0.0

    def autocast(self):
        return autocast(self.config.optimiser.precision, self.device)

    def step(self, number: int) -> None:
        """One training step, timed."""
        clock = time.perf_counter()

        def lap(name: str) -> None:
            nonlocal clock
            _synchronise(self.device)
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
        self.rows += len(batch.patch_counts)
        self.symbols += float(batch.symbol_counts.sum())
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
            args, kwargs = _move(args, self.device), {k: _move(v, self.device) for k, v in kwargs.items()}
            times = []
            for _ in range(4):
                _synchronise(self.device)
                clock = time.perf_counter()
                with self.autocast():
                    output = part(*args, **kwargs)
                    hidden = output if isinstance(output, torch.Tensor) else output.h
                hidden.float().sum().backward()
                _synchronise(self.device)
                times.append(time.perf_counter() - clock)
            found[name] = sorted(times)[1]
            self.system.loss.zero_grad(set_to_none=True)
        return found

    def flops_per_patch(self) -> float:
        """Of both passes over rows of the mean length, without padding and what checkpointing computes again."""
        patches, symbols = (max(2, round(total / self.rows)) for total in (self.patches, self.symbols))
        return one_pass(self.config, 1, patches, symbols).flops / patches


def _synchronise(device: torch.device) -> None:
    """Wait until the device has finished: on a GPU kernels run asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _move(value, device: torch.device):
    """Detached copies of a module's inputs, requiring gradients where the originals did."""
    if isinstance(value, torch.Tensor):
        copied = value.detach().to(device)
        return copied.requires_grad_(value.requires_grad) if value.is_floating_point() else copied
    return type(value)(_move(v, device) for v in value) if isinstance(value, (list, tuple)) else value
