"""Arithmetic of a training step, counted by torch while it runs: makes two systems' training equally expensive."""

from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from ditar.train.speech_system import SpeechSystem


def _attention(query, key, value, *_, **__) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward(gradient, query, key, value, *_, **__) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)


# torch counts the kernels of GPUs and omits that of CPUs.
CPU_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}


def step_flops(system: SpeechSystem, steps: Sequence[int]) -> float:
    """Mean floating-point operations of these steps of a run, forward and backward, a multiplication and an addition
    counting as two; the optimiser, element-wise arithmetic and validation are not counted."""
    total = 0
    for step in steps:
        batch = system.batch(step, 0, system.phases(step))
        counts = system.counts(batch)
        with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
            system.forward(system.loss, "model", batch, step, counts)[0].backward()
        system.loss.zero_grad(set_to_none=True)
        total += counter.get_total_flops()
    return total * system.config.optimiser.accumulation / len(steps)
