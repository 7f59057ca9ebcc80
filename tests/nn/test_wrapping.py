"""A block is an ordinary module: a trainer shards, checkpoints, compiles and watches it from outside."""

import copy

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.utils.checkpoint import checkpoint

from ditar.baseline.depth import DepthBlock
from ditar.config import BlockConfig
from ditar.nn import cpu_kernels
from ditar.nn.attention import QueryKey, rope_tables
from ditar.nn.cross_attention import padding_mask
from ditar.nn.transformer import Block, Transformer

CONFIG = BlockConfig(2, 16, 2, 24)
ROWS, LENGTH = 5, 6  # enough rows for the kernels of CPUs


def arguments():
    """x, tables, mask, outputs, cache, context of a block with cross-attention."""
    generator = torch.Generator().manual_seed(1)
    x, context = (torch.randn(ROWS, n, 16, generator=generator) for n in (LENGTH, 4))
    causal = torch.full((1, 1, LENGTH, LENGTH), float("-inf")).triu(1)
    hidden = context, padding_mask(torch.tensor([4, 3, 2, 1, 4]), 4, torch.float32)
    return x.requires_grad_(), rope_tables(torch.arange(LENGTH), 8, torch.float32), causal, slice(2, None), None, hidden


def block_and_wrapped(wrap):
    torch.manual_seed(0)
    block = Block(CONFIG, cross=True)
    return block, wrap(copy.deepcopy(block))


def results(block, gradients_of=None):
    """Output, kept queries and keys, gradients of x and of the parameters."""
    given, keep = arguments(), QueryKey()
    out = block(*given, keep=keep)
    query, key = keep.query, keep.key
    (out.square().sum() + (query[..., -1:, :] * key).sum()).backward()
    parameters = (gradients_of or block).parameters()
    gradients = [p.grad.full_tensor() if hasattr(p.grad, "full_tensor") else p.grad for p in parameters]
    return [out.detach(), query.detach(), key.detach(), given[0].grad, *gradients]


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def test_a_block_is_sharded_alone(mesh):
    plain, sharded = block_and_wrapped(lambda block: fully_shard(block, mesh=mesh))
    assert all(hasattr(p, "full_tensor") for p in sharded.parameters())  # they are shards
    torch.testing.assert_close(results(sharded), results(plain))


def test_a_model_of_sharded_blocks_trains(mesh):
    torch.manual_seed(0)
    plain = Transformer(CONFIG, cross=True)
    sharded = copy.deepcopy(plain)
    for block in sharded.blocks:
        fully_shard(block, mesh=mesh)
    x, _, _, _, _, (context, _) = arguments()
    losses = []
    for model in (plain, fully_shard(sharded, mesh=mesh)):
        out = model(
            x,
            rope_tables(torch.arange(LENGTH), 8, torch.float32),
            outputs=slice(-1, None),
            keep=(0,),
            context=model.read_context(context, torch.tensor([4, 3, 2, 1, 4])),
        )
        losses.append(out.hidden.square().sum() + (out.kept[0][0] * out.kept[0][1]).sum())
        losses[-1].backward()
    assert torch.allclose(*losses)
    for mine, theirs in zip(sharded.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad.full_tensor(), theirs.grad)


def test_a_block_is_checkpointed():
    plain, block = block_and_wrapped(lambda block: block)
    runs = []
    block.register_forward_pre_hook(lambda *_: runs.append(1))

    def recomputed(*given, **options):
        return checkpoint(block, *given, use_reentrant=False, **options)

    torch.testing.assert_close(results(recomputed, block), results(plain))
    assert len(runs) == 2  # forward, and again for the gradient


def test_a_block_is_compiled_alone():
    """Whole, with its gradient; the backend makes no code, which would take a minute."""
    plain, compiled = block_and_wrapped(lambda block: torch.compile(block, backend="aot_eager", fullgraph=True))
    torch.testing.assert_close(results(compiled), results(plain))


def test_hooks_on_a_block_and_in_it_fire():
    model, fired = Transformer(CONFIG), []
    for name, module in model.named_modules():
        if name.startswith("blocks"):
            module.register_forward_hook(lambda module, given, out, name=name: fired.append(name))
    model(arguments()[0], rope_tables(torch.arange(LENGTH), 8))
    assert set(fired) == {name for name, _ in model.named_modules() if name.startswith("blocks.")}
    assert len(fired) == len(set(fired))  # once each


def test_a_depth_block_is_sharded_checkpointed_and_compiled(mesh):
    torch.manual_seed(0)
    plain, x = DepthBlock(CONFIG, 3), torch.randn(ROWS, 3, 16)
    expected = plain(x)
    assert torch.allclose(checkpoint(plain, x, use_reentrant=False), expected, atol=1e-6)
    assert torch.allclose(torch.compile(plain, backend="aot_eager", fullgraph=True)(x), expected, atol=1e-6)
    assert torch.allclose(fully_shard(copy.deepcopy(plain), mesh=mesh)(x), expected, atol=1e-6)


def test_the_plain_modules_give_the_same():
    """Without the kernels of CPUs everything is the same within rounding."""
    plain, _ = block_and_wrapped(lambda block: block)
    fast = results(plain)
    plain.zero_grad()
    with cpu_kernels.plain_methods():
        torch.testing.assert_close(results(plain), fast, atol=1e-5, rtol=1e-4)
