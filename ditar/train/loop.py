"""The one training loop: phases, accumulation, clipping, schedule, average, validation, checkpoints, resume."""

import math
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import nn
from tqdm import tqdm

from ditar.config import OptimiserConfig, RunConfig, to_dict
from ditar.train.checkpoint import CheckpointError, checkpoints, load_checkpoint, save_checkpoint
from ditar.train.optimiser import WeightAverage, build_optimisers, learning_rate
from ditar.train.tracker import Tracker


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the step, the utterances and the last good checkpoint."""


class System(Protocol):
    """What the loop trains. A step is one pass over `phases(step)`; each phase has its own optimiser."""

    loss: nn.Module  # holds every trained parameter; its forward is called by `forward`
    model: nn.Module  # the part that is averaged, validated and exported
    optimised: dict[str, nn.Module]  # phase -> the module whose parameters it moves

    def phases(self, step: int) -> tuple[str, ...]:
        """Names of the phases of this step, in order."""

    def batch(self, step: int, part: int, phases: tuple[str, ...]) -> Any:
        """Batch `part` (of `accumulation`) of a step: a pure function of its arguments. Has `.to(device)` and
        `.utterances`."""

    def forward(self, loss: nn.Module, phase: str, batch: Any, step: int) -> tuple[torch.Tensor, dict]:
        """Loss of a phase and its parts by name, from the (possibly wrapped) `loss` module."""

    def validate(self, model: nn.Module, step: int) -> dict[str, float]:
        """Figures on held-out data; `validation` is the one that decides which checkpoint is best (lower wins)."""

    def sample(self, model: nn.Module, step: int, tracker: Tracker) -> dict[str, float]:
        """Slower figures, audio and pictures."""

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write the averaged model in the form in which it is used."""


def train(system: System, optimiser: OptimiserConfig, run: RunConfig, out: Path, config: Any, cpu: bool = False) -> None:
    """Train `system` for `optimiser.steps` steps; resumes from the newest checkpoint under `out`.

    `config` is the whole typed configuration: it is stored, and a resume with another model shape is refused.
    Writes `out/checkpoints/step-*`, `out/best`, `out/final`, `out/log.jsonl`. TrainingError on a loss that is not
    finite, CheckpointError on a disk that refuses.
    """
    accelerator = Accelerator(mixed_precision=optimiser.precision, cpu=cpu)
    system.loss.to(accelerator.device)
    optimisers = {phase: build_optimisers(m, optimiser) for phase, m in system.optimised.items()}
    flat = [o for group in optimisers.values() for o in group]
    average = WeightAverage(system.model, optimiser.ema_decay)
    folder = out / "checkpoints"
    first, best = 0, math.inf
    if found := checkpoints(folder):
        first, best = _resume(found[-1], system, average, flat, config)
        accelerator.print(f"resumed {found[-1]}")
    loss_module = accelerator.prepare_model(system.loss)
    tracker = Tracker(out, accelerator.is_main_process)
    sums: dict[str, float] = defaultdict(float)
    bar = tqdm(range(first, optimiser.steps), initial=first, total=optimiser.steps, mininterval=10, dynamic_ncols=True,
               disable=not accelerator.is_local_main_process)  # fmt: skip
    logged = first
    for step in bar:
        rate = learning_rate(step, optimiser)
        for one in flat:
            for group in one.param_groups:
                group["lr"] = rate
        for name, value in _step(system, loss_module, step, optimiser, optimisers, accelerator, folder).items():
            sums[name] += value
        average.update(system.model, step)
        done = step + 1
        if done % run.log_every == 0 or done == optimiser.steps:
            means = {f"train/{k}": v / (done - logged) for k, v in sums.items()}
            tracker.scalars({**means, "train/learning_rate": rate}, done)
            bar.set_postfix({k.split("/")[1]: f"{v:.4g}" for k, v in list(means.items())[:4]})
            sums.clear()
            logged = done
        # Checkpoint first: validation may be interrupted, and what was trained must not be lost with it.
        if accelerator.is_main_process and (done % run.checkpoint_every == 0 or done == optimiser.steps):
            tensors = {"model": system.loss.state_dict(), "average": average.module.state_dict()}
            state = {"best": best, "config": to_dict(config)}
            save_checkpoint(folder, done, tensors, flat, state, run.keep_checkpoints)
        if accelerator.is_main_process and (done % run.validate_every == 0 or done == optimiser.steps):
            figures = system.validate(average.module, done)
            tracker.scalars({f"valid/{k}": v for k, v in figures.items()}, done)
            if figures["validation"] < best:
                best = figures["validation"]
                system.export(average.module, out / "best")
        if accelerator.is_main_process and (done % run.sample_every == 0 or done == optimiser.steps):
            figures = system.sample(average.module, done, tracker)
            tracker.scalars({f"sample/{k}": v for k, v in figures.items()}, done)
    if accelerator.is_main_process:
        system.export(average.module, out / "final")
    tracker.close()


def _step(system, loss_module, step, config, optimisers, accelerator, folder) -> dict[str, float]:
    """One optimiser step of every phase. Returns the mean of each part of the losses, and seconds spent."""
    figures: dict[str, float] = defaultdict(float)
    phases = system.phases(step)
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        figures[f"seconds_{name}"] += now - clock
        clock = now

    batches = [system.batch(step, part, phases).to(accelerator.device) for part in range(config.accumulation)]
    lap("data")
    for phase in phases:
        for batch in batches:
            loss, parts = system.forward(loss_module, phase, batch, step)
            lap("forward")
            if not torch.isfinite(loss):
                last = checkpoints(folder)
                raise TrainingError(
                    f"the {phase} loss is {loss.item()} at step {step} (parts: "
                    f"{ {k: v.item() for k, v in parts.items()} }) on utterances {', '.join(batch.utterances[:8])}; "
                    f"last good checkpoint: {last[-1] if last else 'none'}; lower the learning rate or look at these "
                    "utterances"
                )
            accelerator.backward(loss / config.accumulation)
            lap("backward")
            for name, value in parts.items():
                figures[name] += float(value.detach()) / config.accumulation
        parameters = [p for g in optimisers[phase] for group in g.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
        figures[f"gradient_norm_{phase}"] = float(norm)
        for one in optimisers[phase]:
            one.step()
        # All gradients, also those that one phase left on another's parameters.
        system.loss.zero_grad(set_to_none=True)
        lap("optimiser")
    return figures


def _resume(path: Path, system: System, average: WeightAverage, optimisers: list, config: Any) -> tuple[int, float]:
    tensors, state = load_checkpoint(path, optimisers)
    mine, theirs = to_dict(config)["model"], state["config"]["model"]
    if mine != theirs:
        different = [k for k in mine if mine[k] != theirs.get(k)]
        raise CheckpointError(
            f"{path} was trained with another model: "
            + "; ".join(f"{k} is {theirs.get(k)!r} there and {mine[k]!r} here" for k in different)
            + "; give another --out or the configuration that it was trained with"
        )
    system.loss.load_state_dict(tensors["model"])
    average.module.load_state_dict(tensors["average"])
    return state["step"], state["best"]
