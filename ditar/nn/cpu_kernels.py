"""FOR SPEED ON CPUS ONLY. Nothing here changes a result by more than rounding: without this file and the one call of
`install` in ditar/nn/__init__.py, everything works as the other files say.

    RMSNorm.forward            fewer calls, and a gradient in few passes
    Attention.split_heads      in training: RoPE, split and layout in one pass, each way
    SoftmaxAttention.forward   in training: explicit products for many short sequences
    Linear.forward             without gradients: weights prepacked for oneDNN,
    FeedForward.forward        there with GELU in the same call
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.modules import module

from ditar.nn.attention import Attention, Mask, SoftmaxAttention, apply_rotary_emb
from ditar.nn.linear import Linear
from ditar.nn.norm import RMSNorm
from ditar.nn.transformer import FeedForward

PLAIN = {
    (RMSNorm, "forward"): RMSNorm.forward,
    (Attention, "split_heads"): Attention.split_heads,
    (SoftmaxAttention, "forward"): SoftmaxAttention.forward,
    (Linear, "forward"): Linear.forward,
    (FeedForward, "forward"): FeedForward.forward,
}


def install() -> None:
    """Replace the plain methods by those below, in this process. They fall back to the plain ones on other devices,
    under `torch.func` and forward-mode derivatives, and under a compiler, which fuses the plain form itself (but not
    that of attention)."""
    RMSNorm.forward, Attention.split_heads = _rms_norm, _split_heads
    SoftmaxAttention.forward = _attend
    if torch.backends.mkldnn.is_available():
        Linear.forward, FeedForward.forward = _linear, _feed_forward


@contextmanager
def plain_methods() -> Iterator[None]:
    """The methods as the other files have them, for who counts their arithmetic; for one thread."""
    installed = {(owner, name): getattr(owner, name) for owner, name in PLAIN}
    try:
        for (owner, name), method in PLAIN.items():
            setattr(owner, name, method)
        yield
    finally:
        for (owner, name), method in installed.items():
            setattr(owner, name, method)


def _plain(x: Tensor) -> bool:
    if x.device.type != "cpu" or torch.compiler.is_compiling():  # first: a compiler looks no further
        return True
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


class _RMSNorm(torch.autograd.Function):
    """torch's own rms_norm runs as many passes, and its gradient as more (4.7 ms against 2 ms for 5760 x 256 in
    bfloat16, forward and backward)."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide)
        inverse = norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_().to(x.dtype)  # (..., 1)
        ctx.save_for_backward(x, inverse, weight)
        ctx.epsilon = epsilon
        return (x * inverse).mul_(weight.to(x.dtype))

    @staticmethod
    def backward(ctx, gradient: Tensor):
        x, inverse, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative may follow, in which `inverse` depends on x
            return (*_plain_gradients(x, weight, ctx.epsilon, gradient), None)
        unit = x * inverse
        weight_gradient = (gradient * unit).flatten(0, -2).sum(0).to(weight.dtype)
        gradient = gradient * weight.to(gradient.dtype)
        mean = torch.linalg.vecdot(gradient, unit).div_(unit.shape[-1]).unsqueeze(-1)
        return gradient.addcmul_(unit, mean, value=-1).mul_(inverse), weight_gradient, None


