"""One step of training: the losses of all parts and ranks, their gradients, and the optimisers."""

import contextlib
import math
import time
from collections import defaultdict

import torch
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from ditar.train.checkpoint import checkpoints
from ditar.train.errors import TrainingError
from ditar.train.resume import CALMING


def optimiser_step(
    system, loss_module, step, config, optimisers, accelerator, folder, stop
) -> tuple[dict[str, float], bool]:
    """One optimiser step of every phase. Returns each part of the losses (of the whole batch, on every rank) with the
    seconds spent, and whether any rank was asked to stop."""
    figures: dict[str, float] = defaultdict(float)
    phases, ranks = system.phases(step), accelerator.num_processes
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        figures[f"seconds_{name}"] += now - clock
        clock = now

    def refuse(what: str, value: float, batches: list, parts: dict | str) -> None:
        utterances = [u for batch in batches for u in batch.utterances][:8]
        last = checkpoints(folder)
        raise TrainingError(
            f"the {what} is {value} at step {step} (parts: {parts}) on utterances {', '.join(utterances)}; last good "
            f"checkpoint: {last[-1] if last else 'none'}; resume with lower {' or '.join(CALMING)} in the "
            "configuration, or take these utterances out and start again (another --out, with --init for the weights)"
        )

    parts = range(config.accumulation)
    batches = [system.batch(step, p, phases, accelerator.process_index, ranks).to(accelerator.device) for p in parts]
    wish = torch.tensor([float(stop.received is not None)], dtype=torch.float64)
    counted = torch.stack([system.counts(batch).cpu() for batch in batches]).sum(dim=0)
    shared = torch.cat((wish, counted))
    shared = accelerator.reduce(shared.to(accelerator.device), "sum").cpu()
    counts = shared[1:]
    lap("data")
    for phase in phases:
        sums: dict[str, torch.Tensor] = {}
        for number, batch in enumerate(batches):
            # Gradients are averaged over ranks after the last part only; sharded ones after each, since until then every
            # rank would hold them whole.
            waiting = number < len(batches) - 1 and not isinstance(loss_module, FSDPModule)
            with accelerator.no_sync(loss_module) if waiting else contextlib.nullcontext():
                loss, values = system.forward(loss_module, phase, batch, step, counts)
                lap("forward")
                if not torch.isfinite(loss):
                    refuse(f"{phase} loss", loss.item(), [batch], {k: v.item() for k, v in values.items()})
                accelerator.backward(loss * ranks)  # undoes the averaging: shares add up
                lap("backward")
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value.detach().double()
        parameters = [p for g in optimisers[phase] for group in g.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
        norm = float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
        if not math.isfinite(norm):
            refuse(f"gradient norm of the {phase}", norm, batches, {k: v.item() for k, v in sums.items()})
        figures[f"gradient_norm_{phase}"] = norm
        for one in optimisers[phase]:
            one.step()
        # All gradients, including those that one phase left on another's parameters.
        system.loss.zero_grad(set_to_none=True)
        stacked = torch.stack([value.to(accelerator.device) for value in sums.values()])
        whole = accelerator.reduce(stacked, "sum").tolist()
        for name, value in zip(sums, whole):
            figures[name] += value
        lap("optimiser")
    return figures, bool(shared[0] > 0)
