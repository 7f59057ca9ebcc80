"""Activation checkpointing: the backward pass computes a block's activations again from its input (Chen et al., 2016,
arXiv 1604.06174)."""

from functools import partial

from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    _CHECKPOINT_PREFIX,
    CheckpointImpl,
    apply_activation_checkpointing,
    checkpoint_wrapper,
)

from ditar.config import ConfigError
from ditar.nn.transformer import Block


def checkpoint_blocks(module: nn.Module) -> None:
    """Wrap every transformer block of `module`, in place; names in state dicts stay. ConfigError if there are no blocks.

    Blocks draw no random numbers, so no random state is kept for the second pass.
    """
    if not any(isinstance(part, Block) for part in module.modules()):
        raise ConfigError(
            "run.activation_checkpointing is true, but this system has no transformer blocks; set it to false"
        )
    wrap = partial(checkpoint_wrapper, checkpoint_impl=CheckpointImpl.NO_REENTRANT, preserve_rng_state=False)
    apply_activation_checkpointing(module, checkpoint_wrapper_fn=wrap, check_fn=lambda part: isinstance(part, Block))


def plain_names(module: nn.Module) -> dict[str, nn.Parameter]:
    """Its parameters by the names that state dicts give them, wrapped or not."""
    return {name.replace(_CHECKPOINT_PREFIX, ""): p for name, p in module.named_parameters()}