def _plain_gradients(x: Tensor, weight: Tensor, epsilon: float, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Those of x and weight, as functions of all that is given."""
    wide = torch.promote_types(x.dtype, weight.dtype)
    inverse = x.to(wide).square().mean(-1, keepdim=True).add(epsilon).rsqrt()
    unit, scaled = x.to(wide) * inverse, gradient.to(wide) * weight.to(wide)
    mean = (scaled * unit).mean(-1, keepdim=True)
    of_weight = (gradient.to(wide) * unit).flatten(0, -2).sum(0)
    return ((scaled - unit * mean) * inverse).to(x.dtype), of_weight.to(weight.dtype)


def _rms_norm(self: RMSNorm, x: Tensor) -> Tensor:
    if _plain(x):
        return PLAIN[RMSNorm, "forward"](self, x)
    if torch.is_grad_enabled():
        return _RMSNorm.apply(x, self.weight, self.epsilon)
    # torch's is a dozen calls, which matter in the small steps of generation: these four make a second of speech 6 %
    # cheaper. sqrt(sum x^2 / n + epsilon) = hypot(|x|, sqrt(n epsilon)) / sqrt(n).
    width = x.shape[-1]
    wide = torch.float32 if x.dtype == torch.float16 else x.dtype  # a norm may exceed 65504
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide)
    root = torch.hypot(norm, _scalar((width * self.epsilon) ** 0.5, wide)).mul_(width**-0.5).to(x.dtype)
    return torch.div(x, root).mul_(self.weight.to(x.dtype))


@cache
def _scalar(value: float, dtype: torch.dtype) -> Tensor:
    """A tensor of a number, since hypot takes nothing else; made once."""
    return torch.tensor(value, dtype=dtype, device="cpu")  # whatever the default device: only CPU tensors come here


class _SplitHeads(torch.autograd.Function):
    """(B, S, heads * d) -> (B, n, S, d) for each n in `groups`, all but the last rotated by their positions.

    In memory heads come first, so that the batched products of `_attend` need no copies. All groups share one buffer,
    and so do their gradients, where slicing would add up padded copies.
    """

    @staticmethod
    def forward(ctx, x: Tensor, cosine: Tensor, sine: Tensor, groups: tuple[int, ...]):
        ctx.tables, ctx.groups, ctx.rotated = (cosine, sine), groups, sum(groups[:-1])
        source = x.unflatten(-1, (sum(groups), -1)).permute(2, 0, 1, 3)
        out = torch.empty(source.shape, dtype=x.dtype, device=x.device)
        _rotate(source, out, cosine, sine, ctx.rotated, 1)
        return tuple(part.transpose(0, 1) for part in out.split(groups))

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        if torch.is_grad_enabled():  # a second derivative may follow
            cosine, sine = (table.unsqueeze(1) for table in ctx.tables)
            rotated, others = torch.cat(gradients, 1).split((ctx.rotated, ctx.groups[-1]), 1)
            back = apply_rotary_emb(rotated, (cosine, -sine))
            return torch.cat((back, others), 1).transpose(1, 2).flatten(2), None, None, None
        batch, _, length, width = gradients[0].shape
        out = gradients[0].new_empty(batch, length, sum(ctx.groups), width)
        start = 0
        for gradient, size in zip(gradients, ctx.groups):
            target = out.permute(2, 0, 1, 3)[start : start + size]
            rotated = max(0, min(size, ctx.rotated - start))
            _rotate(gradient.transpose(0, 1), target, *ctx.tables, rotated, -1)
            start += size
        return out.flatten(2), None, None, None


def _rotate(source: Tensor, out: Tensor, cosine: Tensor, sine: Tensor, rotated: int, sign: int) -> None:
    """Rotate the first `rotated` of heads (heads, B, S, d) forward (sign 1) or back (-1); the others are copied."""
    half = source.shape[-1] // 2
    cosine, sine = cosine[..., half:], sine[..., half:]
    a, b = source[:rotated, ..., :half], source[:rotated, ..., half:]
    first, second = out[:rotated, ..., :half], out[:rotated, ..., half:]
    if rotated:
        torch.mul(a, cosine, out=first).addcmul_(b, sine, value=-sign)
        torch.mul(b, cosine, out=second).addcmul_(a, sine, value=sign)
    if rotated < source.shape[0]:
        out[rotated:].copy_(source[rotated:])


def _split_heads(self: Attention, qkv: Tensor, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    if not torch.is_grad_enabled() or _plain(qkv):  # in small steps fewer calls matter more than fewer passes
        return PLAIN[Attention, "split_heads"](self, qkv, tables)
    cosine, sine = (table.to(qkv.dtype).squeeze(1) for table in tables)  # (1 or B, S, d)
    return _SplitHeads.apply(qkv, cosine, sine, (self.heads, self.kv_heads, self.kv_heads))


# Many short sequences are trained with explicit products, since torch's kernel works on blocks of hundreds of keys
# (measured: 640 sequences of 9 tokens, forward and backward, 7.5 ms against 87 ms); the kernel wins for one or two, and
# for the forward pass alone (8 sequences, one query and 200 keys each, in bfloat16: 44 us against 377).
EXPLICIT_FROM, EXPLICIT_BELOW = 4, 512  # sequences, keys


def _attend(
    self: SoftmaxAttention, query: Tensor, key: Tensor, value: Tensor, mask: Mask = None
) -> Tensor:
    many = torch.is_grad_enabled() and query.shape[0] >= EXPLICIT_FROM and key.shape[2] < EXPLICIT_BELOW
    if not many or query.device.type != "cpu":
        return PLAIN[SoftmaxAttention, "forward"](self, query, key, value, mask)
    query, key, value = (x.transpose(0, 1) for x in (query, key, value))  # heads first: see _SplitHeads
    if len(query) != len(key):
        key, value = (x.repeat_interleave(len(query) // len(key), 0) for x in (key, value))
    scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
    if isinstance(mask, Tensor):
        scores = scores + mask.to(scores.dtype).squeeze(1)
    elif mask is not None:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    return (scores.softmax(-1).to(value.dtype) @ value).transpose(0, 1)


# Weights from which prepacked ones are faster, measured from 192 x 192 to 768 x 3072 with weights that are not in the
# nearest cache: below that, the call costs more than it saves.
FEWEST_WEIGHTS = {torch.float32: 256 * 256, torch.bfloat16: 1}
PACKED_FOR = 16  # rows; the layout serves other numbers as well, a single row too
# Rows in float32. More are a prefill, a recording or a batch, of which there are all numbers, and oneDNN keeps some
# code for every number of rows that it meets (half a MB a matrix): these are filled up, by an eighth at most, to one of
# a few. (torch's own product in bfloat16 is oneDNN's as well.)
MOST_ROWS = 32


@cache
def packs_bfloat16() -> bool:
    """Whether oneDNN has products in bfloat16 for this CPU (AVX2 alone is not enough); without, packing for them
    fails."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


class _Prepacked:
    """A copy of a Linear's weights in the order in which the CPU's matrix units read them. Copies and pickles of the
    Linear do not carry it. What is written through `weight.data` or a view in numpy is not seen; nor is a step of a
    fused optimiser, but it needs a gradient, and with that the copy is given up."""

    def __init__(self, weight: Tensor):
        self.place, self.version = weight.data_ptr(), weight._version
        self.storage = StorageWeakRef(weight.untyped_storage())  # new weights may take the address of freed ones
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), PACKED_FOR)

    def holds(self, weight: Tensor) -> bool:
        """Whether these are the weights, and unchanged."""
        return self.place == weight.data_ptr() and self.version == weight._version and not self.storage.expired()

    def __reduce__(self):
        return type(None), ()


