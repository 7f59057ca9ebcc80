"""torch.compile, block by block: transformers of any depth share one block's code, and whatever wraps, shards or
checkpoints a block from outside still sees a module."""

import torch
from torch import nn

from ditar.config import ConfigError
from ditar.nn.transformer import Block

# Compiled forms of one function: a form each of the encoder's, the LM's and LocDiT's blocks (other widths, a mask or
# none, all positions or the last ones), with gradients and without, for fixed lengths and then for any.
MOST_FORMS = 64


def compile_blocks(module: nn.Module, backend: str = "inductor") -> None:
    """Compile every transformer block of `module`, in place; names in state dicts stay. ConfigError if there are none.

    Nothing is compiled before a block's first call. Lengths that change make one form for all of them.
    """
    blocks = [part for part in module.modules() if isinstance(part, Block)]
    if not blocks:
        raise ConfigError("run.compile_blocks is true, but this system has no transformer blocks; set it to false")
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, MOST_FORMS)
    for block in blocks:
        block.compile(backend=backend)
