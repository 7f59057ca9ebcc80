"""The one training loop: phases, accumulation, clipping, schedule, average, validation, checkpoints, resume.

One process or many (`accelerate launch`) train on the same global batch: every rank reads its rows, noise is keyed by
(seed, step, utterance), and losses are divided by counts over all ranks. So a run may continue with another number of
ranks, sharded over them or not, and a run that was killed has the same losses as one that was not.
"""

import contextlib
import math
import shutil
import sys
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch import nn
from tqdm import tqdm

from ditar.config import OptimiserConfig, RunConfig, to_dict
from ditar.nn.precision import in_bfloat16, multiplies_bfloat16
from ditar.storage.lock import only_writer
from ditar.train.activations import checkpoint_blocks
from ditar.train.checkpoint import CheckpointError, checkpoints, make_run_folder, save_checkpoint
from ditar.train.compilation import compile_blocks
from ditar.train.errors import Interrupted, TrainingError
from ditar.train.exported import WHOLE, note_step, step_of, write_whole
from ditar.train.interrupt import StopSignals
from ditar.train.means import StepMeans
from ditar.train.optimiser import WeightAverage, build_optimisers, learning_rate
from ditar.train.ranks import Ranks
from ditar.train.resume import resume
from ditar.train.sharded_checkpoint import save_sharded
from ditar.train.sharding import ShardedAverage, asked_for, shard
from ditar.train.step import optimiser_step
from ditar.train.tracker import Tracker

NAMES = {"bf16": "bfloat16", "no": "float32"}  # by accelerate's name


