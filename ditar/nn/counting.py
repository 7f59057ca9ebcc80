"""The size of a module, and its arithmetic as torch counts it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(module: nn.Module | None) -> int:
    """None has none."""
    return 0 if module is None else sum(p.numel() for p in module.parameters())


@torch.no_grad()
def count_flops(run: Callable[[], Any]) -> tuple[int, Any]:
    """The operations of `run()`, a multiplication and an addition being two, and what it returns."""
    with FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops(), result
