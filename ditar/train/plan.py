"""What training a configuration will take: memory of a rank, arithmetic, time and money. Nothing is allocated: the
state is counted on the meta device, activations and arithmetic by passing tensors without data through the model."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ditar.config import ConfigError, DiTARConfig
from ditar.model.ditar import DiTAR
from ditar.model.loss import DiTARLoss
from ditar.nn.alignment import AlignmentHelpers
from ditar.nn.attention import Mask, SoftmaxAttention, share_heads
from ditar.nn.counting import count_parameters
from ditar.nn.transformer import Block
from ditar.train.activations import checkpoint_blocks
from ditar.train.optimiser import muon_names
from ditar.units import LATENT_RATE_HZ

FLOAT32 = 4  # bytes; weights, gradients, optimiser and average have it in either precision


@dataclass(frozen=True)
class Machine:
    """What the run gets: GPUs, TFLOP/s of one at its peak in the run's precision, the share of the peak that training
    reaches (MFU), and the price of an hour of one."""

    gpus: int
    peak_tflops: float
    mfu: float
    price: float | None = None


def plan(config: DiTARConfig, machine: Machine) -> dict:
    """Bytes of a rank by what holds them, also of a sharded run (`ditar/train/sharding.py`), FLOPs of a step (a multiplication and an addition are two; what checkpointing
    computes again is no part of them, nor of MFU), patches a second, days, GPU hours and cost.

    Examples are taken to be as long as they may be (`data.max_seconds`), and texts as the model expects them.
    ConfigError: a batch that holds fewer examples than there are GPUs.
    """
    frames = round(config.data.max_seconds * LATENT_RATE_HZ)
    patches = max(2, frames // config.model.patch_frames)
    symbols = max(1, round(config.data.max_seconds / config.model.seconds_per_symbol))
    examples = config.data.batch_patches / patches
    if examples < machine.gpus:
        raise ConfigError(
            f"data.batch_patches is {config.data.batch_patches}: {examples:.1f} examples of data.max_seconds, "
            f"{config.data.max_seconds:g} s, and so less than one for each of {machine.gpus} GPUs; raise it, or give "
            "fewer --gpus"
        )
    rows = math.ceil(examples / machine.gpus)  # of the rank that has most
    passed = one_pass(config, rows, patches, symbols)
    whole, sharded = (state_bytes(config, machine.gpus, which) for which in (False, True))
    activations = {"activations": passed.kept, "activations_checkpointing": passed.kept_checkpointing}
    batch = config.data.batch_patches * config.optimiser.accumulation
    step_flops = passed.flops / (rows * patches) * batch
    step_s = step_flops / (machine.mfu * machine.peak_tflops * 1e12 * machine.gpus)
    hours = config.optimiser.steps * step_s / 3600
    return {
        "examples_of_a_rank": rows,
        "bytes_of_a_rank": whole | activations,
        "bytes_of_a_rank_sharded": sharded | activations,
        "patches_a_step": batch,
        "flops_a_step": step_flops,
        "patches_a_second": batch / step_s,
        "steps": config.optimiser.steps,
        "step_s": step_s,
        "days": hours / 24,
        "gpu_hours": hours * machine.gpus,
        "cost": None if machine.price is None else hours * machine.gpus * machine.price,
    }


def state_bytes(config: DiTARConfig, gpus: int, sharded: bool = False) -> dict[str, int]:
    """Bytes of the rank that has most between two steps and, the last two, after a backward pass.

    AdamW keeps two numbers for each parameter and counts the steps of each tensor, Muon keeps one number. Several ranks
    keep gradients a second time, in the buffers in which DistributedDataParallel sums them. Sharded, they hold rows of
    every tensor and, for a time, in full: what is in no block, two blocks (the next is fetched meanwhile), and the
    gradients of the former and of one block.
    """
    with torch.device("meta"):
        module = training_module(config)
    held = {name: _share(p, gpus if sharded else 1) for name, p in module.named_parameters()}
    muon = muon_names(module, config.optimiser)
    first = sum(count for name, count in held.items() if name in muon)
    weights = FLOAT32 * sum(held.values())
    state = {
        "weights": weights,
        "optimiser": FLOAT32 * (first + sum(2 * count + 1 for name, count in held.items() if name not in muon)),
        "average": FLOAT32 * sum(count for name, count in held.items() if name.startswith("model.")),
        "gradients": weights,
    }
    if not sharded:
        return state | {"buffers": weights if gpus > 1 else 0}
    blocks = [count_parameters(part) for part in module.modules() if isinstance(part, Block)]
    outside = count_parameters(module) - sum(blocks)
    return state | {"buffers": FLOAT32 * (2 * outside + 3 * max(blocks))}


def _share(parameter: Tensor, ranks: int) -> int:
    """Numbers of the rank that has most: rows are dealt out."""
    rows = len(parameter)
    return -(-rows // ranks) * (parameter.numel() // rows)


def training_module(config: DiTARConfig) -> DiTARLoss:
    """What `DiTARSystem` trains, on the current default device."""
    model = DiTAR(config.model)
    helpers = AlignmentHelpers(config.model.lm.width, config.model.patch_frames, len(model.config.symbols))
    return DiTARLoss(config.loss, model, helpers)


@dataclass(frozen=True)
class Pass:
    """Bytes that a forward pass keeps for the backward pass, without and with checkpointing (then also what one block
    keeps while it is computed again), and FLOPs of both passes without it."""

    kept: int
    kept_checkpointing: int
    flops: int


def one_pass(config: DiTARConfig, rows: int, patches: int, symbols: int) -> Pass:
    """Of the three transformers with what joins them, over full rows of as many patches and symbols."""
    with FakeTensorMode():
        model = DiTAR(config.model)
        for part in model.modules():
            if isinstance(part, SoftmaxAttention):
                part.forward = _attend
        weights = {p.untyped_storage()._cdata for p in model.parameters()}

        def run() -> Tensor:
            return _forward(config, model, rows, patches, symbols)

        with FlopCounterMode(display=False) as counter:
            kept, output = _kept(run, weights)
            output.backward()
        blocks = [part.transformer.blocks[0] for part in (model.encoder, model.lm, model.locdit)]
        again = _most_kept_by_one(blocks, run)
        checkpoint_blocks(model)
        return Pass(kept, _kept(run, weights)[0] + again, counter.get_total_flops())


def _forward(config: DiTARConfig, model: DiTAR, rows: int, patches: int, symbols: int) -> Tensor:
    """DiTAR.forward and the loss without what depends on data: every row is full, every patch is trained."""
    c, draws = config.model, config.loss.noise_draws
    with torch.autocast("cpu", torch.bfloat16, enabled=config.optimiser.precision != "no"):  # auto: on GPUs
        latents = torch.empty(rows, patches, c.patch_frames, c.latent_channels)
        audio = model.embed_patches(latents[:, :-1].flatten(0, 1)).unflatten(0, (rows, patches - 1))
        ids = torch.empty(rows, symbols, dtype=torch.long)
        h = model.lm(ids, torch.empty(rows, dtype=torch.long), audio).h
        stop = model.stop_head(h)
        every = rows * patches
        noisy = torch.empty(draws * every, c.patch_frames, c.latent_channels)
        past = torch.empty(draws * every, c.history_patches, c.patch_frames, c.latent_channels)
        exists = torch.empty(draws * every, c.history_patches, dtype=torch.bool)
        u = model.locdit(noisy, torch.empty(len(noisy)), h.flatten(0, 1).repeat(draws, 1), past, exists)
    return (u.float() - noisy).square().mean() + stop.float().mean()


def _kept(run: Callable[[], Tensor], without: set[int]) -> tuple[int, Tensor]:
    """Bytes of the storages that `run` keeps for its backward pass, each once, and what it returns."""
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in without:
            kept[storage._cdata] = storage  # held, so that no other gets its address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = run()
    return sum(storage.nbytes() for storage in kept.values()), output


def _most_kept_by_one(blocks: list[nn.Module], run: Callable[[], Tensor]) -> int:
    """The most bytes that one of the blocks keeps while `run` calls it, its inputs and weights aside."""
    found = []

    def alone(block: nn.Module, args: tuple) -> None:
        handles.pop(block).remove()  # not once more, from within
        own = {x.untyped_storage()._cdata for x in (*block.parameters(), *_tensors(args))}
        found.append(_kept(lambda: block(*args), own)[0])

    handles = {block: block.register_forward_pre_hook(alone) for block in blocks}
    run()
    return max(found)


def _tensors(values: tuple) -> list[Tensor]:
    found = [_tensors(value) if isinstance(value, tuple) else [value] for value in values]
    return [value for some in found for value in some if isinstance(value, Tensor)]


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Mask = None) -> Tensor:
    """SoftmaxAttention as fused kernels compute it."""
    return _FusedAttention.apply(query, share_heads(key, query.shape[1]), share_heads(value, query.shape[1]))


class _FusedAttention(torch.autograd.Function):
    """Keeps its inputs, its output and a number for each query, no weights; two products forward, four backward. The
    numbers themselves are of no interest."""

    @staticmethod
    def forward(ctx, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        output = query @ key.mT @ value
        ctx.save_for_backward(query, key, value, output, output.new_empty(query.shape[:-1], dtype=torch.float32))
        return output

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, ...]:
        query, key, value, _, _ = ctx.saved_tensors
        weights = gradient @ value.mT
        return weights @ key, weights.mT @ query, weights.mT @ gradient
