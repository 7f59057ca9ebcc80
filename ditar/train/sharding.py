"""Fully sharded training (FSDP2; Zhao et al., 2023, arXiv 2304.11277): each rank holds a share of every weight, and of
its gradient, optimiser state and average; a block's weights are whole on every rank only while it computes.

Used if `accelerate launch` was told so (configs/accelerate/fsdp.yaml), on GPUs as on CPUs.
"""

import contextlib
import copy
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from ditar.config import ConfigError
from ditar.nn.transformer import Transformer
from ditar.train.optimiser import average_decay


def asked_for() -> bool:
    """Whether the launcher was told to shard. ConfigError: for FSDP1."""
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return False
    if (version := os.environ.get("FSDP_VERSION", "1")) != "2":
        raise ConfigError(f"fsdp_version is {version}; set it to 2, as in configs/accelerate/fsdp.yaml")
    return dist.is_initialized()


def shard(module: nn.Module, device: torch.device) -> None:
    """Shard `module`, in place: every transformer block by itself, the rest together. Before its optimisers are built.
    ConfigError if it has no transformers."""
    stacks = [part for part in module.modules() if isinstance(part, Transformer)]
    if not stacks:
        raise ConfigError(
            "this system has no transformer blocks to shard; launch it with configs/accelerate/multi_gpu.yaml"
        )
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for stack in stacks:
        for block in stack.blocks:
            fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)


def like(value: Tensor, place: Tensor) -> Tensor:
    """A whole tensor, the same on all ranks, as `place` is: sharded, or not."""
    if isinstance(place, DTensor):
        return distribute_tensor(value.to(place.device), place.device_mesh, place.placements)
    return value


def spread(optimisers: list[torch.optim.Optimizer]) -> None:
    """Shard the state of optimisers, whole on every rank, as their parameters are; their counts of steps stay."""
    for optimiser in optimisers:
        for parameter, entries in optimiser.state.items():
            entries |= {key: like(value, parameter) for key, value in entries.items() if key != "step"}


class ShardedAverage:
    """What `WeightAverage` is of a module that is not sharded. Made before `module` is, and begun after."""

    def __init__(self, module: nn.Module, decay: float):
        self._module, self._decay, self._updates = module, decay, 1
        # On the CPU: shape and buffers of what `whole` returns.
        self._copy = copy.deepcopy(module).to("cpu").eval().requires_grad_(False)
        self._shards: list[Tensor] = []

    def begin(self, root: nn.Module) -> None:
        """The average of one: the initial weights. `root` is what was sharded, and holds the module."""
        self._root = root
        self._shards = [p.detach().clone() for p in self._module.parameters()]

    @torch.no_grad()
    def update_parameters(self, module: nn.Module) -> None:
        """Follow the trained weights: each rank its share."""
        trained = [p.detach() for p in module.parameters()]
        torch._foreach_lerp_(self._shards, trained, 1.0 - average_decay(self._updates, self._decay))
        self._updates += 1

    @contextlib.contextmanager
    def whole(self) -> Iterator[nn.Module]:
        """The averaged module, whole on every rank, for as long as it is used; so are the other weights of `root`
        outside of blocks. All ranks must enter and leave together."""
        device = self._shards[0].device
        module = copy.deepcopy(self._copy).to(device)
        with torch.no_grad():
            for mine, share in zip(module.parameters(), self._shards, strict=True):
                mine.copy_(share.full_tensor())
            for mine, theirs in zip(module.buffers(), self._module.buffers(), strict=True):
                mine.copy_(theirs)
        self._root.unshard()
        try:
            yield module
        finally:
            self._root.reshard()

    def tensors(self) -> dict[str, Tensor]:
        """See WeightAverage: shares, and buffers."""
        shares = zip((name for name, _ in self._copy.named_parameters()), self._shards, strict=True)
        return {**self._module.state_dict(), **dict(shares)}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], updates: int) -> None:
        """See WeightAverage; `tensors` are shares or whole."""
        for (name, _), share in zip(self._copy.named_parameters(), self._shards, strict=True):
            share.copy_(tensors[name] if isinstance(tensors[name], DTensor) else like(tensors[name], share))
        self._updates = updates