class System(Protocol):
    """What the loop trains. A step is one pass over `phases(step)`; each phase has its own optimiser."""

    loss: nn.Module  # holds every trained parameter; its forward is called by `forward`
    model: nn.Module  # the part that is averaged, validated and exported
    optimised: dict[str, nn.Module]  # phase -> the module whose parameters it moves
    constant_rates: dict[str, float]  # phase -> its learning rate, if it does not follow the schedule
    data_digest: str  # of the training data: a run does not resume with other data
    more_digests: dict[str, str]  # likewise, of the held-out data, ...; older checkpoints lack some
    steps_place_data: bool  # whether a run of another length reads other data at the same step (a curriculum)
    epoch_starts: list[int]  # up to the next epoch's; saved in checkpoints, since finding it takes a plan of each epoch
    sometimes_unused: bool  # whether a step may leave trained parameters without a gradient
    never_used: tuple[nn.Module, ...]  # parts of `loss` that no step gives a gradient

    def phases(self, step: int) -> tuple[str, ...]:
        """Names of the phases of this step, in order."""

    def batch(self, step: int, part: int, phases: tuple[str, ...], rank: int = 0, ranks: int = 1) -> Any:
        """This rank's rows of batch `part` (of `accumulation`) of a step: a pure function of its arguments; the rows of
        all ranks are the batch. Has `.to(device)` and `.utterances`."""

    def counts(self, batch: Any) -> torch.Tensor:
        """What the losses are averaged over, float64 (K,): the loop sums it over parts and ranks."""

    def forward(
        self, loss: nn.Module, phase: str, batch: Any, step: int, counts: torch.Tensor
    ) -> tuple[torch.Tensor, dict]:
        """This batch's share of a phase's loss and of its parts by name, from the (possibly wrapped) `loss` module:
        sums divided by the summed `counts`, so that the shares of all parts and ranks add up to the loss."""

    def validate(self, model: nn.Module, step: int, rank: int = 0, ranks: int = 1) -> list[tuple[int, Any]]:
        """What this rank found on its part of the held-out data, with its place there."""

    def figures(self, found: list[tuple[int, Any]]) -> dict[str, float]:
        """Figures from what all ranks found, in the order of places, the same for any number of ranks; `validation`
        decides which checkpoint is best (lower wins)."""

    def sample(self, model: nn.Module, step: int, tracker: Tracker) -> dict[str, float]:
        """Slower figures, audio and pictures."""

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write the averaged model in the form in which it is used."""


def train(
    system: System,
    optimiser: OptimiserConfig,
    run: RunConfig,
    out: Path,
    config: Any,
    cpu: bool = False,
    patience: int | None = None,
) -> None:
    """Train `system` for `optimiser.steps` steps; resumes from the newest checkpoint under `out`.

    Args:
        out: gets `checkpoints/step-*`, `best`, `final` and `log.jsonl`; `final/step` says whose weights these are.
        config: the whole typed configuration, stored with the digest of the data. A resume with another one is
            refused, except for what `run` reports, what `resume.MAY_CHANGE` names and, if no data depends on it, the
            number of steps.
        cpu: train on the CPU even if there is a GPU.
        patience: end after this many validations without a better one, and make the best the final one; at least 1.

    ConfigError: `run.activation_checkpointing`, `run.compile_blocks` or sharding of a system without transformer blocks.
    TrainingError: a loss or gradient that is not finite. CheckpointError: the disk refuses. InUseError: another run
    writes to `out`. Interrupted: SIGINT or SIGTERM, after a checkpoint.
    """
    # Looking for parameters without a gradient takes a walk through the graph of every step.
    wrapping = DistributedDataParallelKwargs(
        find_unused_parameters=system.sometimes_unused, broadcast_buffers=False
    )
    patient = InitProcessGroupKwargs(timeout=timedelta(seconds=run.timeout_s))
    place = torch.device("cuda" if torch.cuda.is_available() and not cpu else "cpu")
    precision = "bf16" if in_bfloat16(optimiser.precision, place) else "no"
    accelerator = Accelerator(mixed_precision=precision, cpu=cpu, kwargs_handlers=[wrapping, patient])
    ranks = Ranks(accelerator, run.timeout_s)
    if accelerator.is_main_process:
        make_run_folder(out)
        slow = precision == "bf16" and not multiplies_bfloat16(accelerator.device)
        remedy = "; it has no instructions for that and would be many times faster with optimiser.precision auto or no"
        print(f"products in {NAMES[precision]} on {accelerator.device}{remedy * slow}", file=sys.stderr)
    with only_writer(out) if accelerator.is_main_process else contextlib.nullcontext():
        _train_alone(system, optimiser, run, out, config, accelerator, ranks, patience)


def _train_alone(
    system: System,
    optimiser: OptimiserConfig,
    run: RunConfig,
    out: Path,
    config: Any,
    accelerator: Accelerator,
    ranks: Ranks,
    patience: int | None,
) -> None:
    """`train`, in a folder to which no other run writes."""
    main = accelerator.is_main_process
    system.loss.to(accelerator.device)
    sharded = asked_for()
    kind = ShardedAverage if sharded else WeightAverage
    average = kind(system.model, optimiser.ema_decay)  # before its original is wrapped
    if run.activation_checkpointing:
        checkpoint_blocks(system.loss)
    if run.compile_blocks:
        compile_blocks(system.loss)
    if sharded:
        shard(system.loss, accelerator.device)
        average.begin(system.loss)
    optimisers = {phase: build_optimisers(m, optimiser) for phase, m in system.optimised.items()}
    flat = [o for group in optimisers.values() for o in group]
    folder = out / "checkpoints"
    trained_with = {"config": to_dict(config), "data": system.data_digest, **system.more_digests}
    first, best = 0, math.inf
    means, logged = StepMeans(), 0  # of the steps after `logged`
    if found := checkpoints(folder):
        state, changed = resume(found[-1], system, average, flat, trained_with, type(config))
        first, best, logged = state["step"], state["best"], state["logged"]
        means.resume(state, first - logged)
        accelerator.print(f"resumed {found[-1]}" + (f", with other settings: {changed}" if changed else ""))
    _same_everywhere(accelerator, first, out)
    for part in system.never_used:  # known to the optimisers all the same, as checkpoints are
        part.requires_grad_(False)
    # Sharded, it only lacks the precision; accelerate's own FSDP2 is for GPUs only.
    loss_module = accelerator.prepare_model(system.loss, evaluation_mode=sharded)
    tracker = Tracker(out, main, first)

    def save(done: int) -> None:
        state = {"best": best, "logged": logged, "trained_with": trained_with, **means.state()}
        state["epoch_starts"] = system.epoch_starts[:-1]  # the last ends the current epoch
        tensors = {"model": system.loss.state_dict(), "average": average.tensors()}
        if sharded:
            with ranks.together(f"the checkpoint at step {done}"):
                save_sharded(folder, done, tensors, system.loss, flat, state, run.keep_checkpoints, ranks)
        elif main:
            save_checkpoint(folder, done, tensors, flat, state, run.keep_checkpoints)

    def judge(done: int, finished: Collection[str] = ()) -> None:
        """Due validation and samples; they follow the checkpoint, since they may be interrupted."""
        last = done == optimiser.steps
        due = {"valid": done % run.validate_every == 0 or last, "sample": done % run.sample_every == 0 or last}
        due = {name for name in due if due[name] and name not in finished}
        if due:
            with average.whole() as model:
                judge_whole(model, done, due)

    def judge_whole(model: nn.Module, done: int, due: set[str]) -> None:
        nonlocal best
        if "valid" in due:
            found = system.validate(model, done, ranks.index, ranks.count)
            with ranks.together(f"the validation at step {done}"):
                figures = system.figures(ranks.gather(found))
                if not math.isfinite(figures["validation"]):
                    told = ", ".join(f"{name} {value:g}" for name, value in figures.items())
                    raise TrainingError(
                        f"the validation at step {done} is no number ({told}): the held-out data hold something that is "
                        "none, or the weights are beyond repair; leave it out, or go on from other weights (--init)"
                    )
            if main and figures["validation"] < best:
                best = figures["validation"]
                write_whole(out / "best", lambda folder: system.export(model, folder))
            tracker.scalars({f"valid/{k}": v for k, v in figures.items()}, done)
        if main and "sample" in due:
            figures = system.sample(model, done, tracker)
            tracker.scalars({f"sample/{k}": v for k, v in figures.items()}, done)

    def out_of_patience(done: int) -> bool:
        """The main process knows, and all ranks must agree."""
        if patience is None or done % run.validate_every:
            return False
        over = torch.tensor([float(main and tracker.without_improvement >= patience)], device=accelerator.device)
        return bool(accelerator.reduce(over, "sum") > 0)

    done, best = first, min([best, *tracker.validations])
    if first:
        judge(first, ranks.as_main(tracker.done_at_first))
    early = bool(first) and out_of_patience(first)
    steps = range(first, first if early else optimiser.steps)
    bar = tqdm(steps, initial=first, total=optimiser.steps, mininterval=10, dynamic_ncols=True,
               disable=not accelerator.is_local_main_process)  # fmt: skip
    with StopSignals() as stop:
        for step in bar:
            rate = learning_rate(step, optimiser)
            for phase, several in optimisers.items():
                for group in (group for one in several for group in one.param_groups):
                    group["lr"] = system.constant_rates.get(phase, rate)
            with ranks.together(f"step {step}"):
                figures, stopping = optimiser_step(
                    system, loss_module, step, optimiser, optimisers, accelerator, folder, stop
                )
            means.add(figures)
            average.update_parameters(system.model)
            done = step + 1
            if done % run.log_every == 0 or done == optimiser.steps:
                logged, figures = done, means.take()
                tracker.scalars({**{f"train/{k}": v for k, v in figures.items()}, "train/learning_rate": rate}, done)
                shown = [name for name in figures if not name.startswith(("seconds_", "gradient_norm_"))]
                bar.set_postfix({name: f"{figures[name]:.4g}" for name in shown[:4]})
            if done % run.checkpoint_every == 0 or done == optimiser.steps or stopping:
                save(done)
            if stopping:
                _leave(accelerator)
                raise Interrupted(f"asked to stop; step {done} is checkpointed: run the same command to go on")
            judge(done)
            if early := out_of_patience(done):
                break
    if early:
        accelerator.print(f"ended early after step {done}: {patience} validations without a better one")
    if ranks.as_main(first < done or step_of(out / "final") not in (done, WHOLE)):

        def write_final(folder: Path) -> None:
            if early:
                shutil.copytree(out / "best", folder)
            else:
                system.export(model, folder)
            note_step(folder, done)

        with average.whole() as model:
            if main:
                write_whole(out / "final", write_final)
    tracker.close()
    _leave(accelerator)


def _leave(accelerator: Accelerator) -> None:
    """The end of all ranks: a launcher kills the others as soon as one has ended, and gloo's threads sometimes abort
    Python's exit if the group is left open. Closing it waits for these threads and does not let go of Python's lock,
    which they need to give back their last tensors: seen once, as a rank that never ended."""
    accelerator.wait_for_everyone()
    time.sleep(0.2 * (accelerator.num_processes > 1))
    accelerator.end_training()


def _same_everywhere(accelerator: Accelerator, first: int, out: Path) -> None:
    """CheckpointError if ranks found different checkpoints: a folder that they do not share, or not yet."""
    found = accelerator.gather(torch.tensor([first], device=accelerator.device)).tolist()
    if len(set(found)) > 1:
        raise CheckpointError(f"the processes go on from different steps {found}; give an --out that all share ({out})")