def _linear(self: Linear, x: Tensor) -> Tensor:
    """torch repacks the weights for every product, which for a few rows costs as much as the product itself, and reads
    them slowly for a single one. Measured on one core (AMD EPYC, AVX-512) in float32, weights of 320 x 1280 that come
    from the last cache: 102 us against 48 for one row, 273 against 102 for 18, 2.3 ms against 1.0 for 300.
    """
    if torch.is_grad_enabled():
        self.__dict__.pop("_held", None)  # a step may follow
        return PLAIN[Linear, "forward"](self, x)
    if _plain(x) or (packed := _prepacked(self, x)) is None:
        return PLAIN[Linear, "forward"](self, x)
    return _product(x, packed, self.bias, "none")


def _feed_forward(self: FeedForward, x: Tensor) -> Tensor:
    """A separate GELU costs 3 % of a second of speech in bfloat16."""
    up = self.up
    plain = self.gated or torch.is_grad_enabled() or _plain(x) or _is_changed(up)
    if plain or (packed := _prepacked(up, x)) is None:
        return PLAIN[FeedForward, "forward"](self, x)
    return self.down(_product(x, packed, None, "gelu"))


def _is_changed(up: Linear) -> bool:
    """Whether a call of it is more than its forward, or another: an adapter, a hook on it or on all modules, a method
    that replaces its own (as accelerate does)."""
    hooks = up._forward_hooks or up._forward_pre_hooks or module._global_forward_hooks
    return bool(type(up) is not Linear or "forward" in vars(up) or hooks or module._global_forward_pre_hooks)


def _product(x: Tensor, packed: Tensor, bias: Tensor | None, then: str) -> Tensor:
    count = x.shape[:-1].numel()
    if x.dtype != torch.float32 or count <= MOST_ROWS:
        return torch.ops.mkldnn._linear_pointwise(x, packed, bias, then, [], "none")
    step = 2 ** ((count - 1).bit_length() - 4)  # an eighth of the power of two below
    filled = F.pad(x.flatten(0, -2), (0, 0, 0, -count % step))
    y = torch.ops.mkldnn._linear_pointwise(filled, packed, bias, then, [], "none")
    return y[:count].unflatten(0, x.shape[:-1])


def _prepacked(linear: Linear, x: Tensor) -> Tensor | None:
    """Prepacked weights, if x gains from them; made in `torch.inference_mode`, in which a model generates.

    Frozen weights are left alone: an adapter may be merged into them, which their version does not show, or they are
    an average that changes before the copy would have paid off. So are weights with a gradient, see `_Prepacked`.
    """
    weight = linear.weight
    if x.dtype != weight.dtype or x.dtype not in FEWEST_WEIGHTS or not x.numel() or x.shape[-1] != weight.shape[1]:
        return None
    if x.dtype == torch.bfloat16 and not packs_bfloat16():
        return None
    changing = not weight.requires_grad or weight.grad is not None
    if changing or weight.numel() < FEWEST_WEIGHTS[x.dtype] or weight.is_inference():
        linear.__dict__.pop("_held", None)  # an adapter may be merged before they can be trained again
        return None
    held: _Prepacked | None = linear.__dict__.get("_held")
    if held is None or not held.holds(weight):
        held = _Prepacked(weight) if torch.is_inference_mode_enabled() else None
        linear.__dict__["_held"] = held
    return None if held is None else held.weight
